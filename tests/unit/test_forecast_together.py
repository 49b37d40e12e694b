"""Models that learn from many members at once.

One training for all, nothing learnt from the future, weights kept in one folder, nobody hurt by a bad member.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from cronocast.chain.forecast import run
from cronocast.chain.job import Job as StepJob
from cronocast.chain.parts import ForecastPart
from cronocast.chain.shell import run_step
from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError, DataError
from cronocast.forecast.answer import Settings
from cronocast.forecast.backtest import origin_ends
from cronocast.forecast.members import MemberJob, forecast_members
from cronocast.handoff.files import read_json
from cronocast.handoff.profile import Profile
from cronocast.handoff.series import HISTORY_COLUMNS, Member, header, rows
from cronocast.models.lstm.lstm import WARM_EPOCHS
from cronocast.models.model import Context
from cronocast.models.naive import Naive
from tests.messages import numbers

Floats = NDArray[np.float64]
HOUR_NS = 3600 * 10**9
H, N = 12, 340


class ForAll(Naive):
    """Learns from many; remembers what of."""

    trainings: ClassVar[list[tuple[list[int], list[Context]]]] = []
    notes: ClassVar[list[str]] = ["made up"]
    needs = 0

    def fit(self, y: Floats, context: Context) -> Self:
        raise AssertionError("fitted alone")

    @classmethod
    def fit_many(cls, ys: Sequence[Floats], contexts: Sequence[Context]) -> "ForAll":
        cls.trainings.append(([y.size for y in ys], list(contexts)))
        if max(y.size for y in ys) < cls.needs:
            raise DataError("E_TOO_SHORT", "y", "not even the longest is long enough")
        return cls()

    def predict_after(self, y: Floats, h: int, context: Context) -> Floats:
        if y.size < 40:
            raise DataError("E_TOO_SHORT", "y", f"{y.size} points, 40 are needed")
        return np.full(h, y[-1])


class Demanding(ForAll):
    needs = 150


class PastOnly(ForAll):
    past_only = True


class Buggy(ForAll):
    @classmethod
    def fit_many(cls, *_: Any) -> "ForAll":
        raise ZeroDivisionError("out of luck")


@pytest.fixture(autouse=True)
def _forget() -> None:
    ForAll.trainings.clear()


def values(i: int, n: int = N) -> Floats:
    rng = np.random.default_rng(i)
    out: Floats = (i + 1) * (50 + 5 * np.sin(2 * np.pi * np.arange(n) / 24) + rng.normal(0, 1, n))
    return out


def job(i: int, n: int = N, model: str = "ForAll", **settings: Any) -> MemberJob:
    profile = Profile("m", f"host={i}", "seasonal", "", HOUR_NS, n, 0, (n - 1) * HOUR_NS, (24,))
    return MemberJob(
        profile,
        HOUR_NS * np.arange(n, dtype=np.int64),
        values(i, n),
        Settings(horizon=H, end_ns=n * HOUR_NS, model=f"{__name__}:{model}", **settings),
    )


def test_one_training_for_the_forecasts_and_one_for_the_backtests() -> None:
    found = list(forecast_members([job(i, series="web") for i in range(3)], weights=Path("weights")))
    assert [(r.status, r.notes) for r in found] == [("ok", (f"{__name__}:ForAll: made up",))] * 3
    first = origin_ends(N, H, (24,))[0]
    assert [sizes for sizes, _ in ForAll.trainings] == [[N] * 3, [first] * 3]
    whole, before = (contexts[0] for _, contexts in ForAll.trainings)
    assert (whole.horizon, whole.key) == (H, "web")
    assert whole.state == Path("weights") / f"{__name__}:ForAll-{H}"
    assert before.state is None  # kept weights have seen what an origin must not know


def test_what_looks_at_the_past_alone_is_trained_once() -> None:
    list(forecast_members([job(i, model="PastOnly") for i in range(3)]))
    assert [sizes for sizes, _ in ForAll.trainings] == [[N] * 3]


@pytest.mark.slow
def test_a_holiday_is_no_gap_for_the_network_that_is_tested() -> None:
    """German ones, a day in each of three weeks from the 20th on.

    None of them may cut the history where the limit is half a day.
    """
    began = int(np.datetime64("2025-04-13", "ns").astype(np.int64))
    plain = job(0, fill_limit=12, holidays="DE")
    profile = replace(plain.profile, first_ns=began, last_ns=began + (N - 1) * HOUR_NS)
    settings = replace(plain.settings, end_ns=began + N * HOUR_NS)
    list(forecast_members([MemberJob(profile, began + plain.time_ns, plain.y, settings)]))
    assert [sizes for sizes, _ in ForAll.trainings] == [[N], [origin_ends(N, H, (24,))[0]]]


def test_a_run_with_another_horizon_leaves_the_weights_alone() -> None:
    list(forecast_members([job(0)], weights=Path("weights")))
    other = job(0)
    list(
        forecast_members(
            [MemberJob(other.profile, other.time_ns, other.y, replace(other.settings, horizon=2 * H))],
            weights=Path("weights"),
        )
    )
    assert [contexts[0].state for _, contexts in ForAll.trainings][::2] == [
        Path("weights") / f"{__name__}:ForAll-{h}" for h in (H, 2 * H)
    ]


def test_what_ends_later_is_not_learnt_from_for_what_ends_earlier() -> None:
    list(forecast_members([job(0), job(1, 300), job(2), job(3, 300)]))
    assert [sizes for sizes, _ in ForAll.trainings][::2] == [[N, N], [300, 300]]


def test_a_short_member_falls_back_alone() -> None:
    settings = job(0).settings
    short = MemberJob(job(1, 30).profile, HOUR_NS * np.arange(N - 30, N, dtype=np.int64), values(1, 30), settings)
    empty = MemberJob(job(2).profile, HOUR_NS * np.arange(N, dtype=np.int64), np.full(N, np.nan), settings)
    found = list(forecast_members([job(0), short, empty, job(3)]))
    assert [r.status for r in found] == ["ok", "fallback", "skipped", "ok"]
    assert "30 points, 40 are needed" in found[1].reason


def late(i: int, n: int, model: str = "ForAll") -> MemberJob:
    """A member that began later than those of N steps and ends with them."""
    y, profile = (
        values(i, n),
        Profile("m", f"host={i}", "seasonal", "", HOUR_NS, n, (N - n) * HOUR_NS, (N - 1) * HOUR_NS, (24,)),
    )
    return MemberJob(
        profile,
        HOUR_NS * np.arange(N - n, N, dtype=np.int64),
        y,
        Settings(horizon=H, end_ns=N * HOUR_NS, model=f"{__name__}:{model}"),
    )


def test_backtests_of_a_member_know_nothing_of_what_others_did_later() -> None:
    """All are cut where the first of all past forecasts begins, at the same time for each."""
    list(forecast_members([late(0, 300), job(1)]))
    cut = origin_ends(N, H, (24,))[0]
    assert cut < N - 300 + origin_ends(300, H, (24,))[0]
    (_, _), (sizes, contexts) = ForAll.trainings
    assert sizes == [cut - (N - 300), cut]
    assert [c.start_ns + HOUR_NS * size for c, size in zip(contexts, sizes, strict=True)] == [cut * HOUR_NS] * 2


def test_a_member_that_had_not_begun_by_then_is_left_out_of_the_training_for_backtests() -> None:
    found = list(forecast_members([late(0, 200), job(1)]))
    assert [sizes for sizes, _ in ForAll.trainings] == [[200, N], [origin_ends(N, H, (24,))[0]]]
    assert [r.status for r in found] == ["ok", "ok"]
    assert f"{__name__}:ForAll" in found[0].backtest["models"]


def test_a_member_whose_past_forecasts_all_begin_too_early_does_not_cost_the_others_theirs() -> None:
    """One went silent long ago: nothing that it could be tested with is long enough, but the others are."""
    silent = job(0, model="Demanding")
    silent = MemberJob(silent.profile, silent.time_ns[:100], silent.y[:100], silent.settings)
    found = list(forecast_members([silent, late(1, 200, "Demanding")]))
    assert f"{__name__}:Demanding" in found[1].backtest["models"]


def test_where_all_are_too_short_at_the_first_origin_a_later_one_trains() -> None:
    found = next(forecast_members([job(0, model="Demanding")]))
    sizes = [size for (size,), _ in ForAll.trainings[1:]]
    assert sizes == sorted(sizes)
    assert sizes[-2] < Demanding.needs <= sizes[-1]
    assert found.status == "ok"


def test_a_bug_in_the_common_training_is_a_fallback() -> None:
    found = list(forecast_members([job(0, model="Buggy"), job(1, model="Buggy")]))
    assert [r.status for r in found] == ["fallback"] * 2
    assert "ZeroDivisionError: 'out of luck'" in found[0].reason


TINY = {"units": 4, "epochs": 6, "lookback": 24, "learning_rate": 0.003}


def step(
    folder: Path,
    ys: dict[str, Floats],
    jobs: int = 1,
    part: ForecastPart | None = None,
    run_at: int = N,
    **options: Any,
) -> tuple[int, dict[str, Any], bytes]:
    """Run the real step on a history that ends at an hour: exit code, its result file, its forecast."""
    history = folder / "history.csv"
    with history.open("wb") as file:
        file.write(header(HISTORY_COLUMNS))
        for tags, y in ys.items():
            file.write(
                rows(
                    Member(
                        "cpu",
                        tags,
                        array("q", (HOUR_NS * np.arange(run_at - y.size, run_at)).tolist()),
                        (array("d", y.tolist()),),
                    )
                )
            )
    entry = parse_entry(
        {
            "name": "cpu",
            "source": {"url": "http://127.0.0.1:1", "database": "d", "measurement": "cpu", "field": "v"},
            "every": "1h",
            "horizon": f"{H}h",
            "model": "lstm",
            "options": {**TINY, **options},
            "jobs": jobs,
        }
    )
    work = StepJob(
        "forecast",
        entry,
        0,
        standalone=True,
        history=history,
        profile=None,
        forecast=folder / "forecast.csv",
        state=folder / "state",
        part=part,
    )
    code = run_step(run, work)
    return code, read_json(work.result), work.output.read_bytes() if code == 0 else b""


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epochs of each training, the one for the forecasts first."""
    from cronocast.models.lstm.network import Network

    done: list[int] = []
    train = Network.train

    def spy(self: Network, *given: Any) -> int:
        done.append(train(self, *given))
        return done[-1]

    monkeypatch.setattr(Network, "train", spy)
    return done


