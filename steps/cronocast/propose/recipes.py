"""What is worth a forecast in measurements that many have: those of Telegraf's plugins, and queues."""

import re
from typing import NamedTuple


class Recipe(NamedTuple):
    """How measurements of a name are forecast.

    Attributes:
        measurement: Matches the whole name.
        fields: Each gets an entry, if it is there.
        group_by: Tags that make members, as far as they are there.
        tags: Values to keep, if they are there.
        clip: What values can be.
        rate: The fields are counters.
        far: They are worth a longer look ahead: disks fill up over days.
        only_first: The fields say the same; the first that is there is enough.
        about: Why, for the comment.
    """

    measurement: str
    fields: tuple[str, ...]
    group_by: tuple[str, ...] = ("host",)
    tags: tuple[tuple[str, str], ...] = ()
    clip: tuple[float | None, float | None] = (0, None)
    rate: bool = False
    far: bool = False
    only_first: bool = False
    about: str = ""


PERCENT = (0, 100)
RECIPES = (
    Recipe("disk", ("used_percent",), ("host", "path"), clip=PERCENT, far=True, about="one forecast per mount"),
    Recipe(
        "cpu",
        ("usage_idle", "usage_active"),
        tags=(("cpu", "cpu-total"),),
        clip=PERCENT,
        only_first=True,
        about="all CPUs of a host together",
    ),
    Recipe("mem", ("used_percent", "available_percent"), clip=PERCENT, far=True, only_first=True),
    Recipe("swap", ("used_percent",), clip=PERCENT, far=True),
    Recipe("net", ("bytes_recv", "bytes_sent"), ("host", "interface"), rate=True, about="bytes per second"),
    Recipe("diskio", ("read_bytes", "write_bytes"), ("host", "name"), rate=True, about="bytes per second"),
    Recipe("system", ("load5", "load1"), only_first=True, about="load of a host"),
    Recipe("processes", ("total",)),
    Recipe("rabbitmq_queue", ("messages",), ("vhost", "queue"), about="messages that wait"),
    Recipe("rabbitmq_overview", ("messages",), about="messages that wait"),
    Recipe(
        ".*(kafka|burrow).*",
        ("total_lag", "lag", "lag_sum"),
        ("cluster", "group", "topic"),
        only_first=True,
        about="messages that consumers are behind",
    ),
)


def recipe_of(measurement: str) -> Recipe | None:
    """The recipe for a measurement; None where there is none."""
    return next((recipe for recipe in RECIPES if re.fullmatch(recipe.measurement, measurement)), None)
