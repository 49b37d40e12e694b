"""Members that a run leaves out, since files or the sink can't carry their tags. Standard library only."""

import re
from collections.abc import Collection

from cronocast.chain.job import Job
from cronocast.chain.run_records import run_of
from cronocast.console import say
from cronocast.document.kinds import SINK
from cronocast.errors import ContractError, seen
from cronocast.handoff.rows import Key
from cronocast.handoff.series import Member

MOST_NAMED = 5  # in notes; the count says how many more there are
_NO_LINE = re.compile(r"[\x00\n\r\ud800-\udfff]")


class Unwritable:
    """Says of each member whether it can be written, and remembers those that can't."""

    def __init__(self, job: Job) -> None:
        self._fault_of = SINK.ask({"kind": job.entry.sink.kind}, "member_fault")
        self._run = run_of(job)
        self.faults: dict[Key, str] = {}

    def __call__(self, key: Key) -> bool:
        """Whether a member must be left out.

        Raises:
            ConfigError: it has a tag that a forecast has itself, so that nothing of this entry could be written.
        """
        if fault := _fault(key) or (self._fault_of(self._run, key[1]) if self._fault_of else ""):
            self.faults[key] = fault
        return bool(fault)

    def notes(self, step: str) -> list[str]:
        """Say and return a line for each of the first members that were left out, and how many more there are."""
        named = [f"left out {_shown(key)}: {fault}" for key, fault in list(self.faults.items())[:MOST_NAMED]]
        more = len(self.faults) - len(named)
        lines = named + [f"left out {more} more members whose tags can't be written"] * (more > 0)
        for line in lines:
            say(f"{step}: {line}")
        return lines

    def refuse_if_all(self, kept: Collection[Key]) -> None:
        """Leave no run without a member only because none can be written.

        Raises:
            ContractError: that is so.
        """
        if self.faults and not kept:
            key, fault = next(iter(self.faults.items()))
            count = f"none of {len(self.faults)} members can be written, such as {_shown(key)}"
            raise ContractError("E_TAG", self._run.measurement, f"{count}: {fault}")


def refuse_doubles(members: Collection[Key], measurement: str) -> None:
    """Refuse two members of different names with the same tags: their points would overwrite each other.

    Raises:
        ContractError: there are some.
    """
    names: dict[str, str] = {}
    for name, tags in members:
        if (other := names.setdefault(tags, name)) != name:
            both = f"{seen(other)} and {seen(name)} with the same tags {seen(tags)}"
            sentence = f"{both}; their points would overwrite each other, so give each an entry of its own"
            raise ContractError("E_TAG", measurement, sentence)


def _fault(key: Key) -> str:
    """Why a line of CSV can't carry a member."""
    return f"{seen(key[1])} holds a line break, a carriage return or NUL" if _NO_LINE.search(key[0] + key[1]) else ""


def _shown(key: Key) -> str:
    return seen(Member(*key).label)
