"""VictoriaMetrics behind the address of a sink: it takes `/write` as an InfluxDB does, and tells nothing by InfluxQL.

It answers 204 to points that it does not keep: later than two days ahead, unless `-futureRetention` says more. Points
that are written again stand beside the first ones.
"""

import json
import time
from typing import TYPE_CHECKING

from cronocast.errors import ContractError, seen
from cronocast.http.client import Client, blocks

if TYPE_CHECKING:
    import requests

VISIBLE_S = 6.0  # what was written shows after 3.5 to 5 s; whoever asks sooner is told for long that there is nothing
DONE = frozenset({200, 204})


def exported(client: Client, selector: str, time_ns: int) -> list[float]:
    """Values that it has of a metric around a time, some seconds from now.

    Raises:
        CronocastError: it is no VictoriaMetrics.
    """
    time.sleep(VISIBLE_S)
    params = {"match[]": selector, "start": str(time_ns // 10**9 - 1), "end": str(time_ns // 10**9 + 1)}
    return _values(client.send("GET", "/api/v1/export", params=params, accept=DONE, consume=_text), client.where)


def delete(client: Client, selector: str) -> None:
    """Delete a metric; nothing else has the tags of the selector."""
    client.send("POST", "/api/v1/admin/tsdb/delete_series", params={"match[]": selector}, accept=DONE, consume=_text)


def _values(body: bytes, where: str) -> list[float]:
    try:
        return [float(value) for line in body.splitlines() for value in json.loads(line)["values"]]
    except (ValueError, TypeError, LookupError) as error:
        raise ContractError("E_ANSWER", where, f"{seen(body[:80])} is no export; is that a database?") from error


def _text(response: "requests.Response") -> bytes:
    return b"".join(blocks(response))
