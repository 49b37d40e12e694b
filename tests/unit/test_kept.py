"""What a run keeps for the next one, through the steps: whole or not there, never of its own run, for those it fits."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.chain import classify, evaluate
from cronocast.chain import forecast as forecast_step
from cronocast.chain.job import Job, run_folder
from cronocast.chain.parts import ForecastPart
from cronocast.document.entry import Entry, parse_entry
from cronocast.errors import StorageError
from cronocast.forecast import kept
from cronocast.forecast.digest import digest
from cronocast.handoff import series
from cronocast.handoff.files import series_id
from cronocast.handoff.results import Outcome, write_result

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
RUN_NS = 1_767_225_600 * 10**9
DAYS = 15
STEPS = {"evaluate": evaluate.run, "classify": classify.run, "forecast": forecast_step.run}
SOURCE = {"url": "http://127.0.0.1:1", "database": "d", "measurement": "cpu", "field": "v"}


def entry_of(**given: Any) -> Entry:
    return parse_entry(
        {"name": "load", "every": "1h", "horizon": "1d", "lookback": "15d", "source": SOURCE, "sink": {}, **given}
    )


def value(member: int, hour: int) -> float:
    noise = np.random.default_rng([member, hour]).normal()
    return float(100 + 10 * np.sin(2 * np.pi * hour / 24) + noise)


def chain(
    root: Path,
    run_ns: int,
    members: int = 2,
    entry: Entry | None = None,
    parts: tuple[str, ...] = ("",),
    steps: tuple[str, ...] = tuple(STEPS),
) -> list[Any]:
    """The steps from evaluate to forecast on a history that ends with the run: what they say of each member."""
    entry = entry or entry_of()
    folder = run_folder(root, entry.name, run_ns)
    folder.mkdir(parents=True, exist_ok=True)
    state = root / series_id(entry.name) / "state"
    given = (entry, run_ns, False, folder / "history.csv", folder / "profile.json", folder / "forecast.csv", state)
    with (folder / "history.csv").open("wb") as file:
        file.write(series.header(series.HISTORY_COLUMNS))
        for member in range(members):
            last = run_ns // HOUR_NS
            for hour in range(last - 24 * DAYS, last):
                file.write(b"cpu,host=%d,%d,%r\n" % (member, hour * HOUR_NS, value(member, hour)))
    job = Job("extract", *given)
    extracted = Outcome(window={"start_ns": run_ns - DAYS * DAY_NS, "end_ns": run_ns, "every_ns": HOUR_NS})
    extracted.add_output(folder / "history.csv", members * 24 * DAYS)
    write_result(folder / "extract.result.json", "extract", entry.name, job.run, extracted, 0.5, None, {})
    found: list[Any] = []
    for name, work in ((name, STEPS[name]) for name in steps):
        for part in parts if name == "forecast" else ("",):
            job = Job(name, *given, part=ForecastPart.parse(part) if part else None)
            outcome = Outcome()
            work(job, outcome)
            write_result(job.result, name, entry.name, job.run, outcome, 0.5, None, {})
            found += outcome.members if name == "forecast" else []
            notes = outcome.notes
    return [*found, notes]


def verdicts(found: list[Any]) -> list[tuple[str, str]]:
    return [(member["verdict"], member["verdict_reason"]) for member in found[:-1]]


def files(root: Path) -> list[Path]:
    return sorted((root / series_id("load") / "state" / kept.FOLDER).iterdir())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state after one run."""
    root = tmp_path_factory.mktemp("first")
    assert verdicts(chain(root, RUN_NS)) == [("full", "first")] * 2
    return root


@pytest.fixture
def root(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "root"))


def test_hours_predict_days_warm_and_settings_or_age_make_anew(root: Path) -> None:
    assert verdicts(chain(root, RUN_NS + HOUR_NS)) == [("predict", "")] * 2
    assert verdicts(chain(root, RUN_NS + DAY_NS)) == [("warm", "")] * 2
    assert verdicts(chain(root, RUN_NS + DAY_NS + HOUR_NS)) == [("predict", "")] * 2
    assert len(files(root)) == kept.RUNS
    assert verdicts(chain(root, RUN_NS + 2 * DAY_NS, entry=entry_of(clip={"min": 5}))) == [("full", "data")] * 2
    assert (
        verdicts(chain(root, RUN_NS + 2 * DAY_NS + HOUR_NS, entry=entry_of(clip={"min": 5}, jobs=2)))
        == [("predict", "")] * 2
    )


@pytest.mark.parametrize("after_ns", [HOUR_NS, DAY_NS])
def test_a_repeated_run_gives_the_same_forecast(root: Path, after_ns: int) -> None:
    once = chain(root, RUN_NS + after_ns)
    path = run_folder(root, "load", RUN_NS + after_ns) / "forecast.csv"
    before = path.read_bytes(), files(root)[-1].read_bytes()
    again = chain(root, RUN_NS + after_ns)
    assert (path.read_bytes(), files(root)[-1].read_bytes()) == before
    assert verdicts(again) == verdicts(once)


