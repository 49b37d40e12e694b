"""Sample run folders for the tests of the report, by simple formulas through the real writers."""

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cronocast.durations import parse_stamp, stamp
from cronocast.errors import CronocastError, TemporaryError
from cronocast.handoff.files import atomic, run_name, write_json
from cronocast.handoff.profile import SCHEMA, Gaps, Profile, to_document
from cronocast.handoff.results import Outcome, write_result
from cronocast.handoff.series import FORECAST_COLUMNS, HISTORY_COLUMNS, Member, header, rows, tags_text

HOUR = 3600 * 10**9
NOW = parse_stamp("2026-03-10T14:00:00Z")
Curve = Callable[[int], float]


@dataclass
class Sample:
    """One member: a curve over step numbers (0 = first forecast step), noise, and what the steps say of it."""

    tags: str
    curve: Curve
    noise: float = 1.0
    series_class: str = "seasonal"
    periods: tuple[int, ...] = (24,)
    model: str = "median(fourier,seasonal_naive)"
    ratio: float = 0.62
    coverage: float = 0.94
    missing: Callable[[int], bool] = lambda _: False
    changes: tuple[int, ...] = ()  # steps before now
    status: str = "ok"
    reason: str = ""
    prepared: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, float] = field(
        default_factory=lambda: {"season_strength": 0.87, "trend_strength": 0.12, "spectral_flatness": 0.0312}
    )


