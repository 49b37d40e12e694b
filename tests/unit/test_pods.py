"""The setting `pods`: what is refused, by path, with the value seen and what would be right."""

from typing import Any

import pytest

from cronocast.document.entry import parse_entry
from cronocast.errors import ConfigError

SOURCE = {"url": "http://h:1", "database": "d", "measurement": "m", "field": "f"}


def problems(**settings: Any) -> list[str]:
    try:
        parse_entry({"name": "a", "source": SOURCE, **settings}, "series.a")
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("pods", ["auto", "one", "many"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"shards": 1}, {"model": "theta"}, {"candidates": ["theta", "linear"]}, {"model": "own.module:Class"}],
)
def test_light_series_take_every_form(pods: str, settings: dict[str, Any]) -> None:
    assert problems(pods=pods, **settings) == []


HEAVY: list[tuple[dict[str, Any], str]] = [
    ({"shards": 2}, "2"),
    ({"shards": 100}, "100"),
    ({"model": "lstm"}, "lstm"),
    ({"model": "darts:Theta"}, "darts:Theta"),
    ({"candidates": ["theta", "prophet"]}, "prophet"),
    ({"model": "theta", "candidates": ["mstl"]}, "mstl"),
]


@pytest.mark.parametrize(("settings", "said"), HEAVY)
def test_one_pod_is_refused_where_several_are_due_and_nothing_else_is(settings: dict[str, Any], said: str) -> None:
    [problem] = problems(pods="one", **settings)
    assert problem.startswith("E_CONFIG_CROSS series.a.pods: one although ")
    assert said in problem
    assert "allowed: auto or many" in problem
    assert problems(pods="many", **settings) == problems(pods="auto", **settings) == problems(**settings) == []


@pytest.mark.parametrize("value", ["four", "", 1, True, ["one"]])
def test_another_value_is_refused_by_its_own_message_alone(value: Any) -> None:
    [problem] = problems(pods=value, shards=2)
    assert "series.a.pods" in problem


@pytest.mark.parametrize("value", [True, False, None, "yes"])
def test_the_setting_of_the_past_says_what_to_write(value: Any) -> None:
    [problem] = problems(singlePod=value)
    assert problem.startswith("E_CONFIG_UNKNOWN_KEY series.a.singlePod: ")
    assert all(words in problem for words in ("pods: one", "pods: many"))


@pytest.mark.parametrize("settings", [{"candidates": 5}, {"candidates": [5]}, {"shards": "2"}, {"model": 7}])
def test_ill_typed_settings_beside_it_are_left_to_their_own_checks(settings: dict[str, Any]) -> None:
    (name,) = settings
    assert {problem.split()[1].partition("[")[0].rstrip(":") for problem in problems(pods="one", **settings)} == {
        f"series.a.{name}"
    }
