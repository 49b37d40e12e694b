"""What `cronocast check` makes of findings and of canaries; against real servers in tests/wire."""

import sys
from typing import Any

import pytest

from cronocast.check import canary as canaries
from cronocast.check.canary import Canary, canary
from cronocast.check.finding import (
    Finding,
    doubtful,
    exit_code,
    fine,
    instead,
    listed,
    meant,
    of_error,
    wrong,
)
from cronocast.check.local import models, variables
from cronocast.check.look import Look
from cronocast.document.entry import parse_entry
from cronocast.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CronocastError,
    DataError,
    Problem,
    RefusedError,
    TemporaryError,
)

NOW_NS = 1_800_000_000 * 10**9


def entry(**more: Any) -> Any:
    source = {"url": "http://127.0.0.1:9", "database": "d", "measurement": "m", "field": "f"}
    return parse_entry({"name": "s", "source": source, **more})


CODES: dict[str, tuple[list[Finding], int]] = {
    "nothing": ([], 0),
    "warnings only": ([fine("a", "b", "c"), doubtful("a", "b", "c", "d")], 0),
    "one error": ([wrong("a", "b", "c", "d", DataError)], 66),
    "what no retry fixes first": ([wrong("a", "b", "c", "d", kind) for kind in (TemporaryError, DataError)], 66),
    "rights before all": (
        [wrong("a", "b", "c", "d", kind) for kind in (ConfigError, ContractError, AccessError, RefusedError)],
        77,
    ),
}


@pytest.mark.parametrize(("findings", "code"), CODES.values(), ids=CODES)
def test_the_worst_finding_gives_the_exit_code(findings: list[Finding], code: int) -> None:
    assert exit_code(findings) == code
    assert exit_code(findings[::-1]) == code


ERRORS: dict[str, tuple[CronocastError, list[tuple[str, str, str, int]]]] = {
    "seen and right": (RefusedError("E_X", "h", "a; b; c"), [("set", "a", "b; c", 69)]),
    "seen only": (TemporaryError("E_X", "h", "a"), [("set", "a", "", 75)]),
    "several problems": (
        ConfigError([Problem("E_X", "p.q", "a; allowed: b"), Problem("E_X", "r", "c; d")]),
        [("p.q", "a", "b", 78), ("r", "c", "d", 78)],
    ),
}


@pytest.mark.parametrize(("error", "found"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_a_finding(error: CronocastError, found: list[tuple[str, str, str, int]]) -> None:
    made = of_error("what", "set", error)
    assert [(one.setting, one.seen, one.fix, one.exit) for one in made] == found
    assert {one.level for one in made} == {"error"}


NAMES = {"cpu": "cpu", "CPU": "cpu", "dsk": "disk", "discs": "disk", "networking": "", "": ""}


@pytest.mark.parametrize(("name", "near"), NAMES.items())
def test_a_misspelt_name_means_the_nearest_one(name: str, near: str) -> None:
    known = ["cpu", "disk", "mem"]
    assert meant(name, known) == near
    assert (near or "cpu, disk, mem") in instead("x", name, known)


def test_long_lists_are_cut() -> None:
    assert listed([f"n{i:02d}" for i in range(30)]).endswith("n07 and 22 more")
    assert listed(["only"]) == "only"


KEPT: dict[str, tuple[list[float], str, int, str]] = {  # values read back, level, exit, token
    "the last write": ([2.0], "ok", 0, "overwritten"),
    "the first write": ([1.0], "error", 69, "keeps the first"),
    "nothing": ([], "error", 69, "drops the future"),
    "both": ([1.0, 2.0], "error", 69, "both"),
}


@pytest.mark.parametrize(("values", "level", "code", "token"), KEPT.values(), ids=KEPT)
def test_what_a_server_makes_of_a_canary(
    values: list[float], level: str, code: int, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [values, []]  # after it was deleted there is none
    monkeypatch.setattr(Canary, "write", lambda *_: None)
    monkeypatch.setattr(Canary, "read", lambda *_: kept.pop(0))
    monkeypatch.setattr(Canary, "delete", lambda *_: None)
    (found,) = canary(Look(entry(horizon="48h"), NOW_NS))
    assert (found.level, found.exit) == (level, code)
    assert token in found.seen
    assert bool(found.fix) == (level == "error")


def test_a_canary_that_was_refused_the_second_time_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[float] = []

    def write(self: Canary, value: float) -> None:
        done.append(value)
        if value == canaries.SECOND:
            raise AccessError("E_AUTH", "h", "status 403; check the user")

    monkeypatch.setattr(Canary, "write", write)
    monkeypatch.setattr(Canary, "read", lambda *_: [])
    monkeypatch.setattr(Canary, "delete", lambda *_: done.append(0))
    (found,) = canary(Look(entry(), NOW_NS))
    assert done == [1, 2, 0]
    assert (found.what, found.exit) == ("canary", 77)


def test_a_canary_stands_at_the_end_of_the_horizon_in_a_measurement_of_its_own() -> None:
    bird = Canary(Look(entry(every="1h", horizon="48h"), NOW_NS + 10**12), "mark")
    assert bird.time_ns == NOW_NS // 3600 // 10**9 * 3600 * 10**9 + 47 * 3600 * 10**9
    assert bird.measurement == "m_forecast_canary"


VARIABLES: dict[str, tuple[dict[str, str], list[str]]] = {
    "none": ({"PATH": "/bin"}, []),
    "the same": ({"CRONOCAST_HORIZON": "24h", "CRONOCAST_SOURCE_FIELD": "f"}, []),
    "another": ({"CRONOCAST_HORIZON": "12h", "CRONOCAST_MODEL": "naive"}, ["horizon", "model"]),
    "a list": ({"CRONOCAST_SOURCE_GROUP_BY": "host"}, ["source.group_by"]),
    "a number": ({"CRONOCAST_LEVEL": "0.95", "CRONOCAST_MIN_POINTS": "3"}, ["min_points"]),
    "empty is not given": ({"CRONOCAST_HORIZON": ""}, []),
    "no setting of an entry": ({"CRONOCAST_ROOT": "x", "CRONOCAST_SOURCE_PASSWORD": "hidden"}, []),
}


@pytest.mark.parametrize(("env", "settings"), VARIABLES.values(), ids=VARIABLES)
def test_variables_that_change_an_entry(env: dict[str, str], settings: list[str]) -> None:
    found = list(variables(entry(), env))
    assert sorted(one.setting for one in found) == settings
    assert all(one.level == "warning" and "unset CRONOCAST_" in one.fix for one in found)


@pytest.mark.parametrize(("model", "library", "extra"), [("lstm", "keras", "lstm"), ("prophet", "prophet", "prophet")])
@pytest.mark.parametrize("named_by", ["model", "candidates"])
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    model: str, library: str, extra: str, named_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"cronocast.models.{model}", raising=False)  # another test may have loaded it
    chosen = {"model": model} if named_by == "model" else {"candidates": ["theta", model]}
    (found,) = models(entry(**chosen))
    assert (found.setting, found.exit) == (named_by, 78)
    assert library in found.seen
    assert f"cronocast[{extra}]" in found.fix


def test_models_that_are_installed_need_no_word() -> None:
    assert list(models(entry(model="theta"))) == list(models(entry())) == []