@pytest.mark.slow
def test_the_step_starts_warm_and_trains_anew_on_damage(tmp_path: Path, epochs: list[int]) -> None:
    """Members come and go in between; the network knows none of them by name."""
    ys = {f"host={i}": values(i) for i in range(3)} | {"host=3": np.full(N, 7.0), "host=4": values(4, 30)}
    _, first, _ = step(tmp_path, ys)
    assert len(epochs) == 2
    assert [member["status"] for member in first["members"]] == ["ok"] * 4 + ["fallback"]
    assert numbers(first["members"][4]["reason"])[:2] == ["30", "68"]  # points, and how many it takes
    assert first["notes"] == []
    assert sorted(path.name for path in (tmp_path / "state" / "models" / f"lstm-{H}").iterdir()) == [
        "CURRENT",
        "gen-00000001",
    ]
    _, second, _ = step(tmp_path, {f"host={i}": values(i) for i in range(1, 7)}, run_at=N + 1)
    assert second["notes"] == ["lstm: warm_start"]
    assert [member["notes"] for member in second["members"]] == [["lstm: warm_start"]] * 6
    assert epochs[2] <= WARM_EPOCHS
    for weights in (tmp_path / "state" / "models" / f"lstm-{H}").glob("gen-*/weights.f32"):
        weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\x80\x7f")
    code, third, _ = step(tmp_path, ys, run_at=N + 2)
    assert code == 0
    assert third["notes"][0].startswith("lstm: model_retrained: E_MODEL_DAMAGED gen-")
    assert epochs[4] > WARM_EPOCHS


