"""A values file as text: entries, and comments that say why."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cronocast.charts.words import counted, length_about
from cronocast.errors import sentence
from cronocast.propose.proposal import Proposal

# What every reader of YAML takes for text without quotes: beginning with a letter, no word that means true, no or null.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_OTHER = re.compile(r"[1-9][0-9]*[smhdw]|https?://[A-Za-z0-9.:/_-]+|/[A-Za-z0-9._/-]+")  # spans, addresses, paths
_WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null|inf|nan", re.IGNORECASE)


def document(proposal: Proposal) -> dict[str, Any]:
    """The entry as a values file holds it, without what all entries share."""
    source: dict[str, Any] = {"measurement": proposal.content.measurement, "field": proposal.content.field}
    source |= {"aggregate": "last"} if proposal.rate else {}
    source |= {"tags": proposal.tags} if proposal.tags else {}
    source |= {"group_by": proposal.group_by} if proposal.group_by else {}
    edges = {key: value for key, value in zip(("min", "max"), proposal.clip, strict=True) if value is not None}
    return {
        "source": source,
        **{name: str(span) for name, span in proposal.spans._asdict().items()},
        **({"prepare": {"rate": True}} if proposal.rate else {}),
        **({"clip": edges} if edges else {}),
    }


def values_text(
    source: Mapping[str, Any],
    sink: Mapping[str, Any],
    proposals: Sequence[Proposal],
    left_out: Sequence[str],
    file: str,
) -> str:
    """The whole file.

    Args:
        source: Settings that the sources of all entries share.
        sink: Those that their sinks share.
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
        *(["  sink:", *(f"    {key}: {scalar(value)}" for key, value in sink.items())] if sink else []),
        "  # Forecasts of a measurement m go to measurement m_forecast of the same database, with the same user.",
        "  # sink: {database: forecasts, username: writer, password_file: /secrets/sink/password}",
        "",
        "series:",
    ]
    tail = ["", "# Left out:", *(f"#   {sentence(line)}" for line in left_out)] if left_out else []
    return "\n".join([*head, *(line for one in proposals for line in _entry(one)), *tail]) + "\n"


def _entry(proposal: Proposal) -> list[str]:
    """Lines of one entry, with comments that say why."""
    content = proposal.content
    why = {
        "source": counted(proposal.members, "member"),
        "every": f"points are {length_about(content.apart_ns)} apart" if content.apart_ns else "",
        "lookback": f"of {length_about(content.age_ns)} that are there",
        "prepare": "a counter: its rate per second is forecast",
    }
    return [
        f"  {scalar(proposal.name)}:",
        *(f"    # {sentence(note)}" for note in proposal.notes),
        *(f"    {key}: {flow(value)}" + _comment(why.get(key, "")) for key, value in document(proposal).items()),
    ]


def _comment(text: str) -> str:
    return f"  # {text}" if text else ""


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
    plain = (_NAME.fullmatch(value) and not _WORDS.fullmatch(value)) or _OTHER.fullmatch(value)
    return value if plain else '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    """One character between double quotes: as it is where it can be read, else by its number."""
    if character.isprintable() and character not in '"\\':
        return character
    return f"\\U{ord(character):08x}" if ord(character) > 0xFFFF else json.dumps(character)[1:-1]
