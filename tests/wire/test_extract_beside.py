"""What is asked beside a history, of a server that refuses, or computes wrong."""

import random
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cronocast.durations import stamp
from tests.lying_server import Behaviour, LyingServer, Seen, json_answer, status
from tests.wire.extract_run import HOUR, START, Ran, extract_run

Run = Callable[..., Ran]
HOSTS = [f"h{i:02}" for i in range(30)]
LAST = 2  # points of a step
NOTHING = json_answer({"results": [{"statement_id": 0}]})


class Steps:
    """A server with two points in each step of each host, whose aggregates are right but for some."""

    def __init__(self, seed: str, aggregate: str) -> None:
        self.rng, self.aggregate = random.Random(seed), aggregate
        scales = [10 ** self.rng.uniform(-3, 6) for _ in HOSTS]
        self.points = {
            (host, START + i * HOUR): sorted(scale * self.rng.gauss(0, 1) for _ in range(2))
            for host, scale in zip(HOSTS, scales, strict=True)
            for i in range(24)
        }
        self.values = {key: self._right(*points) for key, points in self.points.items()}

    def _right(self, low: float, high: float) -> float:
        chosen = {"mean": (low + high) / 2, "sum": low + high, "last": high, "percentile": high, "count": 2.0}
        return chosen[self.aggregate]

    def bounds(self, key: tuple[str, int]) -> tuple[float, float]:
        """Between which its value lies, by the points of all steps of the member."""
        own = [point for (host, _), points in self.points.items() if host == key[0] for point in points]
        low, high = min(own), max(own)
        if self.aggregate == "count":
            return 0.0, 2.0
        return (2 * low, 2 * high) if self.aggregate == "sum" else (low, high)

    def __call__(self, connection: socket.socket, request: Seen) -> None:
        """Answer the query of the history, and that of the points of some steps."""
        text = request.form["q"]
        if text.startswith(f"SELECT {self.aggregate}"):
            series = [(host, [self.aggregate], [(host, START + i * HOUR) for i in range(24)]) for host in HOSTS]
            rows = [(host, names, [[key[1], self.values[key]] for key in keys]) for host, names, keys in series]
        elif text.startswith("SELECT lo"):
            tags = dict(re.findall(r'"(tag\d+)": "([^"]*)"', request.form["params"]))
            places = re.findall(r"time >= (\d+) .*?\$(tag\d+)", text)
            keys = [(tags[name], int(time)) for time, name in places]
            rows = [(key[0], ["lo", "hi", "n"], [[key[1], *self.points[key], LAST]]) for key in keys]
        else:
            return NOTHING(connection, request)
        answer = [
            {"name": "m", "tags": {"h": host}, "columns": ["time", *names], "values": values}
            for host, names, values in rows
        ]
        return json_answer({"results": [{"statement_id": 0, "series": answer}]})(connection, request)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def against(
        behaviour: Behaviour | Callable[[Seen], Behaviour], source: dict[str, Any], *, choose: bool = False
    ) -> Ran:
        with LyingServer(behaviour if choose else [behaviour]) as server:  # type: ignore[arg-type,list-item]
            return extract_run(capsys, tmp_path, server.url, {"group_by": ["h"], **source})

    return against


AGGREGATES = ["mean", "sum", "last", "percentile", "count"]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_values_that_points_can_have_pass(aggregate: str, run: Run) -> None:
    server = Steps("right", aggregate)
    server.values = {key: value * (1 + 1e-15) for key, value in server.values.items()}  # rounded otherwise
    ran = run(server, {"aggregate": aggregate})
    assert (ran.code, len(ran.rows), ran.result["notes"]) == (0, 24 * len(HOSTS), []), ran.stderr


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("seed", range(4))
def test_a_value_beyond_all_points_of_its_member_is_refused(seed: int, aggregate: str, run: Run) -> None:
    """Of any step, and of members with the widest range as of others."""
    server = Steps(f"{seed} {aggregate}", aggregate)
    key = server.rng.choice(list(server.points))
    low, high = server.bounds(key)
    reach = max(abs(point) for points in server.points.values() for point in points) + 2
    wrong = high + reach * 10 ** server.rng.uniform(0, 9) if seed % 2 else low - reach * 10 ** server.rng.uniform(0, 9)
    server.values[key] = wrong
    ran = run(server, {"aggregate": aggregate})
    assert (ran.code, ran.token, ran.history) == (76, "E_IMPOSSIBLE_VALUE", None), ran.stderr
    for words in (aggregate, f"h={key[0]}", stamp(key[1]), repr(wrong)):
        assert words in ran.error


def test_what_is_asked_beside_costs_few_requests(run: Run) -> None:
    server, seen = Steps("cost", "mean"), []

    def behave(request: Seen) -> Behaviour:
        seen.append(request.form["q"].split("(")[0])
        return server

    assert run(behave, {}, choose=True).code == 0
    assert seen == ["SELECT mean", 'SHOW FIELD KEYS FROM "m"', 'SHOW TAG KEYS FROM "m"', "SELECT lo, hi, n FROM "]


REFUSALS: dict[str, Behaviour] = {
    "no right": status(403, "no"),
    "unknown": json_answer({"results": [{"statement_id": 0, "error": "not implemented: SHOW"}]}),
    "syntax": status(400, "what?"),
    "garbage": status(200, "<html>"),
    "trouble": status(500, "oh"),
    "another question": json_answer(
        {"results": [{"series": [{"name": "m", "tags": {"h": "h01"}, "columns": ["x"], "values": [["tag"]]}]}]}
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_whoever_may_not_ask_gets_the_history(refusal: Behaviour, run: Run) -> None:
    server = Steps("refused", "mean")
    ran = run(lambda request: server if request.form["q"].startswith("SELECT mean") else refusal, {}, choose=True)
    assert (ran.code, len(ran.rows)) == (0, 24 * len(HOSTS)), ran.stderr
    [note] = ran.result["notes"]
    assert "E_" in note
    assert note in ran.stderr
