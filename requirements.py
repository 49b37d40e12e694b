"""Prints the part of requirements.lock that some extras or groups of pyproject.toml need.

Python3 requirements.py core run linear.

One lock file holds everything with hashes. pip takes hashes only where every requirement is pinned, so a smaller
installation can't name requirements.lock as constraints; it installs this part of it, and pip then refuses any package
that is not the locked one: `pip install --require-hashes -r PART`. Standard library only, since it runs before anything
is installed.
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
OWN_LOCKS = {"lstm-gpu": "requirements-gpu.lock", "pretrained": "requirements-pretrained.lock"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRAS = re.compile(r"cronocast\[([^\]]+)\]")


def part(lock: str, project: str, wanted: Iterable[str]) -> str:
    """The blocks of a lock file that the wanted extras and groups need.

    Args:
        lock: Text of the lock; its `# via` comments say which package asked for which.
        project: Text of pyproject.toml.
        wanted: Names of extras or dependency groups, and `core` for what the package needs without extras.

    Raises:
        KeyError: there is no extra or group of a wanted name, or the lock lacks a package: run `make lock`.
    """
    blocks = [
        block for block in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE) if block and not block.startswith("#")
    ]
    names = [normal(block) for block in blocks]
    needed = roots(tomllib.loads(project), wanted)
    if missing := needed - set(names):
        raise KeyError(f"not in the lock: {', '.join(sorted(missing))}")
    while grown := {
        name for name, block in zip(names, blocks, strict=True) if name not in needed and askers(block) & needed
    }:
        needed |= grown
    return "".join(block for name, block in zip(names, blocks, strict=True) if name in needed)


def roots(project: dict[str, Any], wanted: Iterable[str]) -> set[str]:
    """Normalised names of the packages that extras and groups name themselves."""
    tables = {
        "core": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    found: set[str] = set()
    for requirement in (requirement for name in wanted for requirement in tables[name]):
        if own := _EXTRAS.match(requirement):
            found |= roots(project, own[1].replace(" ", "").split(","))
        else:
            found.add(normal(requirement))
    return found


def askers(block: str) -> set[str]:
    """Normalised names of the packages that a block's `# via` comment names."""
    comment = block.partition("# via")[2]
    return {normal(line.strip(" #")) for line in comment.splitlines() if line.strip(" #")}


def normal(requirement: str) -> str:
    """The name that a requirement starts with, as package indexes compare it."""
    found = _NAME.match(requirement)
    if found is None:
        raise KeyError(requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def lock_of(wanted: Iterable[str]) -> Path:
    """The lock that has some extras: those that bring CUDA have one of their own."""
    own = next((name for extra, name in OWN_LOCKS.items() if extra in wanted), "requirements.lock")
    return ROOT / own


if __name__ == "__main__":
    sys.stdout.write(part(lock_of(sys.argv[1:]).read_text(), (ROOT / "pyproject.toml").read_text(), sys.argv[1:]))
