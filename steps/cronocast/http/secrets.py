"""Passwords and tokens: from the file that a setting names, on a laptop also from an env variable.

Never from anywhere else.
"""

import os
import stat
from collections.abc import Mapping

from cronocast.errors import ConfigError
from cronocast.settings.server import Server

MAX_SECRET_BYTES = 4096  # a JWT with many claims has 2 kB; larger is another file
SCHEMES = {"none": "", "basic": "password", "token": "token", "bearer": "token"}  # scheme -> what it needs


def secret(server: Server, role: str, env: Mapping[str, str] = os.environ, lender: Server | None = None) -> str:
    """Password or token of a server; "" where none is needed.

    Args:
        server: Its settings.
        role: `source` or `sink`, as messages and env variables name it.
        env: The environment.
        lender: A source whose secret of the same kind stands in where `server` names no user and no secret of its own.

    Raises:
        ConfigError: E_SECRET, the file or the variable is missing or holds no usable secret.
    """
    what = SCHEMES[server.auth]
    if not what:
        return ""
    own = _file(server, what) or env.get(_variable(role, what))
    if not own and lender and SCHEMES[lender.auth] == what and server.username in (None, lender.username):
        return secret(lender, "source", env)
    return named_secret(what, _file(server, what), role, env)


def check_scheme(server: Server, role: str) -> None:
    """Refuse a sign-in whose parts do not fit together.

    Raises:
        ConfigError: E_SECRET, no user name for basic, or a file of a secret that the scheme does not take.
    """
    if server.auth == "basic" and not server.username:
        raise ConfigError.one("E_SECRET", f"{role}.username", "no user name although auth is basic; name the user")
    for what in ("password", "token"):
        if _file(server, what) and SCHEMES[server.auth] != what:
            right = "basic" if what == "password" else "token or bearer"
            raise ConfigError.one(
                "E_SECRET",
                f"{role}.{what}_file",
                f"is set although auth is {server.auth}; allowed: auth {right}, or leave it out",
            )


def _file(server: Server, what: str) -> str | None:
    return {"password": server.password_file, "token": server.token_file}.get(what)


def _variable(role: str, what: str) -> str:
    return f"CRONOCAST_{role.upper()}_{what.upper()}"


def named_secret(what: str, path: str | None, role: str, env: Mapping[str, str] = os.environ) -> str:
    """The secret of one setting `ROLE.WHAT_file`, in its file or in the variable `CRONOCAST_ROLE_WHAT`.

    Raises:
        ConfigError: E_SECRET, as `secret`.
    """
    variable = _variable(role, what)
    if path is not None:
        return _usable(_read(path, f"{role}.{what}_file"), f"{role}.{what}_file")
    if variable in env:
        return _usable(os.fsencode(env[variable]), variable)
    raise ConfigError.one(
        "E_SECRET", f"{role}.{what}_file", f"no {what}; name a file (mode 0400) here, or set {variable} on a laptop"
    )


def _read(path: str, where: str) -> bytes:
    """Content of a secret file; its path may be shown, its content never."""
    try:
        # The file may be a link: Kubernetes mounts secrets that way. Not to hang on a pipe: non-blocking.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                sentence = f"{path!a} is not a plain file; name the file that holds the secret"
                raise ConfigError.one("E_SECRET", where, sentence)
            if status.st_mode & stat.S_IROTH:
                mode = f"mode {status.st_mode & 0o777:04o}"
                sentence = f"{path!a} can be read by everyone on the machine ({mode}); allowed: chmod 0400"
                raise ConfigError.one("E_SECRET", where, sentence)
            return file.read(MAX_SECRET_BYTES + 2)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        sentence = f"{path!a}: {reason}; mount the secret there, readable by this user"
        raise ConfigError.one("E_SECRET", where, sentence) from error


def _usable(content: bytes, where: str) -> str:
    """The secret without the newline that editors leave behind."""
    text = content.removesuffix(b"\n").removesuffix(b"\r")
    if not text or len(text) > MAX_SECRET_BYTES:
        raise ConfigError.one(
            "E_SECRET", where, f"holds {'nothing' if not text else 'too much'}; allowed: 1 to {MAX_SECRET_BYTES} bytes"
        )
    try:
        secret = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError.one("E_SECRET", where, "is not UTF-8 text; allowed: one line of text") from error
    if not secret.isprintable():
        raise ConfigError.one("E_SECRET", where, "holds control characters or a second line; allowed: one line of text")
    return secret
