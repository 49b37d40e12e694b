"""Where the points of a run go. Standard library only."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from cronocast.errors import ConfigError, ContractError
from cronocast.formats import influx_names
from cronocast.formats.line_protocol import series_key
from cronocast.handoff.rows import Key
from cronocast.handoff.series import parse_tags
from cronocast.sinks.points import Run


@dataclass(frozen=True)
class Target:
    """Measurements, and what every point of one run carries."""

    measurement: str
    series: str  # value of the tag `series`
    run_s: int  # scheduled time in seconds since 1970
    runs: str  # measurement of the records of the runs
    record_field: re.Pattern[str]  # names of their fields

    def keys(self, members: Collection[Key]) -> dict[str, bytes]:
        """Write how every line of a forecast begins, by the tags of its member.

        Raises:
            ConfigError, ContractError: as `key`; two members would overwrite each other's points.
        """
        keys = {tags: self.key(self.measurement, tags) for _, tags in members}
        if len(keys) < len(members):
            raise ContractError(
                "E_CSV_ROW",
                self.measurement,
                "two members of different names have the same tags, so their points would overwrite each other",
            )
        return keys

    def key(self, measurement: str, tags: str) -> bytes:
        """Write how every line of a member begins: measurement, the member's tags and the tag `series`.

        Tags such as `model` and `class` are common, so they are no reason to refuse a forecast: where they would meet a
        field of the same name, in the measurement of the runs, they are written as `tag_model` and `tag_class`.

        Raises:
            ConfigError: the member has a tag that a forecast has itself, such as `series`.
            ContractError: a tag that line protocol can't carry.
        """
        pairs = parse_tags(tags)
        if fault := next(filter(None, (influx_names.forecast_tag_fault(name) for name, _ in pairs)), ""):
            raise ConfigError.one("E_TAG", "source.group_by", fault)
        if measurement == self.runs:
            names = {name for name, _ in pairs}
            pairs = tuple(
                (_free(f"tag_{name}", names) if self.record_field.fullmatch(name) else name, value)
                for name, value in pairs
            )
        return series_key(measurement, [*pairs, ("series", self.series)])


def _free(name: str, taken: set[str]) -> str:
    """The name, behind so many more `tag_` that no tag has it."""
    return name if name not in taken else _free(f"tag_{name}", taken)


def target_of(run: Run) -> Target:
    """Say where the points of a run go.

    Raises:
        ConfigError: line protocol can't carry the measurement or the name of the series.
    """
    if fault := influx_names.measurement_fault(run.measurement):
        raise ConfigError.one("E_IDENT", "sink.measurement", fault)
    if fault := influx_names.tag_value_fault(run.series):
        raise ConfigError.one("E_TAG", "name", fault)
    return Target(run.measurement, run.series, run.time_ns // 10**9, run.runs, run.record_field)
