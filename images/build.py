"""Builds the images of steps/cronocast/images.py with docker, podman or buildah, whichever is here; prints their sizes.

    python3 images/build.py [NAME...]        all but those with CUDA if none is named
    python3 images/build.py --list           names of those
    python3 images/build.py --push NAME      with docker buildx: pushed with bill of materials and provenance; prints
    the digest alone

PYTHON names another base image, REGISTRY and TAG what the images are called, ENGINE one of the three, BUILD_OPTIONS
further options of its build command (such as a volume with certificates). Standard library only.
"""

import json
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
ENGINES = ("docker", "podman", "buildah")


def table() -> dict[str, str]:
    """Image name -> extras it carries, separated by blanks."""
    images = runpy.run_path(str(ROOT / "steps" / "cronocast" / "images.py"))["IMAGES"]
    return {name: " ".join(extras) for name, extras in images.items()}


CUDA = ("forecast-lstm-gpu", "forecast-pretrained")  # some 4 GB of it
DEFAULT = tuple(name for name in table() if name not in CUDA)


def engine() -> str:
    """The engine to build with: one that is here and answers.

    Raises:
        SystemExit: none does.
    """
    for name in [os.environ["ENGINE"]] if "ENGINE" in os.environ else ENGINES:
        if shutil.which(name) and subprocess.run([name, "images"], capture_output=True, check=False).returncode == 0:
            return name
    raise SystemExit(
        f"error: E_NO_ENGINE images: none of {', '.join(ENGINES)} is here and answers; install one, or name it with"
        " ENGINE"
    )


def version() -> str:
    """The version of the package, read as text: nothing is installed yet."""
    text = (ROOT / "steps/cronocast/__init__.py").read_text()
    return text.split('__version__ = "')[1].split('"')[0]


def build(name: str, extras: str, command: list[str], tag: str, base: str) -> None:
    """Build one image with a tool's build command; its output goes to the terminal."""
    options = ["--build-arg", f"EXTRAS={extras}", "--build-arg", f"PYTHON={base}"]
    # Not by arguments of the Dockerfile: buildah's cache takes an instruction for the same whatever they hold.
    for key, value in {"title": f"cronocast {name}", "version": version(), "revision": revision()}.items():
        options += ["--label", f"org.opencontainers.image.{key}={value}"]
    own = shlex.split(os.environ.get("BUILD_OPTIONS", ""))
    subprocess.run(
        [*command, *own, *options, "--file", str(HERE / "Dockerfile"), "--tag", tag, str(ROOT)],
        check=True,
        stdout=sys.stderr,
    )


def push(name: str, extras: str, tag: str, base: str) -> str:
    """Build one image, push it with its bill of materials and provenance, and return the digest."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        build(
            name,
            extras,
            [
                "docker",
                "buildx",
                "build",
                "--push",
                "--sbom=true",
                "--provenance=mode=max",
                "--metadata-file",
                str(told),
            ],
            tag,
            base,
        )
        return str(json.loads(told.read_text())["containerimage.digest"])


def revision() -> str:
    """The commit, or unknown outside a repository."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def size_mb(tool: str, tag: str) -> float:
    """Size of an image in 10**6 bytes, as the engine counts it."""
    if tool == "buildah":
        listed = json.loads(
            subprocess.run([tool, "images", "--json"], capture_output=True, text=True, check=True).stdout
        )
        text = next(i["size"] for i in listed if any(tag == n or n.endswith(f"/{tag}") for n in i.get("names") or []))
        number, unit = text.split()
        return float(number) * {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1000}[unit.upper()]
    return (
        int(
            subprocess.run(
                [tool, "image", "inspect", "--format", "{{.Size}}", tag], capture_output=True, text=True, check=True
            ).stdout
        )
        / 1e6
    )


def main() -> int:
    """Build what is named and print one row per image."""
    images = table()
    registry, tag = os.environ.get("REGISTRY", "ghcr.io/cronocast"), os.environ.get("TAG", version())
    base = os.environ.get("PYTHON", "docker.io/library/python:3.11-slim-bookworm")
    if sys.argv[1:] == ["--list"]:
        print(*DEFAULT)
        return 0
    pushed = sys.argv[1:2] == ["--push"]
    names = sys.argv[1 + pushed :]
    if unknown := set(names) - set(images):
        raise SystemExit(f"error: E_IMAGE {min(unknown)}: not in the list of images; known: {', '.join(images)}")
    if pushed:
        for name in names:
            print(push(name, images[name], f"{registry}/{name}:{tag}", base))
        return 0
    tool, rows = engine(), []
    for name in names or DEFAULT:
        begin = time.monotonic()
        build(name, images[name], [tool, "bud" if tool == "buildah" else "build"], f"{registry}/{name}:{tag}", base)
        rows.append((name, images[name] or "-", size_mb(tool, f"{registry}/{name}:{tag}"), time.monotonic() - begin))
    floor = size_mb(tool, base)
    print(f"| image | extras | MB | MB above the base ({floor:.0f}) | seconds to build |\n|---|---|---|---|---|")
    for name, extras, size, seconds in rows:
        print(f"| {name} | {extras} | {size:.0f} | {size - floor:.0f} | {seconds:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
