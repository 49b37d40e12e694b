"""A values file as text: entries, and comments that say why."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cronocast.charts.words import counted, length_about
from cronocast.propose.proposal import Proposal

# What every reader of YAML takes for text without quotes: beginning with a letter, no word that means true, no or null.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null|inf|nan", re.IGNORECASE)


def values_text(source: Mapping[str, Any], proposals: Sequence[Proposal], left_out: Sequence[str], file: str) -> str:
    """The whole file.

    Args:
        source: Settings that all entries share.
        proposals: The entries.
        left_out: Why other measurements have no entry, a line each.
        file: Its name, for the commands to type.
    """
    head = [
        "# Proposed by `cronocast init`. Look it through, take out what nobody needs, then:",
        f"#   cronocast check -f {file} --write",
        f"#   cronocast run -f {file}",
        "defaults:",
        "  source:",
        *(f"    {key}: {scalar(value)}" for key, value in source.items()),
        "  # Forecasts of a measurement m go to measurement m_forecast of the same database, with the same user.",
        "  # sink: {database: forecasts, username: writer, password_file: /secrets/sink/password}",
        "",
        "series:",
    ]
    tail = ["", "# Left out:", *(f"#   {line}" for line in left_out)] if left_out else []
    return "\n".join([*head, *(line for one in proposals for line in _entry(one)), *tail]) + "\n"


def _entry(proposal: Proposal) -> list[str]:
    content, spans = proposal.content, proposal.spans
    source = {
        "measurement": content.measurement,
        "field": content.field,
        **({"aggregate": "last"} if proposal.rate else {}),
        **({"tags": proposal.tags} if proposal.tags else {}),
        **({"group_by": proposal.group_by} if proposal.group_by else {}),
    }
    apart = f"  # points are {length_about(content.apart_ns)} apart" if content.apart_ns else ""
    lines = [
        f"  {scalar(proposal.name)}:",
        *(f"    # {note}" for note in proposal.notes),
        f"    source: {flow(source)}  # {counted(proposal.members, 'member')}",
        f"    every: {spans.every}{apart}",
        f"    lookback: {spans.lookback}  # of {length_about(content.age_ns)} that are there",
        f"    horizon: {spans.horizon}",
    ]
    if proposal.rate:
        lines.append("    prepare: {rate: true}  # a counter: its rate per second is forecast")
    edges = {key: value for key, value in zip(("min", "max"), proposal.clip, strict=True) if value is not None}
    return [*lines, *([f"    clip: {flow(edges)}"] if edges else [])]


def flow(value: Any) -> str:  # noqa: ANN401 - plain data
    """Plain data in one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: object) -> str:
    """One value; text in quotes wherever a reader of YAML could take it for something else."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value)
    return value if plain or re.fullmatch(r"https?://[A-Za-z0-9.:/_-]+", value) else json.dumps(value)
