"""Which run folders are meant: folders, a root, and names of series, of which the newest run is taken."""

from pathlib import Path

from cronocast.errors import CronocastError, DataError, seen
from cronocast.handoff.files import RUN_FOLDER, run_ns_of, series_id
from cronocast.handoff.results import read_result, result_path

DONE = ("ok", "skipped", "superseded")  # statuses of load after which a run is not done again


def chosen_runs(words: list[str], root: Path, series: list[str]) -> list[Path]:
    """The run folders that words of a command line mean.

    Args:
        words: Run folders, folders of a series, roots, or names of series.
        root: Where names are looked up if no root is among the words.
        series: Further names of series.

    Returns:
        Folders as they were given; of a series the newest run, of a root those of the named series, of all if none is
        named.

    Raises:
        DataError: there is no such series, or a root has no run.
    """
    folders = [Path(word) for word in words if Path(word).is_dir() or "/" in word]
    names = [*(word for word in words if Path(word) not in folders), *series]
    roots = [folder for folder in folders if _is_root(folder)]
    given = [_newest(folder) or folder for folder in folders if folder not in roots]
    if not names:
        places = roots or ([] if given else [root])
        return [*given, *(run for place in places for run in _all_newest(place))]
    return [*given, *(_of_series(name, roots or [root]) for name in names)]


def newest_first(runs: Path) -> list[Path]:
    """Run folders in `<series>/runs`, the newest first; links are none.

    Raises:
        OSError: they can't be listed.
    """
    found = (
        path for path in runs.iterdir() if RUN_FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )
    return sorted(found, reverse=True)


def _is_root(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.glob("*/runs")) if folder.is_dir() else False


def _newest(folder: Path) -> Path | None:
    """The newest run of the folder of a series, None where it is none."""
    return next(iter(newest_first(folder / "runs")), None) if (folder / "runs").is_dir() else None


def _all_newest(root: Path) -> list[Path]:
    runs = [run for folder in sorted(root.glob("*/")) if (run := _newest(folder)) is not None]
    if not runs:
        said = "no run of any series; name a run folder, a series, or the folder that `cronocast run --root` had"
        raise DataError("E_INPUT_MISSING", str(root), said)
    return runs


def _of_series(name: str, roots: list[Path]) -> Path:
    for root in roots:
        if (run := _newest(root / series_id(name))) is not None:
            return run
    known = sorted(
        path.name.rpartition("-")[0] for root in roots for path in root.glob("*/") if (path / "runs").is_dir()
    )
    there = f"there are {', '.join(known[:10])}" if known else "there are no runs of any series"
    said = f"no run of a series {seen(name)} in {', '.join(map(str, roots))}; {there}; --root names another folder"
    raise DataError("E_INPUT_MISSING", name, said)


def one_run(words: list[str], root: Path, series: list[str]) -> Path:
    """The one run folder that is meant.

    Raises:
        DataError: as `chosen_runs`, or there are several.
    """
    run, *others = chosen_runs(words, root, series)
    if others:
        said = f"{len(others) + 1} runs, such as {run} and {others[0]}; name one of the series"
        raise DataError("E_INPUT_MISSING", "RUN", said)
    return run


def run_times(folder: Path) -> list[int]:
    """Times of the runs in the folder of a series whose forecast was written, or that had nothing to write; ns UTC."""
    runs = folder / "runs"
    found = newest_first(runs) if runs.is_dir() else []
    return sorted(run_ns_of(run.name) for run in found if _went_well(run))


def _went_well(run: Path) -> bool:
    try:
        return read_result(result_path("load", run / "forecast.csv"), "load").get("status") in DONE
    except CronocastError:
        return False
