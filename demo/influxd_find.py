"""Finds InfluxDB 1.x: on the PATH, else unpacked from the distribution's package without root, else as a container."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

IMAGE = "influxdb:1.8"  # the last 1.x in wide use; the package is 1.6.7
CONTAINER = "cronocast-influxd-"
PACKAGES = ("influxdb", "influxdb-client")
HELP = """cronocast needs InfluxDB 1.x for this, and found none:
{reasons}
What helps: on Debian or Ubuntu `apt-get install influxdb influxdb-client`; on macOS `brew install influxdb@1`, with its
`influxd` on the PATH; anywhere a running Docker or Podman."""


class NotFoundError(Exception):
    """No InfluxDB 1.x here, and no way to get one; the message says what was tried and what to install."""


def command(port: int, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The command that starts a server which reads its settings from `environment`.

    Args:
        port: Port on 127.0.0.1 that it must serve.
        folder: Folder of its data.
        environment: Its settings; a container does not inherit them.

    Raises:
        NotFoundError: there is none and no way to get one.
    """
    reasons: list[str] = []
    program = _on_path(reasons) or _unpacked(reasons)
    if program:
        return [program, "-config", os.devnull]
    if engine := _engine(reasons):
        # By name alone: the engine takes the values from its own environment, so that no secret stands among the
        # arguments.
        settings = [part for name in environment for part in ("-e", name)]
        place = ["-v", f"{folder}:{folder}", "--user", f"{os.getuid()}:{os.getgid()}", "-p", f"127.0.0.1:{port}:{port}"]
        settings += ["-e", f"INFLUXDB_HTTP_BIND_ADDRESS=:{port}"]
        return [
            engine,
            "run",
            "--name",
            f"{CONTAINER}{port}",
            "--rm",
            "--init",
            *place,
            *settings,
            IMAGE,
            "influxd",
            "-config",
            os.devnull,
        ]
    raise NotFoundError(HELP.format(reasons="\n".join(f"  - {reason}" for reason in reasons)))


def end_container(started: list[str]) -> None:
    """Remove the container that a command of `command` started, if it was one: it does not end with its client."""
    if started[1] == "run":
        _run([started[0], "rm", "-f", started[3]])


def shell() -> str | None:
    """The `influx` shell, if there is one."""
    unpacked = cache() / "usr/bin/influx"
    return shutil.which("influx") or (str(unpacked) if unpacked.exists() else None)


def cache() -> Path:
    """Folder into which the packages are unpacked."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "cronocast" / "influxdb"


def _on_path(reasons: list[str]) -> str | None:
    program = shutil.which("influxd")
    if program is None:
        reasons.append("no influxd on the PATH")
        return None
    version = _run([program, "version"]).stdout.strip()
    if re.match(r"InfluxDB v?1\.", version):
        return program
    reasons.append(f"{program} is {version[:60]!r}, not 1.x")
    return None


def _unpacked(reasons: list[str]) -> str | None:
    """The server from the distribution's package; fetched once, by one process, as any user."""
    program = cache() / "usr/bin/influxd"
    if not program.exists():
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            reasons.append("no apt-get and dpkg-deb to fetch the package with")
            return None
        cache().parent.mkdir(parents=True, exist_ok=True)
        with (cache().parent / "influxdb.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists() and (fault := _fetch()):
                reasons.append(f"the distribution's package could not be fetched: {fault}")
                return None
    return str(program)


def _fetch() -> str:
    """Unpack the packages into the cache; "" or what went wrong."""
    print(f"fetching InfluxDB (packages {' and '.join(PACKAGES)}) into {cache()}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=cache().parent) as name:
        work = Path(name)
        # Package lists of our own, should the system's be missing or too old: only root may refresh those.
        (work / "lists/partial").mkdir(parents=True)
        (work / "apt").mkdir()
        own = ["-o", f"Dir::State::lists={work}/lists", "-o", f"Dir::Cache={work}/apt"]
        for options in ([], own):
            if options:
                _run(["apt-get", *options, "update"], work)
            fetched = _run(["apt-get", *options, "download", *PACKAGES], work)
            if fetched.returncode == 0:
                break
        else:
            return (fetched.stderr.strip().splitlines() or ["no reason given"])[-1]
        for package in work.glob("*.deb"):
            unpacked = _run(["dpkg-deb", "-x", str(package), str(work / "root")])
            if unpacked.returncode != 0:
                return unpacked.stderr.strip()
        (work / "root").rename(cache())
    return ""


def _engine(reasons: list[str]) -> str | None:
    """A container engine that answers."""
    for name in ("docker", "podman"):
        if not shutil.which(name):
            reasons.append(f"no {name} on the PATH")
        elif _run([name, "info"]).returncode != 0:
            reasons.append(f"`{name} info` fails: it is installed but not running")
        else:
            return name
    return None


def _run(words: list[str], folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