def daily(level: float, swing: float) -> Curve:
    """A wave that repeats every 24 steps, lower on each sixth and seventh day."""
    return lambda i: level + swing * math.sin(2 * math.pi * (i + 8) / 24) * (0.55 if (i // 24) % 7 in (5, 6) else 1.0)


def write_run(
    folder: Path,
    samples: list[Sample],
    *,
    series: str = "web-requests",
    points: int = 672,
    horizon: int = 24,
    step: int = HOUR,
    now: int = NOW,
    failed: dict[str, CronocastError] | None = None,
    without: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
    measurement: str = "requests",
) -> Path:
    """Write what steps leave for these members; those in `failed` fail, those in `without` leave nothing."""
    failed = failed or {}
    run = stamp(now)
    window = {"start_ns": now - points * step, "end_ns": now, "every_ns": step}
    given = {
        "source.url": "http://127.0.0.1:8086",
        "source.database": "telegraf",
        "source.measurement": measurement,
        "level": 0.95,
        **(settings or {}),
    }
    shown = {name: {"value": value, "from": "entry"} for name, value in given.items()}
    made = [_member(i, sample, measurement, points, horizon, step, now) for i, sample in enumerate(samples)]
    for name in ("extract", "evaluate", "classify", "forecast", "load", "alert"):
        if name in without:
            continue
        outcome = Outcome(window=dict(window))
        error = failed.get(name)
        if error is None or name == "load":
            _fill(name, outcome, folder, samples, made, series, run, failed=error is not None)
        write_result(
            folder / f"{name}.result.json",
            name,
            series,
            run,
            outcome,
            {"extract": 1.23, "evaluate": 0.22, "classify": 0.41, "forecast": 8.6, "load": 0.09, "alert": 0.01}[name],
            error,
            shown,
        )
        if error:
            break
    return folder


@dataclass
class Made:
    history: Member
    forecast: Member
    profile: Profile
    decision: dict[str, Any]


def _member(i: int, sample: Sample, name: str, points: int, horizon: int, step: int, now: int) -> Made:
    noise = random.Random(i)
    history = Member(name, sample.tags, array("q"), (array("d"),))
    for k in range(-points, 0):
        value = sample.curve(k) + noise.gauss(0, 1) * sample.noise
        if not sample.missing(k):
            history.time_ns.append(now + k * step)
            history.columns[0].append(value)
    forecast = Member(name, sample.tags, array("q"), tuple(array("d") for _ in FORECAST_COLUMNS))
    for k in range(horizon if sample.status in ("ok", "fallback") else 0):
        width = (1.9 + 0.9 * math.sqrt(k / max(1, horizon))) * sample.noise
        forecast.time_ns.append(now + k * step)
        for column, value in zip(
            forecast.columns, (sample.curve(k), sample.curve(k) - width, sample.curve(k) + width), strict=True
        ):
            column.append(value)
    gap = [sample.missing(k) for k in range(-points, 0)]
    longest = max((len(part) for part in "".join("x" if g else " " for g in gap).split()), default=0)
    profile = Profile(
        name, sample.tags, sample.series_class,
        f"the day explains {sample.evidence.get('season_strength', 0):.0%} of what remains after the trend", step,
        len(history.time_ns),
        history.time_ns[0] if history.time_ns else 0, history.time_ns[-1] if history.time_ns else 0, sample.periods,
        tuple(now + k * step for k in sample.changes),
        Gaps(sum(gap), longest, sum(gap) / points), sample.evidence,
    )  # fmt: skip
    return Made(
        history,
        forecast,
        profile,
        {
            "name": name,
            "tags": sample.tags,
            "status": sample.status,
            "reason": sample.reason,
            "class": sample.series_class,
            "prepared": sample.prepared,
        }
        | _backtest(sample, horizon),
    )


def _backtest(sample: Sample, horizon: int) -> dict[str, Any]:
    if sample.status not in ("ok", "fallback"):
        return {"model": "", "why": sample.reason, "rows": 0, "backtest": {}}
    own = 0.8 * sample.ratio
    models = {"seasonal_naive": 0.8, "naive": 1.9, "fourier": own * 1.04, "linear": 2.4, "holt_winters": own * 1.2}
    table = {
        name: {"ratio": mase / 0.8, "mase": mase, "rmse": mase * 1.3, "smape": 3.1 * mase, "bias": -0.02}
        for name, mase in models.items()
    }
    grow = [0.7 + 0.25 * math.sqrt(k) for k in range(horizon)]
    test = {
        "origins": 14, "steps": horizon, "season": 24, "scale": sample.noise or 1.0,
        "failed": {"lstm": "its network diverged"}, "models": table,
        "chosen": {
            **table["fourier"], "mase": own, "coverage": sample.coverage, "msis": 3.1, "pinball": 0.2,
            "by_step": [g * sample.ratio for g in grow],
        },
        "naive": {"model": "seasonal_naive", "seasons": [*(sample.periods[:1] or (24,))], "by_step": grow},
        "ratio": sample.ratio, "mase": own, "coverage": sample.coverage,
    }  # fmt: skip
    why = (
        "median of fourier, seasonal_naive: no one of them is clearly the best; together their error on 14 past starts"
        f" was {sample.ratio:.0%} of seasonal_naive's"
    )
    return {"model": sample.model, "why": why, "rows": horizon, "backtest": test}


def _fill(
    name: str,
    outcome: Outcome,
    folder: Path,
    samples: list[Sample],
    made: list[Made],
    series: str,
    run: str,
    *,
    failed: bool,
) -> None:
    total = sum(len(m.forecast.time_ns) for m in made)
    keys = [{"name": m.history.name, "tags": m.history.tags} for m in made]
    if name == "extract":
        _write(folder / "history.csv", HISTORY_COLUMNS, [m.history for m in made])
        outcome.rows_in = outcome.rows_kept = sum(len(m.history.time_ns) for m in made)
        outcome.members = keys
    elif name == "classify":
        write_json(
            folder / "profile.json",
            {"schema": SCHEMA, "series": series, "run": run, "members": [to_document(m.profile) for m in made]},
        )
        outcome.members = keys
    elif name == "forecast":
        _write(folder / "forecast.csv", FORECAST_COLUMNS, [m.forecast for m in made])
        outcome.add_output(folder / "forecast.csv", total)
        outcome.expected = outcome.rows_kept = total
        outcome.members = [m.decision for m in made]
        simpler = sum(s.status == "fallback" for s in samples)
        outcome.status, outcome.reason = (
            ("fallback", f"{simpler} of {len(samples)} members fallback") if simpler else ("ok", "")
        )
    else:
        outcome.expected, outcome.acked = total, 0 if failed else total
        outcome.members = (
            [] if failed else [{**key, "points": len(m.forecast.time_ns)} for key, m in zip(keys, made, strict=True)]
        )


def _write(path: Path, columns: tuple[str, ...], members: list[Member]) -> None:
    with atomic(path) as file:
        file.write(header(columns))
        for member in members:
            file.write(rows(member))


REFUSED = TemporaryError(
    "E_CONNECT",
    "http://127.0.0.1:8086",
    "connection refused after 6 tries in 90 s; start the server or check the address",
)
NASTY = (
    "<script>alert(1)</script>", "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>', "a,b=c\\d", "\U0001f600 \u65e5\u672c\u8a9e " + "x" * 200,
    "' onmouseover='alert(4)", "\u202eright to left", "&lt;b&gt; &amp; {{7*7}} ${x}", "<!--",
    "]]>", "line\u2028separator",
)  # fmt: skip


def one(folder: Path) -> Path:
    """One seasonal member with a gap and a change of level."""
    curve = daily(50, 14)
    prepared = {"outliers": 3, "filled_by_season": 9}
    sample = Sample(
        "",
        lambda i: curve(i) + (6 if i >= -190 else 0),
        noise=1.6,
        missing=lambda i: -71 <= i < -62,
        changes=(-190,),
        prepared=prepared,
    )
    return write_run(folder, [sample])


def several(folder: Path) -> Path:
    """Members of every class, one of which fell back and one of which is worse than naive."""
    walk = random.Random(7)
    path = [0.0]
    for _ in range(800):
        path.append(path[-1] + walk.gauss(0, 1))
    samples = [
        Sample("host=web-1", daily(50, 14), 1.6),
        Sample("host=web-2", daily(2300, 900), 60, periods=(24, 168), ratio=0.71, coverage=0.96),
        Sample(
            "host=disk-1,path=/var",
            lambda i: 61.5 + 0.031 * i + (4 if i > -300 else 0),
            0.08,
            "trend",
            (),
            "linear",
            0.34,
            0.95,
            changes=(-300,),
        ),
        Sample(
            "host=queue-1",
            lambda i: 40 + path[i + 672],
            0.4,
            "irregular",
            (),
            "naive",
            1.0,
            0.83,
            missing=lambda i: i % 97 < 5 or i % 41 == 0,
        ),
        Sample("host=flag-1", lambda _: 1.0, 0.0, "constant", (), "naive", 1.0, 1.0),
        Sample("host=odd-1", daily(5e9, 2e9), 4e8, ratio=1.21),
        Sample(
            "host=new-1",
            lambda i: 12 + 0.4 * i,
            1,
            "too_short",
            (),
            "naive",
            1.0,
            0.9,
            missing=lambda i: i < -9,
            status="fallback",
            reason="too_short: 9 points; naive stands in",
        ),
        Sample(
            "host=gone-1",
            daily(9, 2),
            1,
            "irregular",
            (),
            "",
            missing=lambda i: i > -200,
            status="failed",
            reason="no_values: there is no finite value in the window",
        ),
    ]
    return write_run(folder, samples, settings={"title": "Requests per second, by host"})


def failed_load(folder: Path) -> Path:
    """The database went away before the forecast was written."""
    return write_run(folder, [Sample("host=web-1", daily(50, 14), 1.6)], failed={"load": REFUSED})


def failed_extract(folder: Path) -> Path:
    """Nothing was read at all."""
    return write_run(folder, [], failed={"extract": REFUSED}, without=("classify", "forecast", "load"))


def many(folder: Path, count: int = 200) -> Path:
    """Many members of different level; some deserve a look."""
    samples = [
        Sample(
            tags_text((("host", f"node-{i:04d}"), ("region", ("eu", "us", "ap")[i % 3]))),
            daily(20 + i % 17 * 9, 4 + i % 5),
            0.8,
            ratio=1.1 if i % 41 == 7 else 0.5 + i % 9 * 0.05,
            coverage=0.8 if i % 53 == 9 else 0.95,
        )
        for i in range(count)
    ]
    return write_run(folder, samples, points=336)


def nasty(folder: Path) -> Path:
    """Names and values that try to break out of the page."""
    samples = [Sample(tags_text((("evil", value),)), daily(50, 14), 1.6, reason=value, status="ok") for value in NASTY]
    return write_run(
        folder,
        samples,
        series="<script>alert(0)</script>",
        measurement="</title><svg onload=alert(5)>",
        settings={"title": "</script><script>alert(6)</script>"},
    )


def folder_of(root: Path, now: int = NOW) -> Path:
    """Where a run of the sample series lies."""
    return root / "web-requests-00000000" / "runs" / run_name(now)
