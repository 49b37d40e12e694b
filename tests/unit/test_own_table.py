"""Steps and backtest on a table of one's own: what is printed, and which flags do not go with it."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cronocast.tables.layout import Named
from cronocast.tables.read import read_table
from tests.table_files import KINDS, held

SECOND = 10**9


@pytest.mark.parametrize("kind", KINDS)
def test_the_forecast_goes_on_in_the_form_of_the_file(kind: str, command: Any, tmp_path: Path) -> None:
    made = KINDS[kind](7)
    path = tmp_path / "data.csv"
    path.write_bytes(made.data)
    code, out, err = command("forecast", str(path), *made.flags, "--horizon", f"{3 * made.step_s}s", "--model", "naive")
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert all(word in err for word in made.notes)
    again = tmp_path / "again.csv"
    again.write_text(out)
    by = list(rows[0])[: list(rows[0]).index(time_name(rows))]
    table = read_table(again, Named(time_name(rows), "yhat", by))
    newest = {label: max(times) for label, times in made.truth.items()}
    begin = max(newest.values())
    for label, times in held(table).items():
        assert list(times) == [begin + i * made.step_s * SECOND for i in (1, 2, 3)]
        assert all(value == pytest.approx(made.truth[label][newest[label]]) for value in times.values())
    assert all(re.fullmatch(made.form, row[time_name(rows)]) for row in rows)


def time_name(rows: list[dict[str, str]]) -> str:
    """The column before the forecast."""
    return list(rows[0])[list(rows[0]).index("yhat") - 1]


def test_another_step_is_taken_where_it_is_named(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("t,v\n" + "".join(f"2026-01-01T{h:02d}:{m:02d}:00Z,{h}\n" for h in range(24) for m in (0, 20, 40)))
    code, out, err = command("forecast", str(path), "--every", "1h", "--horizon", "2h", "--model", "naive", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["every"], found["members"][0]["t"], found["members"][0]["yhat"]) == (
        "1h",
        ["2026-01-02T00:00:00Z", "2026-01-02T01:00:00Z"],
        [23, 23],
    )


def test_classify_and_backtest_take_the_same_files(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    lines = [f"2026-01-{1 + i // 24:02d} {i % 24:02d}:30;{10 + i % 24},5\n" for i in range(24 * 20)]
    path.write_text("when;load\n" + "".join(lines))
    code, out, err = command("classify", str(path), "--json")
    assert code == 0, err
    member = json.loads(out)["members"][0]
    assert (member["class"], member["periods"], member["points"]) == ("seasonal", ["1d"], 480)
    assert (member["first"], member["last"]) == ("2026-01-01T00:30:00", "2026-01-20T23:30:00")
    assert "seasonal" in command("classify", str(path))[1]
    code, out, err = command(
        "backtest", str(path), "--horizon", "12h", "--models", "naive", "--origins", "2", "--jobs", "1", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["origins"][-1] == "2026-01-20T12:30:00Z"


def test_months_are_followed_whatever_their_length(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("month,v\n" + "".join(f"{1949 + i // 12}-{1 + i % 12:02d},{i % 12}\n" for i in range(120)))
    code, out, err = command("forecast", str(path), "--horizon", "90d", "--model", "seasonal_naive")
    assert code == 0, err
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["month"] for row in rows] == [f"1959-0{m}-01T00:00:00" for m in (1, 2, 3)]
    assert [float(row["yhat"]) for row in rows] == [0, 1, 2]
    assert json.loads(command("classify", str(path), "--json")[1])["members"][0]["periods"] == ["360d"]
    order = ("--horizon", "360d", "--models", "naive", "--origins", "2", "--jobs", "1", "--json")
    assert json.loads(command("backtest", str(path), *order)[1])["origins"][-1] == "1958-01-01T00:00:00Z"


REFUSED = {
    "files between steps": (["data.csv", "--history", "h.csv"], "--history"),
    "a run folder": (["data.csv", "--root", "."], "--root"),
    "columns of no table": (["--value", "v"], "--value"),
}


@pytest.mark.parametrize(("words", "flag"), REFUSED.values(), ids=REFUSED)
def test_a_table_and_files_between_steps_do_not_mix(words: list[str], flag: str, command: Any) -> None:
    code, out, err = command("forecast", *words)
    assert (code, out) == (78, "")
    assert f"E_CONFIG_CROSS {flag}: " in err


def test_a_wrong_setting_is_said_of_its_flag(command: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(KINDS["ISO in UTC"](1).data)
    code, _, err = command("forecast", str(path), "--horizon", "90m", "--level", "95")
    assert code == 78
    assert "--horizon: " in err
    assert "--level: " in err
