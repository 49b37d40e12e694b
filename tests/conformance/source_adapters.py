"""How the suite of sources speaks to each kind: its settings, and how its server writes the values that it is given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.lying_server import Seen

Values = Mapping[tuple[tuple[str, str], ...], Sequence[tuple[int, float]]]  # tags of a member -> times and values


class Adapter(Protocol):
    """One kind of source as the suite needs it."""

    @property
    def over_http(self) -> bool:
        """Else the suite writes an answer into a file, and the faults of HTTP do not apply."""
        ...

    def settings(self, place: str, tag_keys: Sequence[str] = ()) -> dict[str, Any]:
        """Settings that read from a URL, or a file, where members differ by these tags."""
        ...

    def answer(self, values: Values, request: Seen | None) -> bytes:
        """The body of a whole answer that holds these values; nothing in it depends on its length."""
        ...


@dataclass(frozen=True)
class InfluxQL:
    over_http: bool = True

    def settings(self, place: str, tag_keys: Sequence[str] = ()) -> dict[str, Any]:
        return {"url": place, "database": "d", "measurement": "m", "field": "f", "group_by": list(tag_keys)}

    def answer(self, values: Values, request: Seen | None) -> bytes:
        if request and "SHOW" in request.form.get("q", ""):
            return json.dumps({"results": [{"statement_id": 0}]}).encode()
        series = [
            {"name": "m", **({"tags": dict(tags)} if tags else {}), "columns": ["time", "mean"], "values": rows}
            for tags, rows in values.items()
        ]
        return json.dumps({"results": [{"statement_id": 0, **({"series": series} if series else {})}]}).encode()


@dataclass(frozen=True)
class Toy:
    over_http: bool = True

    def settings(self, place: str, tag_keys: Sequence[str] = ()) -> dict[str, Any]:
        return {"kind": "toy", "url": place, "metric": "m", "max_bytes": 10**6}

    def answer(self, values: Values, request: Seen | None) -> bytes:
        members = [{"tags": dict(tags), "points": rows} for tags, rows in values.items()]
        return json.dumps({"members": members}).encode()


ADAPTERS: dict[str, Adapter] = {"influxql": InfluxQL(), "toy": Toy()}
