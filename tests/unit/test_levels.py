"""Several interval levels at once.

Named in columns and fields, one inside the other, checked at every hand-off, measured each.
"""

import json
import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cronocast.backtest.scores import document
from cronocast.backtest.study import run_study
from cronocast.backtest.table import sentences
from cronocast.chain.run_records import run_fields
from cronocast.classify import classify_member
from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError
from cronocast.forecast.answer import MemberForecast, Settings
from cronocast.forecast.engine import forecast_member
from cronocast.handoff import series
from cronocast.handoff.strict import read_members
from cronocast.report import write_plot, write_report
from cronocast.report.scores import backtest_of
from tests import backtest_sample, load_run, report_runs
from tests.load_run import EVERY_NS, RUN_NS

HOUR_NS = 3600 * 10**9
START_NS = 1_736_121_600 * 10**9
RNG = np.random.default_rng(5)
DAY = 50 + 20 * np.sin(np.arange(24 * 21) / 24 * 2 * np.pi) + RNG.normal(0, 4, 24 * 21)
OPEN = np.where((np.arange(24 * 21) % 24 >= 8) & (np.arange(24 * 21) % 24 < 20), DAY, np.nan)


def answer(y: np.ndarray[Any, Any], h: int = 48, **settings: Any) -> MemberForecast:
    time_ns = START_NS + HOUR_NS * np.arange(y.size)
    known = np.isfinite(y)
    profile = classify_member("m", "", time_ns[known], y[known], HOUR_NS, 24, None, None)
    return forecast_member(
        profile, time_ns[known], y[known], Settings(horizon=h, end_ns=int(time_ns[-1]) + HOUR_NS, **settings)
    )


@pytest.mark.parametrize(
    ("level", "name"),
    [(0.5, "50"), (0.05, "5"), (0.575, "57_5"), (0.975, "97_5"), (0.999, "99_9"), (0.01, "1"), (0.29, "29")],
)
def test_a_level_is_named_by_its_percentage(level: float, name: str) -> None:
    assert series.level_name(level) == name
    assert series.forecast_columns([level]) == (
        "yhat",
        "yhat_lower",
        "yhat_upper",
        f"yhat_lower_{name}",
        f"yhat_upper_{name}",
    )


def test_columns_ascend_and_without_levels_nothing_is_added() -> None:
    assert series.forecast_columns() == series.FORECAST_COLUMNS
    assert series.forecast_columns([0.8, 0.5])[3:] == (
        "yhat_lower_50",
        "yhat_upper_50",
        "yhat_lower_80",
        "yhat_upper_80",
    )


SERIES: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {
    "a day": (DAY, {}),
    "clipped": (DAY, {"clip": (45.0, 60.0)}),
    "open hours": (OPEN, {}),
    "constant": (np.full(200, 7.0), {}),
    "three points": (np.array([1.0, 3.0, 2.0]), {}),
    "errors all on one side": (np.exp(RNG.normal(0, 2, 400)), {"model": "naive"}),
    "logarithm": (np.exp(RNG.normal(0, 1, 400)), {"transform": "log"}),
    "close to the largest double": (RNG.normal(0, 1, 300) * 1e307, {}),
}


@pytest.mark.parametrize(("y", "settings"), SERIES.values(), ids=SERIES.keys())
@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
def test_bands_are_nested_finite_and_clipped(level: float, y: np.ndarray[Any, Any], settings: dict[str, Any]) -> None:
    levels = (0.05, 0.8, 0.95)
    found = answer(y, level=level, levels=levels, **settings)
    bands = [
        band
        for _, band in sorted(
            zip((level, *levels), ((found.lower, found.upper), *found.further), strict=True), key=lambda item: item[0]
        )
    ]
    edges = [found.yhat, *(lower for lower, _ in bands)], [found.yhat, *(upper for _, upper in bands)]
    assert all((inner >= outer).all() for inner, outer in pairwise(edges[0]))
    assert all((inner <= outer).all() for inner, outer in pairwise(edges[1]))
    assert np.isfinite(edges).all()
    low, high = settings.get("clip", (-math.inf, math.inf))
    assert (np.array(edges) >= low).all()
    assert (np.array(edges) <= high).all()


def test_further_levels_change_nothing_else() -> None:
    alone, further = answer(DAY), answer(DAY, levels=(0.5, 0.8))
    for name in ("yhat", "lower", "upper"):
        assert getattr(alone, name).tobytes() == getattr(further, name).tobytes()
    assert alone.backtest["chosen"].items() <= further.backtest["chosen"].items()
    assert further.further[0][0].tobytes() == answer(DAY, level=0.5).lower.tobytes()


