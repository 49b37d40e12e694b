"""Runs the benchmarks one after another, each with its own table: python -m bench [PART ...]."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# What each part needs besides cronocast and its development packages.
PARTS: dict[str, tuple[str, ...]] = {
    "startup": (),
    "imports": (),
    "chain": (),
    "extract": (),
    "load": (),
    "members": (),
    "drift": (),
    "replay": ("pandas",),
    "lstm_speed": ("tensorflow",),
    "telegraf": (),
    "accuracy": ("pandas",),
    "crossing": (),
    "regimes": ("pyspark", "confluent_kafka"),
}
# What lies in `shared`, in the repository or beside it.
SHARED = {
    "telegraf": "cases/telegraf.py",
    "accuracy": "bench/score.py",
    "replay": "bench/score.py",
    "regimes": "servers/kafka",
}
HERE = Path(__file__).resolve().parent


def missing(part: str) -> str:
    """Why a part can't run here; empty if it can."""
    absent = [module for module in PARTS[part] if find_spec(module) is None]
    if absent:
        return f"the module {absent[0]} is not installed"
    shared = SHARED.get(part)
    if shared and not any((folder / "shared" / shared).exists() for folder in (HERE.parent, HERE.parent.parent)):
        return f"shared/{shared}, which it needs, lies neither in the repository nor beside it"
    return ""


def main(wanted: list[str]) -> int:
    """Run the wanted parts, or all; 1 if one of them missed its aim, 2 for an unknown name."""
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"error: no benchmark {unknown[0]!r}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    missed = []
    for part in wanted or PARTS:
        print(f"\n## {part} (load {os.getloadavg()[0]:.1f})\n", flush=True)
        if reason := missing(part):
            print(f"not run: {reason}")
            missed += [part] if wanted else []
        elif subprocess.run([sys.executable, "-m", f"bench.{part}"], cwd=HERE.parent, check=False).returncode:
            missed.append(part)
    print(f"\n{'missed: ' + ', '.join(missed) if missed else 'every aim met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