@pytest.mark.slow
def test_the_same_run_twice_leaves_the_same_forecast(tmp_path: Path) -> None:
    """As its first execution, also where that started from the weights of the run before."""
    ys = {f"host={i}": values(i) for i in range(2)}
    found = [step(tmp_path, ys, run_at=run_at) for run_at in (N, N, N + 1, N + 1, N + 1)]
    assert [result["notes"] for _, result, _ in found] == [[], []] + [["lstm: warm_start"]] * 3
    first, again, *others = (forecast for _, _, forecast in found)
    assert first == again
    assert len(set(others)) == 1


@pytest.mark.slow
def test_numbers_and_weights_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    found = []
    for jobs in (1, 2):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        _, _, forecast = step(folder, {f"host={i}": values(i) for i in range(3)}, jobs)
        found.append((forecast, *(path.read_bytes() for path in sorted(folder.rglob("gen-*/*")))))
    assert found[0] == found[1]
    assert len(found[0]) == 3


@pytest.mark.slow
def test_each_share_of_the_members_has_weights_of_its_own(tmp_path: Path) -> None:
    step(tmp_path, {f"host={i}": values(i) for i in range(2)}, part=ForecastPart("lstm", 1, 2))
    assert (tmp_path / "state" / "models" / "lstm-1" / f"lstm-{H}" / "CURRENT").exists()


def test_a_wrong_option_is_no_fallback(tmp_path: Path) -> None:
    code, result, _ = step(tmp_path, {"host=0": values(0)}, epochs=-3)
    assert code == ConfigError.exit_code
    assert "options.epochs: -3 " in result["message"]
