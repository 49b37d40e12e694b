"""The command: entries of a values file, each looked at."""

import time
from collections.abc import Collection
from pathlib import Path

from cronocast.check.entry import check_entry
from cronocast.check.finding import Finding, exit_code, listed
from cronocast.check.show import print_json, print_tables
from cronocast.document.values import read_values
from cronocast.errors import ConfigError, Problem, seen


def run_check(values: Path, names: Collection[str], *, write: bool, as_json: bool, elsewhere: bool = False) -> int:
    """Look at the chosen entries and print what was found; returns the exit code of the worst finding.

    Raises:
        ConfigError: the file as a whole can't be read, or a name is not in it.
    """
    entries, problems = read_values(values)
    unknown = [name for name in names if name not in entries and not any(f".{name}." in p.where for p in problems)]
    if unknown:
        sentence = f"{seen(unknown[0])} is not known; known: {listed(entries)}"
        raise ConfigError.one("E_CONFIG_CHOICE", "--series", sentence)
    found: dict[str, list[Finding]] = {str(values): [_of_file(problem) for problem in problems]} if problems else {}
    now_ns = int(time.time()) * 10**9
    for name, entry in entries.items():
        if not names or name in names:
            found[name] = check_entry(entry, now_ns, write=write, elsewhere=elsewhere)
    (print_json if as_json else print_tables)(found)
    return exit_code(finding for findings in found.values() for finding in findings)


def _of_file(problem: Problem) -> Finding:
    """What is wrong with the file itself, as `validate` says it."""
    text, _, fix = problem.sentence.partition("; ")
    return Finding("values", "error", problem.where, f"{problem.where}: {text}", fix, ConfigError.exit_code)
