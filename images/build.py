"""Builds the images of images.txt with whichever of docker, podman and buildah is here, and prints their sizes.

    python3 images/build.py [NAME...]        all if none is named

PYTHON names another base image, REGISTRY and TAG what the images are called, ENGINE one of the three, BUILD_OPTIONS further options
of its build command (such as a volume with certificates). Standard library only.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
ENGINES = ("docker", "podman", "buildah")


def table() -> dict[str, str]:
    """Image name -> extras it carries, separated by blanks."""
    rows = [line.split(None, 1) for line in (HERE / "images.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {row[0]: (row[1].strip() if len(row) > 1 else "") for row in rows}


def engine() -> str:
    """The engine to build with: one that is here and answers.

    Raises:
        SystemExit: none does.
    """
    for name in [os.environ["ENGINE"]] if "ENGINE" in os.environ else ENGINES:
        if shutil.which(name) and subprocess.run([name, "images"], capture_output=True, check=False).returncode == 0:
            return name
    raise SystemExit(f"error: E_NO_ENGINE images: none of {', '.join(ENGINES)} is here and answers; install one, or name it with ENGINE")


def version() -> str:
    """The version of the package, read as text: nothing is installed yet."""
    text = (ROOT / "steps/cronocast/__init__.py").read_text()
    return text.split('__version__ = "')[1].split('"')[0]


def build(name: str, extras: str, tool: str, tag: str, base: str) -> None:
    """Build one image; its output goes to the terminal."""
    arguments = {"NAME": name, "EXTRAS": extras, "VERSION": version(), "REVISION": revision(), "PYTHON": base}
    command = [tool, "bud" if tool == "buildah" else "build", *shlex.split(os.environ.get("BUILD_OPTIONS", ""))]
    for key, value in arguments.items():
        command += ["--build-arg", f"{key}={value}"]
    subprocess.run([*command, "--file", str(HERE / "Dockerfile"), "--tag", tag, str(ROOT)], check=True, stdout=sys.stderr)


def revision() -> str:
    """The commit, or unknown outside a repository."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def size_mb(tool: str, tag: str) -> float:
    """Size of an image in 10**6 bytes, as the engine counts it."""
    if tool == "buildah":
        listed = json.loads(subprocess.run([tool, "images", "--json"], capture_output=True, text=True, check=True).stdout)
        text = next(i["size"] for i in listed if any(tag == n or n.endswith(f"/{tag}") for n in i.get("names") or []))
        number, unit = text.split()
        return float(number) * {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1000}[unit.upper()]
    return int(subprocess.run([tool, "image", "inspect", "--format", "{{.Size}}", tag], capture_output=True, text=True, check=True).stdout) / 1e6


def main() -> int:
    """Build what is named and print one row per image."""
    images, tool = table(), engine()
    registry, tag = os.environ.get("REGISTRY", "ghcr.io/cronocast"), os.environ.get("TAG", version())
    base = os.environ.get("PYTHON", "docker.io/library/python:3.11-slim-bookworm")
    if unknown := set(sys.argv[1:]) - set(images):
        raise SystemExit(f"error: E_IMAGE {sorted(unknown)[0]}: not in images.txt; known: {', '.join(images)}")
    rows = []
    for name in sys.argv[1:] or images:
        begin = time.monotonic()
        build(name, images[name], tool, f"{registry}/{name}:{tag}", base)
        rows.append((name, images[name] or "-", size_mb(tool, f"{registry}/{name}:{tag}"), time.monotonic() - begin))
    floor = size_mb(tool, base)
    print(f"| image | extras | MB | MB above the base ({floor:.0f}) | seconds to build |\n|---|---|---|---|---|")
    for name, extras, size, seconds in rows:
        print(f"| {name} | {extras} | {size:.0f} | {size - floor:.0f} | {seconds:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