def test_coverage_is_measured_at_each_level() -> None:
    chosen = answer(DAY, levels=(0.5, 0.8)).backtest["chosen"]
    for level in (0.5, 0.8):
        name = series.level_name(level)
        assert chosen[f"coverage_{name}"] == pytest.approx(level, abs=0.15)
        assert chosen[f"coverage_{name}"] == answer(DAY, level=level).backtest["chosen"]["coverage"]
        assert 0 < chosen[f"msis_{name}"] < chosen["msis"]
    assert 0 < chosen["pinball"] < chosen["pinball_80"] < chosen["pinball_50"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "out of range": ({"levels": [0.5, 1.0]}, r"levels\[1\].*\b0\.01\b.*\b0\.999\b"),
    "a percentage": ({"levels": [80]}, r"levels\[0\].*\b0\.01\b.*\b0\.999\b"),
    "twice": ({"levels": [0.5, 0.5]}, r"E_CONFIG_DUPLICATE \S*levels\S*: .*0\.5"),
    "twice by name": ({"levels": [0.5, 0.5 + 1e-15]}, r"E_CONFIG_DUPLICATE \S*levels\S*: .*\b50\b"),
    "the level itself": ({"levels": [0.5, 0.95]}, r"E_CONFIG_CROSS levels\[1\]: 0\.95 .*`level`"),
    "a level that is set": ({"level": 0.8, "levels": [0.8]}, r"E_CONFIG_CROSS levels\[0\]: 0\.8 .*`level`"),
    "too many": ({"levels": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}, r"E_CONFIG_SIZE levels: 6 "),
    "no list": ({"levels": 0.5}, r"E_CONFIG_TYPE levels: 0\.5 "),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG.keys())
def test_wrong_levels_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_entry(
            {"name": "a", "source": {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}, **given}
        )


def history(folder: Path) -> Path:
    lines = [f"requests,host=a,{START_NS + i * HOUR_NS},{value!r}" for i, value in enumerate(DAY.tolist())]
    (folder / "history.csv").write_text("\n".join(["name,tags,time,value", *lines, ""]))
    return folder / "history.csv"


