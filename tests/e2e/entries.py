"""Values as a user writes them, and histories to forecast."""

import math
import os
import random
import time
from collections.abc import Callable
from typing import Any

HOUR_S = 3600
DELAY_S = 1  # the default of source.delay: a run on the full hour does not take the hour before for finished
# What Kubernetes, a shell, InfluxQL or line protocol would change if they could; and Argo and helm, whose marks no name
# may have.
ODD_NAME = r"""odd $(CRONOCAST_ROOT) $$5 `id` $HOME it's a\b,c=d <ü> 📈"""
ODD_TITLE = "{{workflow.name}} {{=1+1}} {{ .Release.Name }} " + ODD_NAME


# A notifier whose receiver is the database of the tests: its address, with the password, is a secret.
LINES = {
    "kind": "webhook",
    "url_file": "/secrets/notify/lines",
    "require_tls": False,
    "content_type": "text/plain",
    "template": 'told,series=${series},rule=${rule} status="${status}"',
}


def hourly(measurement: str, tags: str, value: Callable[[int], float], weeks: float = 3) -> list[str]:
    """Lines of an hourly series up to the hour that goes on, so that a run finds no gap also after that hour.

    Value(i) for the i-th.
    """
    count, end = int(weeks * 168), time.time() // HOUR_S + 1
    return [f"{measurement}{tags} value={value(i)!r} {int(end - count + i) * HOUR_S * 10**9}" for i in range(count)]


def daily(amplitude: float) -> Callable[[int], float]:
    """A day's wave on a level, with a little that is not regular."""
    return lambda i: 50 + amplitude * math.sin(2 * math.pi * i / 24) + random.Random(i).gauss(0, 1)


def rising(i: int) -> float:
    """A straight line with a little that is not regular."""
    return 10 + i * 0.05 + random.Random(i).gauss(0, 0.1)


def values(series: dict[str, Any], **chart: Any) -> dict[str, Any]:
    """The images under test, the two Secrets, the database in the same namespace.

    Nothing starts by itself unless a test says so.
    """
    source = {
        "url": "http://influxdb:8086",
        "auth": "basic",
        "username": "reader",
        "password_file": "/secrets/source/password",
        "database": "metrics",
        "field": "value",
    }
    named = {
        name: {**entry, "source": {"measurement": name, **entry.get("source", {})}} for name, entry in series.items()
    }
    return {
        "image": {
            "registry": os.environ.get("REGISTRY", "localhost/cronocast"),
            "tag": os.environ.get("TAG", ""),
            "pullPolicy": "IfNotPresent",
        },
        "secrets": {"source": "influxdb-reader", "sink": "influxdb-writer", "notify": "notifiers"},
        "volume": {"existingClaim": "data"},
        "defaults": {
            "source": source,
            "sink": {"username": "writer", "password_file": "/secrets/sink/password", "database": "forecasts"},
            "lookback": "2w",
            "schedules": ["0 0 1 1 *"],
        },
        "series": named,
        **chart,
    }


def grid(run_s: float, hours: int) -> list[int]:
    """Times of the forecast of a run on the hourly grid.

    First row one hour after the last finished one, in seconds since 1970.
    """
    first = int((run_s - DELAY_S) // HOUR_S) * HOUR_S
    return [first + i * HOUR_S for i in range(hours)]
