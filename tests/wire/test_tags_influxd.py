"""Tag values of every kind on their way from a real InfluxDB back into it: one that can't be carried costs no other."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cronocast.formats.line_protocol import TAG_ESCAPES
from cronocast.handoff.series import HISTORY_COLUMNS, parse_tags
from cronocast.handoff.strict import read_members
from demo.influxd import Influxd
from tests.load_run import load, make_job, publish, signed_in
from tests.wire.extract_run import HOUR, START, Ran

CARRIED = [
    "plain", "tab\tin", "\t", "\x01\x1b[2J", "\x7f", "nel\x85in", "\x9b31m", "ls\u2028in", "ps\u2029", "\ufeffbom",
    "back\\slash", "a\\,b", "a\\ b", "a\\=b", "a\\\\b", '"', " a ", "#a", "\U0001f4c8", "\ufffe",
    "SELECT " + "x" * 5000, "é" * 15_000, "x" * 60_000,
]  # fmt: skip
LEFT = ["cr\rin", "cr\r", "nul\0in", "x" * 64_990]  # a key of its own, with the tag `series`, would be over 65,000
random.Random(5).shuffle(CARRIED)


@pytest.fixture
def run(run: Callable[..., Ran]) -> Callable[[], Ran]:
    return lambda: run({"group_by": ["host"]})


def filled(influxd: Influxd, database: str, values: list[str]) -> None:
    influxd.write([f"m,host={v.translate(TAG_ESCAPES)} f={i} {START + HOUR}" for i, v in enumerate(values)], database)


def test_extract_leaves_out_what_no_file_can_carry_and_names_it(
    run: Callable[[], Ran], influxd: Influxd, database: str, tmp_path: Path
) -> None:
    mixed = [*CARRIED, *LEFT]
    random.Random(6).shuffle(mixed)
    filled(influxd, database, mixed)
    ran = run()
    assert ran.code == 0, ran.stderr
    members = read_members(tmp_path / "history.csv", HISTORY_COLUMNS)
    found = {parse_tags(member.tags)[0][1]: member.columns[0][0] for member in members}
    assert found == {value: i for i, value in enumerate(mixed) if value in CARRIED}
    assert ran.result["rows_dropped"] == {"unwritable": len(LEFT)}
    assert ran.result["rows_in"] == len(mixed)
    notes = [note for note in ran.result["notes"] if note.startswith("left out ")]
    assert len(notes) == len(LEFT)
    assert all(len(note) < 300 for note in notes)
    assert all(any(part in note for note in notes) for part in ("cr\\r", "nul\\x00", "65000"))
    assert len(ran.result["members"]) == len(CARRIED)


def test_extract_fails_where_no_member_can_be_written(run: Callable[[], Ran], influxd: Influxd, database: str) -> None:
    filled(influxd, database, ["cr\rin"])
    ran = run()
    assert (ran.code, ran.token) == (76, "E_TAG")
    assert "cr\\r" in ran.error


def test_load_writes_what_servers_store_and_leaves_out_one_that_breaks_lines(
    influxd: Influxd, database: str, tmp_path: Path
) -> None:
    job = make_job(tmp_path, influxd.url, source=signed_in(influxd, tmp_path, database), read_back=True)
    publish(job, [{"host": value} for value in [*CARRIED, "back\\", "x" * 64_990]], 3)
    code, result = load(job)
    assert (code, result["status"]) == (0, "ok"), result["message"]
    assert (result["rows_in"], result["expected"], result["acked"]) == (3 * len(CARRIED) + 6, *[3 * len(CARRIED)] * 2)
    assert result["rows_dropped"] == {"unwritable": 6}
    for measurement in ("cpu_forecast", "cpu_forecast_runs"):
        rows = influxd.query(f'SELECT * FROM "{measurement}"', database)
        assert {row["host"] for row in rows} == set(CARRIED)
    assert json.loads((job.state / "loaded.json").read_text())["points"] == 3 * len(CARRIED)  # type: ignore[operator]
