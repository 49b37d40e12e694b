"""The InfluxDB that tests run against, as the env variable CRONOCAST_TEST_INFLUXDB says.

python -m tests.servers [VERSION...]   every test that needs one, against each of these versions
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from demo.influxd import Influxd
from tests.influxd2 import Influxd2

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT.parent / "shared/servers"
VARIABLE = "CRONOCAST_TEST_INFLUXDB"
# What compiles a version, and where that lies below the folder of compiled servers; debian is whatever the demo finds.
COMPILED = {
    "1.8.3": ("influxdb1", "influxdb1/1.8.3"),
    "1.13.2": ("influxdb1", "influxdb1/1.13.2"),
    "2": ("influxdb2", "influxdb2"),
}
VERSIONS = ("debian", *COMPILED)
UNDER_TEST = os.environ.get(VARIABLE) or "debian"
IS_2 = UNDER_TEST == "2"
HAS_LIMITS = UNDER_TEST == "1.13.2"  # a policy's FUTURE LIMIT and PAST LIMIT, from 1.12 on


def home() -> Path:
    """Where the scripts keep what they have fetched or compiled."""
    own = os.environ.get("SERVERS_HOME")
    return Path(own) if own else Path.home() / ".cache/test-servers"


def folder(version: str) -> Path:
    """Where the `influxd` of a compiled version lies."""
    return home() / COMPILED[version][1]


def build(version: str) -> None:
    """Compile a version; nothing happens where that is done.

    Raises:
        SystemExit: there is no such version, or nothing to compile it with.
    """
    if version not in VERSIONS:
        raise SystemExit(f"{version!r} is no version to test against; allowed: {', '.join(VERSIONS)}")
    if version == "debian":
        return
    script = SCRIPTS / COMPILED[version][0]
    if not script.exists():
        raise SystemExit(
            f"no test against InfluxDB {version}: there is no ../shared/servers/{script.name} here that compiles it;"
            " `make test` runs the same tests against the InfluxDB that is installed"
        )
    if subprocess.run([script, "build"], env={**os.environ, "INFLUXDB1_VERSION": version}, check=False).returncode:
        raise SystemExit(f"InfluxDB {version} does not compile")


def choose() -> None:
    """Have every `Influxd` of this process and of those below it be the version under test, if that is of 1.x."""
    build(UNDER_TEST)
    if UNDER_TEST in COMPILED and not IS_2:
        os.environ["PATH"] = f"{folder(UNDER_TEST)}{os.pathsep}{os.environ['PATH']}"


def server(settings: Mapping[str, str | int] | None = None) -> Influxd:
    """A server of the version under test, not started yet; settings are of that version."""
    return Influxd2(folder("2") / "influxd", settings) if IS_2 else Influxd(settings=settings)


def passed(version: str) -> bool:
    """Run the tests against one version."""
    # Only of files that speak of the server, since to collect all takes ten times as long; the mark has the last word.
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if "e2e" not in path.parts]
    some = [str(path) for path in files if "influxd" in path.read_text()]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-m", "influxdb", *some]
    print(f"== InfluxDB {version}", flush=True)
    begin = time.monotonic()
    good = subprocess.run(command, cwd=ROOT, env={**os.environ, VARIABLE: version}, check=False).returncode == 0
    print(f"== InfluxDB {version} {'passed' if good else 'failed'}, {time.monotonic() - begin:.0f} s", flush=True)
    return good


def main(versions: list[str]) -> int:
    """Compile what is missing, then run the tests against one version after the other."""
    for version in versions:
        build(version)
    failed = [version for version in versions if not passed(version)]
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(VERSIONS)))
