"""Parts that several forecast containers wrote become one forecast, and the best of several images is chosen."""

import json
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cronocast.chain.job import Job
from cronocast.chain.parts import ForecastPart, parts
from cronocast.chain.select import relative_error, run
from cronocast.document.entry import parse_entry
from cronocast.errors import ContractError, CronocastError, DataError
from cronocast.handoff.files import atomic, write_json
from cronocast.handoff.profile import SCHEMA, Profile, to_document
from cronocast.handoff.results import Outcome, check_handoff, result_path, write_result
from cronocast.handoff.series import FORECAST_COLUMNS, Member, header, rows
from cronocast.handoff.strict import read_members
from tests.messages import numbers

RUN_NS = 1_767_225_600 * 10**9
HOUR = 3600 * 10**9


@dataclass
class Run:
    """A run folder with a profile and the parts of a plan."""

    folder: Path
    settings: dict[str, Any]
    classes: list[str]
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)  # "image member" -> what differs from a good one
    notes: dict[str, list[str]] = field(default_factory=dict)  # name of a part -> what its result says beside

    def job(self) -> Job:
        source = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}
        entry = parse_entry({"name": "a", "source": source, **self.settings})
        at = self.folder
        return Job(
            "forecast", entry, RUN_NS, False, at / "history.csv", at / "profile.json", at / "forecast.csv", at / "state"
        )

    def made(self) -> "Run":
        job = self.job()
        profiles = [
            Profile("m", f"host=h{i}", c, "because", HOUR, 100, 0, 99 * HOUR) for i, c in enumerate(self.classes)
        ]
        path = self.folder / "profile.json"
        write_json(path, {"schema": SCHEMA, "members": [to_document(p) for p in profiles]})
        outcome = Outcome()
        outcome.add_output(path, len(profiles))
        write_result(result_path("classify", path), "classify", "a", job.run, outcome, 0.1, None, {})
        for part in parts(job.entry, self.classes):
            self.publish(job, part, profiles)
        return self

    def publish(self, job: Job, part: ForecastPart, profiles: list[Profile]) -> None:
        from cronocast.chain.parts import models_by_image

        path = self.folder / part.file
        path.parent.mkdir(exist_ok=True)
        outcome = Outcome(window={"end_ns": RUN_NS, "every_ns": HOUR}, notes=self.notes.get(part.name, []))
        mine = [
            (i, p)
            for i, p in enumerate(profiles)
            if part.image in models_by_image(job.entry, p.series_class) and i % part.count == part.index
        ]
        if not mine:
            write_result(
                result_path(part.name, path),
                "forecast",
                "a",
                job.run,
                Outcome(status="skipped", reason="no_members"),
                0.1,
                None,
                {},
            )
            return
        with atomic(path) as file:
            file.write(header(FORECAST_COLUMNS))
            for i, profile in mine:
                own = self.documents.get(f"{part.image} {i}", {})
                outcome.members.append(
                    {
                        "name": "m",
                        "tags": profile.tags,
                        "status": "ok",
                        "model": part.image,
                        "why": "tried",
                        "backtest": {"ratio": 0.5},
                        **own,
                    }
                )
                if outcome.members[-1]["status"] in ("ok", "fallback"):
                    value = float(i + (100 if part.image == "lstm" else 0))
                    file.write(
                        rows(
                            Member(
                                "m",
                                profile.tags,
                                array("q", [RUN_NS, RUN_NS + HOUR]),
                                tuple(array("d", [value] * 2) for _ in range(3)),
                            )
                        )
                    )
        outcome.add_output(path, 2 * len(mine))
        write_result(result_path(part.name, path), "forecast", "a", job.run, outcome, 0.1, None, {})


def selected(made: Run) -> tuple[Outcome, dict[str, float]]:
    """The outcome, and the first value of each member in forecast.csv."""
    job = made.job()
    outcome = Outcome()
    run(job, outcome)
    write_result(job.result, job.step, "a", job.run, outcome, 0.1, None, {})
    check_handoff(job.forecast, "forecast", "a", job.run)  # as load does
    return outcome, {m.tags: m.columns[0][0] for m in read_members(job.forecast, FORECAST_COLUMNS)}


def test_shards_are_put_together(tmp_path: Path) -> None:
    outcome, values = selected(Run(tmp_path, {"shards": 3}, ["trend"] * 7).made())
    assert values == {f"host=h{i}": float(i) for i in range(7)}
    assert [member["tags"] for member in outcome.members] == [f"host=h{i}" for i in range(7)]
    assert (outcome.status, outcome.rows_kept, outcome.expected, len(outcome.members)) == ("ok", 14, 14, 7)
    assert outcome.inputs.keys() == {"profile.json", "light-0.csv", "light-1.csv", "light-2.csv"}
    assert outcome.window == {"end_ns": RUN_NS, "every_ns": HOUR}


def test_a_shard_without_members_of_its_image_is_no_gap(tmp_path: Path) -> None:
    _, values = selected(Run(tmp_path, {"shards": 2, "candidates": ["lstm"]}, ["seasonal", "constant"]).made())
    assert set(values) == {"host=h0", "host=h1"}


def scores(ratio: float | None) -> dict[str, Any]:
    return {"backtest": {} if ratio is None else {"ratio": ratio}}


CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the lower error": (scores(0.9), scores(0.4), "lstm"),
    "the lower error, the other way": (scores(0.3), scores(0.4), "light"),
    "a tie goes to the lighter": (scores(0.4), scores(0.4), "light"),
    "no backtest comes last": (scores(None), scores(3.0), "lstm"),
    "none has a backtest": (scores(None), scores(None), "light"),
    "as planned before a stand-in": (scores(0.9), {**scores(0.1), "status": "fallback"}, "light"),
    "a stand-in before nothing": ({**scores(0.9), "status": "fallback"}, {"status": "failed"}, "light"),
    "one that failed never wins": ({"status": "failed"}, scores(9.0), "lstm"),
}


@pytest.mark.parametrize(("light", "lstm", "winner"), CHOICES.values(), ids=CHOICES)
def test_the_best_of_two_images(light: dict[str, Any], lstm: dict[str, Any], winner: str, tmp_path: Path) -> None:
    made = Run(tmp_path, {"candidates": ["lstm"]}, ["seasonal"], {"light 0": light, "lstm 0": lstm}).made()
    outcome, values = selected(made)
    assert values == {"host=h0": 100.0 if winner == "lstm" else 0.0}
    assert outcome.members[0]["model"] == winner
    assert outcome.members[0]["why"].startswith("tried (")  # and that there were others


def test_a_member_that_only_one_image_tried_keeps_its_reason(tmp_path: Path) -> None:
    outcome, _ = selected(Run(tmp_path, {"candidates": ["lstm"]}, ["constant", "seasonal"]).made())
    assert outcome.members[0]["why"] == "tried"
    assert outcome.members[1]["tried"] == {"light": 0.5, "lstm": 0.5}


def test_what_the_parts_say_is_said_once(tmp_path: Path) -> None:
    notes = {
        "light-0": ["options.x is not read"],
        "light-1": ["options.x is not read"],
        "lstm-0": ["options.x is not read", "lstm: model_retrained: damaged"],
    }
    outcome, _ = selected(Run(tmp_path, {"shards": 2, "candidates": ["lstm"]}, ["seasonal"] * 2, notes=notes).made())
    assert outcome.notes == ["options.x is not read", "lstm: model_retrained: damaged"]


def test_members_that_failed_are_counted_and_the_others_written(tmp_path: Path) -> None:
    made = Run(
        tmp_path,
        {"shards": 2},
        ["trend"] * 4,
        {"light 1": {"status": "failed"}, "light 2": {"status": "fallback"}, "light 3": {"status": "skipped"}},
    ).made()
    outcome, values = selected(made)
    assert set(values) == {"host=h0", "host=h2"}
    assert outcome.status == "fallback"
    assert numbers(outcome.reason) == ["1", "4"] * 3  # of each of these, of how many members
    assert all(status in outcome.reason for status in ("failed", "skipped", "fallback"))


def test_nothing_written_is_skipped(tmp_path: Path) -> None:
    made = Run(
        tmp_path, {"shards": 2}, ["trend"] * 2, {"light 0": {"status": "skipped"}, "light 1": {"status": "skipped"}}
    ).made()
    job = made.job()
    outcome = Outcome()
    run(job, outcome)
    assert outcome.status == "skipped"


def test_no_members_is_skipped(tmp_path: Path) -> None:
    outcome = Outcome()
    run(Run(tmp_path, {}, []).made().job(), outcome)
    assert outcome.reason.startswith("no_data")


def break_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


BREAKS = {
    "a part is missing": lambda folder: (folder / "forecast/light-1.csv").unlink(),
    "a part's result is missing": lambda folder: (folder / "forecast/light-1.result.json").unlink(),
    "a part was changed": lambda folder: break_file(folder / "forecast/light-1.csv"),
    "the profile was changed": lambda folder: break_file(folder / "profile.json"),
    "a part is of another run": lambda folder: _alter(
        folder / "forecast/light-1.result.json", run="2026-01-01T07:00:00Z"
    ),
    "a part is of another series": lambda folder: _alter(folder / "forecast/light-1.result.json", series="b"),
    "a part failed": lambda folder: _alter(folder / "forecast/light-1.result.json", status="failed"),
    "a part lacks a member": lambda folder: _alter(folder / "forecast/light-1.result.json", members=[]),
    "a part's notes are no list": lambda folder: _alter(folder / "forecast/light-1.result.json", notes=7),
    "a part's member has no name": lambda folder: _alter(
        folder / "forecast/light-1.result.json", members=[{"tags": ""}]
    ),
}


def _alter(path: Path, **changed: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
def test_a_part_that_is_not_what_its_container_published_is_refused(breaks: Any, tmp_path: Path) -> None:
    made = Run(tmp_path, {"shards": 2}, ["trend"] * 4).made()
    breaks(tmp_path)
    with pytest.raises(CronocastError) as caught:
        run(made.job(), Outcome())
    assert isinstance(caught.value, ContractError | DataError)
    assert not (tmp_path / "forecast.csv").exists()


def test_relative_error_is_infinite_where_it_is_not_known() -> None:
    assert [relative_error(d) for d in ({}, {"backtest": None}, scores(None))] == [float("inf")] * 3
    assert relative_error(scores(0.25)) == 0.25
