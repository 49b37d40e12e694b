"""Which histories are read, and what is known together by them."""

from pathlib import Path

import numpy as np
import pytest

from cronocast.chain.evaluate import Known
from cronocast.commands.past_values import Past, joined, needed

DAY = 10


def pasts(*spans: tuple[int, int]) -> list[Past]:
    """Histories from and to a day, the newest first."""
    return [Past(Path(str(i)), a * DAY, b * DAY) for i, (a, b) in enumerate(spans)]


@pytest.mark.parametrize(
    ("spans", "since", "expected"),
    [
        ([(20, 30), (19, 29)], 20, ["0"]),  # the newest is enough
        ([(20, 30), (19, 29), (15, 25), (10, 20), (9, 19)], 5, ["0", "3", "4"]),  # each as far back as may be
        ([(20, 30), (19, 29), (15, 25), (10, 20), (9, 19)], 10, ["0", "3"]),
        ([(20, 30), (5, 15)], 0, ["0"]),  # a gap between them
        ([(20, 30), (20, 29)], 0, ["0"]),  # nothing more is known
    ],
)
def test_as_few_histories_are_read_as_cover_the_time(
    spans: list[tuple[int, int]], since: int, expected: list[str]
) -> None:
    assert [past.run.name for past in needed(pasts(*spans), since * DAY)] == expected


def test_of_an_older_history_only_what_lies_before_counts() -> None:
    """A value that was corrected since is taken as it is now."""
    older = Known("m", "host=a", np.array([1, 2, 3]), np.array([10.0, 20.0, 30.0]))
    newer = Known("m", "host=a", np.array([3, 4]), np.array([31.0, 40.0]))
    both = joined(newer, older)
    assert (both.key, both.time_ns.tolist(), both.y.tolist()) == (newer.key, [1, 2, 3, 4], [10.0, 20.0, 31.0, 40.0])
    assert joined(newer, None) is newer  # it is new
