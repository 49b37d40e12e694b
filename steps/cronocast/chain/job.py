"""One run of one step: its entry, its time, its files."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cronocast.chain.table import FILES, STEPS
from cronocast.document.entry import Entry
from cronocast.durations import parse_stamp, stamp
from cronocast.errors import Problem, seen
from cronocast.handoff.files import run_name, series_id
from cronocast.handoff.results import result_path

if TYPE_CHECKING:
    from cronocast.chain.parts import ForecastPart

# 1970 to 2255: what int64 nanoseconds hold, with room for a horizon
EARLIEST_RUN_NS, LATEST_RUN_NS = (0, 9_000_000_000 * 10**9)


@dataclass(frozen=True)
class Job:
    """What one step is to do: a checked entry, the run, and where its files are."""

    step: str
    entry: Entry
    run_ns: int  # the run's scheduled time
    standalone: bool  # explicit files, no run folder: hand-offs are checked only where a result lies beside
    history: Path
    profile: Path | None  # None: forecast classifies by itself
    forecast: Path
    state: Path | None  # folder that outlives the run; None when standalone
    dry_run: Path | None = None  # load: write the lines here instead of sending them
    outputs: Path | None = None  # folder for the small values that a workflow engine shows or branches on
    flags: Mapping[str, str] = field(default_factory=dict)  # further flags of the step that were given
    part: "ForecastPart | None" = None  # forecast: this container's share; None: all members, into forecast.csv
    settings: dict[str, Any] = field(default_factory=dict)  # setting -> {"value", "from"}, for the result file
    files: Mapping[str, Path] = field(default_factory=dict)  # those that were named one by one

    @property
    def run(self) -> str:
        """Name of the run."""
        return stamp(self.run_ns)

    def file(self, name: str) -> Path:
        """Where one of FILES lies: as it was named, else in the run folder."""
        known = {"history": self.history, "profile": self.profile, "forecast": self.forecast}.get(name)
        return known or self.files.get(name) or self.forecast.parent / FILES[name].name

    @property
    def output(self) -> Path:
        """The file this step publishes; its result lies beside it."""
        if self.part is not None:
            return self.forecast.parent / self.part.file
        return self.file(STEPS[self.step].writes or "forecast")

    @property
    def result(self) -> Path:
        """Where the result of this step lies: beside its output, named by the step or by the part."""
        return result_path(self.part.name if self.part else self.step, self.output)

    @property
    def lock_folder(self) -> Path | None:
        """What two processes may not work in at the same time: the series, or one part of it."""
        return self.state / "parts" / self.part.name if self.state and self.part else self.state

    def handoff_names(self) -> tuple[str | None, str | None]:
        """Series and run that a hand-off must carry; (None, None) for files that stand alone."""
        return (None, None) if self.standalone else (self.entry.name, self.run)


def part_of(text: str | None) -> "ForecastPart | None":
    """The share of a forecast container, such as lstm-0/3; None where none is given.

    Raises:
        ConfigError: as `ForecastPart.parse`.
    """
    if not text:
        return None
    from cronocast.chain.parts import ForecastPart  # and the models, which no other step needs to start

    return ForecastPart.parse(text)


def run_folder(root: Path, series: str, run_ns: int) -> Path:
    """`<root>/<series id>/runs/<run>`."""
    return root / series_id(series) / "runs" / run_name(run_ns)


def run_time(text: str | None, problems: list[Problem]) -> int:
    """The scheduled time: RFC 3339 in UTC or seconds since 1970; now, in whole seconds, if not given."""
    if not text:
        return int(time.time()) * 10**9
    try:
        run_ns = int(text) * 10**9 if text.isascii() and text.isdigit() else parse_stamp(text)
        if EARLIEST_RUN_NS <= run_ns <= LATEST_RUN_NS:
            return run_ns
    except ValueError:
        pass
    problems.append(
        Problem(
            "E_CONFIG_TIME",
            "--run",
            f"{seen(text)} is not a time; allowed: 2026-01-31T12:00:00Z, or seconds since 1970",
        )
    )
    return 0


def check_paths(
    problems: list[Problem], inputs: dict[str, Path], outputs: dict[str, Path], root: Path | None = None
) -> None:
    """Refuse what is no plain file of a step's own (E_PATH).

    These are links, devices, pipes and folders, one file for two roles, and files outside the root where there is one.
    """
    known: dict[Path, str] = {}
    for flag, path in {**inputs, **outputs}.items():
        try:
            real = path.resolve()
            fault = _path_fault(path, real, known, root)
            known[real] = flag
        except (OSError, ValueError, RuntimeError) as error:  # no right to look, NUL, a loop of links
            fault = f"can't be inspected: {error}; name a plain file"
        if fault:
            problems.append(Problem("E_PATH", flag, f"{seen(str(path))} {fault}"))


def _path_fault(path: Path, real: Path, known: dict[Path, str], root: Path | None) -> str:
    """What is wrong with a path that leads to `real`, beside those that are known already; "" if nothing."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return "is a link, folder, pipe or device; name a plain file"
    if real in known:
        return f"is also {known[real]}; name two files"
    if root is not None and not real.is_relative_to(root.resolve()):
        return f"is outside the root {seen(str(root))}; name a file below it, or leave --root out"
    return ""
