"""Texts of even times. Standard library only."""

MAX_KEPT = 100_000  # texts: 6 MB


class EvenTimes:
    """Makes texts of even times once for all members, which mostly have the same ones."""

    def __init__(self) -> None:
        self._first, self._step, self._texts = 0, 1, list[bytes]()

    def texts(self, first: int, count: int, step: int) -> list[bytes]:
        """Write `count` times as decimal text: `first` and so on, each `step` >= 1 after the one before."""
        at, rest = divmod(first - self._first, step)
        if step != self._step or rest or not 0 <= at <= len(self._texts) or at + count > MAX_KEPT:
            at, self._first, self._step, self._texts = 0, first, step, []
        self._texts += map(b"%d".__mod__, range(self._first + len(self._texts) * step, first + count * step, step))
        return self._texts[at : at + count]