def step(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cronocast", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_levels_go_from_forecast_to_the_lines_that_are_written(tmp_path: Path) -> None:
    made = step(
        tmp_path,
        "forecast",
        "--history",
        str(history(tmp_path)),
        "--forecast",
        "f.csv",
        "--every",
        "1h",
        "--horizon",
        "6h",
        "--levels",
        "0.8,0.5",
    )
    assert made.returncode == 0, made.stderr
    head, *lines = (tmp_path / "f.csv").read_text().splitlines()
    assert head == "name,tags,time,yhat,yhat_lower,yhat_upper,yhat_lower_50,yhat_upper_50,yhat_lower_80,yhat_upper_80"
    target = [
        "load",
        "--forecast",
        "f.csv",
        "--sink-url",
        "http://h:1",
        "--sink-database",
        "d",
        "--sink-measurement",
        "out",
        "--dry-run",
        "out.lp",
    ]
    loaded = step(tmp_path, *target, "--levels", "0.5,0.8")
    assert loaded.returncode == 0, loaded.stderr
    furthest, *near = [line for line in (tmp_path / "out.lp").read_text().splitlines() if line.startswith("out,")]
    points = [*near, furthest]
    for line, point in zip(lines, points, strict=True):
        time, *values = line.split(",")[2:]
        fields = ",".join(
            f"{name}={value}" for name, value in zip(series.forecast_columns([0.5, 0.8]), values, strict=True)
        )
        assert re.fullmatch(rf"out,host=a,series=\S+ {re.escape(fields)},run=\d+i {time}", point)
    [record] = [line for line in (tmp_path / "out.lp").read_text().splitlines() if line.startswith("out_runs,")]
    assert re.search(r"coverage=[0-9.]+,coverage_50=[0-9.]+,coverage_80=[0-9.]+,points=6i", record)
    other = step(tmp_path, *target, "--levels", "0.5")
    assert other.returncode == 76
    assert "--levels 0.5,0.8" in other.stderr.splitlines()[-1]


def test_the_step_says_coverage_of_each_level(tmp_path: Path) -> None:
    results = {
        "forecast": {
            "members": [
                {
                    "name": "m",
                    "tags": "",
                    "backtest": {
                        "mase": 1,
                        "coverage": 0.9,
                        "coverage_97_5": 0.97,
                        "coverage_x y": 1,
                        "coverage_50": "?",
                    },
                }
            ]
        }
    }
    [(_, fields)] = run_fields(results, {})
    assert {name: value for name, value in fields.items() if name.startswith("coverage")} == {
        "coverage": 0.9,
        "coverage_97_5": 0.97,
        "coverage_50": None,
    }


def with_levels(row: str, columns: tuple[str, ...]) -> str:
    """A file of two rows with further levels, one number written as 5."""
    return series.header(columns).decode() + "".join(f"cpu,,{RUN_NS + i * EVERY_NS},{row}\n" for i in range(2))


ROWS = [  # yhat, 95 %, 50 %, 80 %; right?
    ("5.5,1.5,9.5,5.0,6.0,4.5,7.5", True),
    ("5,1.5,9.5,5,5,4.5,7.5", True),
    ("-5,-9,-1,-6,-4,-7,-3", True),
    ("5,5,5,5,5,5,5", True),
    ("5.5,5.0,6.0,1.5,9.5,1.0,9.9", True),  # which levels are wider than `level` is not known here
    ("5.5,1.5,9.5,5.6,6.0,4.5,7.5", False),
    ("5.5,1.5,9.5,5.0,5.4,4.5,7.5", False),
    ("5.5,1.5,9.5,5.0,6.0,5.1,7.5", False),
    ("5.5,1.5,9.5,5.0,6.0,4.5,5.9", False),
    ("-5,-9,-1,-6,-4,-5.5,-3", False),
    ("5.5,1.5,9.5,5.0,6.0,4.5,1e999", False),
    ("5.5,1.5,9.5,5.0,6.0,-1e999,7.5", False),
    ("5.5,1.5,9.5,5.0,6.0,nan,7.5", False),
    ("5.5,1.5,9.5,5.0,6.0,4.5", False),
]


@pytest.mark.parametrize(("row", "right"), ROWS)
def test_load_refuses_bands_that_are_not_nested(row: str, right: bool, tmp_path: Path) -> None:
    job = load_run.make_job(tmp_path, "http://127.0.0.1:9", dry_run=tmp_path / "out.lp", runs=False)
    job.entry.__dict__["levels"] = (0.8, 0.5)
    load_run.publish(job, [{}], 2, with_levels(row, series.forecast_columns(job.entry.levels)))
    code, result = load_run.load(job)
    assert code == (0 if right else 76), result["message"]
    if right:
        fields = dict(zip(series.forecast_columns([0.5, 0.8]), row.split(","), strict=True))
        said = ",".join(f"{name}={value}" for name, value in fields.items())
        expected = [
            f"cpu_forecast,series=web\\ load {said},run={RUN_NS // 10**9}i {RUN_NS + i * EVERY_NS}" for i in range(2)
        ]
        assert (tmp_path / "out.lp").read_text().splitlines() == expected[::-1]  # the furthest point goes first


def widen(folder: Path) -> Path:
    """Give a run of the sample report two further levels."""
    path = folder / "forecast.csv"
    columns = series.forecast_columns([0.5, 0.8])
    members = list(read_members(path, series.FORECAST_COLUMNS))
    lines = [series.header(columns).decode()]
    for member in members:
        start = series.prefix(*member.key).decode()
        for t, y, low, high in zip(member.time_ns, *member.columns, strict=True):
            cells = (y, low, high, *(y + share * (bound - y) for share in (0.3, 0.6) for bound in (low, high)))
            lines.append(f"{start}{t},{','.join(map(repr, cells))}\n")
    path.write_text("".join(lines))
    result = folder / "forecast.result.json"
    document = json.loads(result.read_text())
    document["settings"]["levels"] = {"value": [0.8, 0.5], "from": "entry"}
    for member_document in document["members"]:
        member_document["backtest"] |= {"coverage_50": 0.47, "coverage_80": 0.79}
    result.write_text(json.dumps(document))
    return folder


def test_the_report_shows_nested_bands_with_a_legend(tmp_path: Path) -> None:
    folder = widen(report_runs.one(tmp_path / "run"))
    write_report([folder], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for said in (
        "50\u00a0% ",
        r"80\u00a0% \w+: 79\u00a0%",
        r"95\u00a0% [\w ]+ 94\u00a0%",
        "yhat_lower_50, yhat_upper_50, yhat_lower_80",
    ):
        assert re.search(said, page)
    assert "E_" not in page
    write_plot(folder, tmp_path / "plot.svg", None, "light")
    drawn = (tmp_path / "plot.svg").read_text()
    assert len(re.findall(r'<path class="band"', drawn)) == 3
    assert len(re.findall(r'<rect class="band"', drawn)) == 1 + 2 + 3  # the narrowest lies over both others


def test_a_file_with_other_levels_than_its_settings_is_told_in_the_report(tmp_path: Path) -> None:
    folder = widen(report_runs.one(tmp_path / "run"))
    result = folder / "forecast.result.json"
    result.write_text(result.read_text().replace('"levels"', '"no levels"'))
    write_report([folder], tmp_path / "page.html")
    assert "E_CSV_HEADER" in (tmp_path / "page.html").read_text()


def test_coverages_of_a_result_are_read_by_level() -> None:
    found = backtest_of(
        {
            "coverage": 0.94,
            "chosen": {"coverage_97_5": 0.98, "coverage_range": [0, 1], "coverage_50": 0.5},
            "coverage_80": None,
            "coverage_5_": 1,
        }
    )
    assert found is not None
    assert found.further == ((0.5, 0.5), (0.975, 0.98))


def test_backtest_measures_each_level(tmp_path: Path) -> None:
    asked = backtest_sample.request(history(tmp_path), "naive", 3, levels="0.5,0.8")
    found = document(run_study(asked, asked.table.members), asked)
    naive = found["models"]["naive"]
    assert found["levels"] == [0.5, 0.8]
    assert naive["coverage_50"] < naive["coverage_80"] <= naive["coverage"]
    assert naive["msis_50"] < naive["msis_80"] < naive["msis"]
    assert naive["coverage_range_50"][0] <= naive["coverage_50"] <= naive["coverage_range_50"][1]
    assert all(f"{level} %" in sentences("naive", naive, 0.95, found["levels"])[0] for level in (50, 80, 95))
