"""What is tried follows class, seasons and length."""

import pytest

from cronocast.forecast import candidates
from cronocast.handoff.classes import CLASSES
from cronocast.handoff.profile import Profile
from cronocast.models.table import MODELS

MINUTE_NS = 60 * 10**9


def profile(step_minutes: int, series_class: str = "irregular", periods: tuple[int, ...] = ()) -> Profile:
    return Profile("m", "", series_class, "", step_minutes * MINUTE_NS, 1000, 0, 1, periods)


SEASONS = {
    "found ones come first": (profile(60, periods=(12,)), 672, (12,)),
    "found but too long for the history": (profile(60, periods=(24, 168)), 300, (24,)),
    "day and week of hours": (profile(60), 672, (24, 168)),
    "three days of hours": (profile(60), 72, (24,)),
    "five minutes": (profile(5), 3000, (288,)),
    "days have a week": (profile(1440), 100, (7,)),
    "weeks have none": (profile(7 * 1440), 100, ()),
    "steps that do not divide a day": (profile(7), 9000, (1440,)),
    "constant": (profile(60, "constant"), 672, ()),
}


@pytest.mark.parametrize(("given", "n", "expected"), SEASONS.values(), ids=SEASONS)
def test_seasons(given: Profile, n: int, expected: tuple[int, ...]) -> None:
    assert candidates.seasons(given, n) == expected


def test_every_class_has_candidates_and_every_candidate_is_a_light_model() -> None:
    assert set(candidates.BY_CLASS) == set(CLASSES)
    assert all(MODELS[name].extra == "linear" for names in candidates.BY_CLASS.values() for name in names)


def test_history_holds_enough_of_each_season() -> None:
    assert candidates.longest_history(()) == candidates.MOST_HISTORY
    assert candidates.longest_history((288, 2016)) >= 4 * 2016


UNREAD: dict[str, tuple[dict[str, object], str, tuple[str, ...], tuple[str, ...]]] = {  # options, models; what is named
    "none": ({}, "linear", (), ()),
    "a model without any": ({"b": 1, "a": 2}, "mstl", (), ("a, b; ", "mstl")),
    "auto by itself": ({"a": 2}, "auto", (), ("a; ", "auto")),
    "candidates without any": ({"a": 2}, "auto", ("theta", "var"), ("a; ", "theta, var")),
    "one candidate has some": ({"a": 2}, "auto", ("theta", "lstm"), ()),
    "a model of a library": ({"a": 2}, "darts:Theta", (), ()),
    "a user's own": ({"a": 2}, "mine:Model", (), ()),
}


@pytest.mark.parametrize(("options", "model", "named", "expected"), UNREAD.values(), ids=UNREAD)
def test_options_that_nobody_reads(
    options: dict[str, object], model: str, named: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = candidates.unused(options, model, named)
    assert len(found) == bool(expected)
    for note in found:
        assert note.startswith(f"options_unused: {expected[0]}")
        assert expected[1] in note
