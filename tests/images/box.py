"""Runs an image with nothing but a read-only root, an own network without interfaces, no capabilities.

It has one folder, at /data.
"""

import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ENGINES = ("docker", "podman")


def absent(reason: str) -> None:
    """Skip with the reason; where tools are required fail instead."""
    if os.environ.get("CRONOCAST_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def said(*command: str) -> str:
    """What a command prints, "" if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


@dataclass
class Box:
    """One image, ready to run by an engine, or by runc on its unpacked files."""

    engine: str
    image: str
    config: dict[str, Any]  # OCI: Env, User, Entrypoint, Labels
    root: Path | None = None  # its files, where runc runs it
    container: str = ""  # buildah's name for them

    def run(
        self, *arguments: str, data: Path | None = None, entrypoint: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the image's command, or another program of it."""
        if self.root is not None:
            return self._runc([*([entrypoint] if entrypoint else self.config["Entrypoint"]), *arguments], data)
        locked = [
            "--read-only",
            "--cap-drop",
            "ALL",
            "--network",
            "none",
            "--security-opt",
            "no-new-privileges",
            "--tmpfs",
            "/tmp:mode=1777",
        ]
        mount = ["--volume", f"{data}:/data"] if data else []
        other = ["--entrypoint", entrypoint] if entrypoint else []
        return subprocess.run(
            [self.engine, "run", "--rm", *locked, *mount, *other, self.image, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def _runc(self, arguments: list[str], data: Path | None) -> "subprocess.CompletedProcess[str]":
        bundle = Path(said("mktemp", "-d").strip())
        try:
            subprocess.run(["runc", "spec"], cwd=bundle, check=True)
            spec = json.loads((bundle / "config.json").read_text())
            user, _, group = self.config["User"].partition(":")
            spec["root"] = {"path": str(self.root), "readonly": True}
            process = {
                "terminal": False,
                "args": arguments,
                "env": self.config["Env"],
                "cwd": "/tmp",
                "user": {"uid": int(user), "gid": int(group or user)},
                "noNewPrivileges": True,
            }
            spec["process"] = {
                **process,
                "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            }
            spec["mounts"].append(
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "nosuid", "nodev"]}
            )
            if data:
                spec["mounts"].append(
                    {"destination": "/data", "type": "bind", "source": str(data), "options": ["rbind", "rw"]}
                )
            (bundle / "config.json").write_text(json.dumps(spec))
            return subprocess.run(
                ["runc", "run", "--bundle", str(bundle), f"cronocast-{uuid.uuid4().hex[:8]}"],
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        finally:
            shutil.rmtree(bundle)


def find_box(image: str) -> Box:
    """An engine that has the image, or buildah's copy of it for runc; skips where neither is here."""
    for engine in ENGINES:
        if shutil.which(engine) and (found := said(engine, "image", "inspect", image)):
            return Box(engine, image, json.loads(found)[0]["Config"])
    if (
        shutil.which("buildah")
        and shutil.which("runc")
        and (found := said("buildah", "inspect", "--type", "image", image))
    ):
        container = said("buildah", "from", "--pull-never", image).strip()
        root = said("buildah", "mount", container).strip()
        return Box("runc", image, json.loads(found)["OCIv1"]["config"], Path(root), container)
    absent(f"no {image} in docker, podman, or buildah with runc; make images builds it")
    raise AssertionError


def put_away(box: Box) -> None:
    """Remove what was unpacked."""
    if box.container:
        said("buildah", "rm", box.container)
