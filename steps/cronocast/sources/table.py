"""Kinds of sources: what one does, and where each is."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from cronocast.registry import KindRow

if TYPE_CHECKING:
    from cronocast.sources.reading import Reading, Window
    from cronocast.sources.spool import Spool

# What a step is given that reads files and no database: settings of the usual kind.
NO_DATABASE = {"url": "http://localhost:8086", "database": "none", "measurement": "none", "field": "none"}


class Source(Protocol):
    """A kind of database to read from.

    Its `Settings` stand in a light module of their own, which a row names. Of them every kind has `kind` and `delay`
    (how long data may arrive late). Beside them may stand

    * `problems(source, every, where) -> list[Problem]`: what is wrong only when several settings are seen together,
    * `reads(source) -> Place | None`: what is read, so that no series reads what it writes,
    * `filled(settings, *, counter) -> settings`: the same with what was left open; `read` is given these.

    The first two take the part of the document as it was given; what is ill-typed in it has its own message. A kind
    whose settings have `aggregate` and `empty` says by them what a step without a row means.
    """

    def read(
        self,
        settings: Any,  # noqa: ANN401
        window: "Window",
        spool: "Spool",
        say: Callable[[str], None],
    ) -> "Reading":
        """Put every value of the window into the spool: whole, or an error of `errors.py`.

        Members, times and values come as the database has them, one value per time; rows may come in any order.
        """
        ...


SOURCES: Mapping[str, KindRow] = {
    "influxql": KindRow(
        "cronocast.sources.influxql.source:InfluxQL",
        settings="cronocast.sources.influxql.settings:Settings",
        family="influxdb",
    )
}
