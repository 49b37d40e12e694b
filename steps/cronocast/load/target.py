"""Where the points of a run go. Standard library only."""

from dataclasses import dataclass

from cronocast import rules
from cronocast.entry import Entry
from cronocast.errors import ConfigError, seen
from cronocast.load.line_protocol import series_key
from cronocast.series import parse_tags


@dataclass(frozen=True)
class Target:
    """Measurements, and what every point of one run carries."""

    measurement: str
    series: str  # value of the tag `series`
    run_s: int  # scheduled time in seconds since 1970

    @property
    def runs(self) -> str:
        """Measurement of the records of the runs."""
        return f"{self.measurement}_runs"

    def key(self, measurement: str, tags: str) -> bytes:
        """Write how every line of a member begins: measurement, the member's tags and the tag `series`.

        Raises:
            ConfigError: the member has a tag `series` of its own.
            ContractError: a tag that line protocol can't carry.
        """
        pairs = parse_tags(tags)
        if any(name == "series" for name, _ in pairs):
            sentence = f"members have a tag 'series' ({seen(tags)}), which the forecast needs for the entry's name; group by other tags"
            raise ConfigError.one("E_TAG", "source.group_by", sentence)
        return series_key(measurement, [*pairs, ("series", self.series)])


def resolved_target(entry: Entry, run_ns: int) -> Target:
    """Say where the points of an entry go.

    Raises:
        ConfigError: line protocol can't carry the measurement or the name of the series.
    """
    measurement = entry.sink_measurement()
    if fault := rules.measurement_fault(measurement):
        raise ConfigError.one("E_IDENT", "sink.measurement", fault)
    if fault := rules.tag_value_fault(entry.name):
        raise ConfigError.one("E_TAG", "name", fault)
    return Target(measurement, entry.name, run_ns // 10**9)