def test_members_appear_and_vanish_each_by_itself(root: Path) -> None:
    assert verdicts(chain(root, RUN_NS + HOUR_NS, members=3)) == [("predict", ""), ("predict", ""), ("full", "first")]
    assert verdicts(chain(root, RUN_NS + 2 * HOUR_NS, members=1)) == [("predict", "")]
    assert verdicts(chain(root, RUN_NS + 3 * HOUR_NS, members=2)) == [("predict", ""), ("full", "first")]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flipped(path: Path) -> None:
    path.write_bytes(b"\0" * 64 + path.read_bytes()[64:])


def other_schema(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'{"schema": 1', b'{"schema": 0'))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.with_name("README").write_text("mine")
    path.rename(path.with_name("mineZ.bin"))


@pytest.mark.parametrize("damage", [cut, other_schema, empty, foreign])
def test_what_cannot_be_read_is_made_anew_with_a_note(root: Path, damage: Callable[[Path], None]) -> None:
    damage(files(root)[0])
    found = chain(root, RUN_NS + HOUR_NS)
    assert verdicts(found) == [("full", "first")] * 2
    assert damage is foreign or any(kept.FOLDER in note for note in found[-1])


def test_a_damaged_member_is_made_anew_and_the_other_goes_on(root: Path) -> None:
    flipped(files(root)[0])
    assert [kind for kind, _ in verdicts(chain(root, RUN_NS + HOUR_NS))] == ["full", "predict"]


def test_another_version_makes_all_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cronocast.chain.verdicts.__version__", "99")
    assert verdicts(chain(root, RUN_NS + HOUR_NS)) == [("full", "data")] * 2


@pytest.mark.parametrize("dies_at", range(3))
def test_a_kill_while_it_is_written_leaves_what_was_there(
    root: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    calls = 0

    def dying() -> int:
        nonlocal calls
        calls += 1
        if calls > dies_at:
            raise KeyboardInterrupt
        return calls

    def dying_before(real: Callable[..., None]) -> Callable[..., None]:
        def both(*given: Any) -> None:
            dying()
            real(*given)

        return both

    for name in ("add", "end"):
        monkeypatch.setattr(kept.Writer, name, dying_before(getattr(kept.Writer, name)))
    before = [path.name for path in files(root)]
    with pytest.raises(KeyboardInterrupt):
        chain(root, RUN_NS + HOUR_NS)
    assert [path.name for path in files(root)] == before
    monkeypatch.undo()
    assert verdicts(chain(root, RUN_NS + 2 * HOUR_NS)) == [("predict", "")] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_that_cannot_be_written_costs_no_forecast(root: Path) -> None:
    folder = files(root)[0].parent
    folder.chmod(0o500)
    try:
        found = chain(root, RUN_NS + HOUR_NS)
    finally:
        folder.chmod(0o700)
    assert verdicts(found) == [("predict", "")] * 2
    assert any(note.startswith(kept.FOLDER) for note in found[-1])


def test_a_full_volume_costs_no_forecast(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("E_STORAGE", "kept", "no space left; free some")

    monkeypatch.setattr(kept.Writer, "add", full)
    found = chain(root, RUN_NS + HOUR_NS)
    assert verdicts(found) == [("predict", "")] * 2
    assert any(note.startswith(kept.FOLDER) for note in found[-1])
    assert len(files(root)) == 1


def test_parts_keep_their_own_and_may_be_cut_otherwise_tomorrow(tmp_path: Path) -> None:
    shares = ("light-0/2", "light-1/2")
    chain(tmp_path, RUN_NS, members=4, parts=shares)
    assert [path.name.partition("Z.")[2] for path in files(tmp_path)] == ["light-0.bin", "light-1.bin"]
    found = chain(tmp_path, RUN_NS + HOUR_NS, members=4, parts=("light-0/1",))
    assert verdicts(found) == [("predict", "")] * 4


def test_where_nothing_was_evaluated_all_is_made_anew_as_ever(root: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    for where in (root, alone):  # with and without what a run before has kept
        chain(where, RUN_NS + HOUR_NS, steps=("classify", "forecast"))
    paths = [run_folder(where, "load", RUN_NS + HOUR_NS) for where in (root, alone)]
    assert (paths[0] / "forecast.csv").read_bytes() == (paths[1] / "forecast.csv").read_bytes()
    assert "verdict" not in json.loads((paths[0] / "forecast.result.json").read_text())["members"][0]


def test_settings_that_change_no_forecast_make_nothing_anew() -> None:
    usual = entry_of()
    other = replace(usual, source=replace(usual.source, url="http://127.0.0.1:2", timeout=usual.every))
    assert digest(usual) == digest(other) == digest(entry_of(jobs=3, shards=2))
    for changed in ({"horizon": "2d"}, {"model": "theta"}, {"levels": [0.5]}, {"min_points": 30}, {"periods": ["1d"]}):
        assert digest(entry_of(**changed)) != digest(usual), changed
    assert digest(replace(usual, source=replace(usual.source, field="w"))) != digest(usual)


def test_heads_are_read_without_models() -> None:
    heavy = ("tensorflow", "keras", "pandas", "scipy")
    code = f"import sys, cronocast.forecast.kept; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
