"""Passwords and tokens: from the file that a setting names, on a laptop also from an env variable.

Never from anywhere else.
"""

import os
import stat
from collections.abc import Mapping

from cronocast.errors import ConfigError
from cronocast.settings.server import Server as Source
from cronocast.sinks.influx.settings import Settings as Sink

MAX_SECRET_BYTES = 4096  # a JWT with many claims has 2 kB; larger is another file
SCHEMES = {"none": "", "basic": "password", "token": "token", "bearer": "token"}  # scheme -> what it needs


def source_secret(source: Source, env: Mapping[str, str] = os.environ) -> str:
    """Password or token for reading; "" where none is needed.

    Raises:
        ConfigError: E_SECRET, the file or the variable is missing or holds no usable secret.
    """
    what = SCHEMES[source.auth]
    return _secret(what, _file(source, what), "source", env) if what else ""


def sink_secret(sink: Sink, source: Source, env: Mapping[str, str] = os.environ) -> str:
    """Password or token for writing; the source's where the sink names no user and no secret of its own.

    Args:
        sink: With its `auth` filled in from the source.
        source: Gives its secret where the sink has none.
        env: The environment.

    Raises:
        ConfigError: as `source_secret`.
    """
    what = SCHEMES[sink.auth or source.auth]
    own = _file(sink, what) or env.get(_variable("sink", what)) or sink.username not in (None, source.username)
    if what and not own and SCHEMES[source.auth] == what:
        return source_secret(source, env)
    return _secret(what, _file(sink, what), "sink", env) if what else ""


def _file(server: Source | Sink, what: str) -> str | None:
    return {"password": server.password_file, "token": server.token_file}.get(what)


def _variable(role: str, what: str) -> str:
    return f"CRONOCAST_{role.upper()}_{what.upper()}"


def _secret(what: str, path: str | None, role: str, env: Mapping[str, str]) -> str:
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
                raise ConfigError.one(
                    "E_SECRET", where, f"{path!a} is not a plain file; name the file that holds the secret"
                )
            if status.st_mode & stat.S_IROTH:
                raise ConfigError.one(
                    "E_SECRET",
                    where,
                    f"{path!a} can be read by everybody on the machine (mode {status.st_mode & 0o777:04o}); allowed:"
                    " chmod 0400",
                )
            return file.read(MAX_SECRET_BYTES + 2)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigError.one(
            "E_SECRET", where, f"{path!a}: {reason}; mount the secret there, readable by this user"
        ) from error


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
