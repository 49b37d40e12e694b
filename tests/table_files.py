"""Ordinary table files with known values: twelve kinds of CSV as programs and people write them, from one truth."""

import csv
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from cronocast.tables.table import Table

HOSTS = ("web-1", "web-2")
START = datetime(2026, 1, 5, tzinfo=UTC)
ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
Truth = dict[tuple[str, ...], dict[int, float]]  # what tells a member apart -> time in ns UTC -> value


@dataclass
class TableFile:
    """A file and all that stands in it."""

    data: bytes
    truth: Truth
    flags: list[str] = field(default_factory=list)
    step_s: int = 3600
    notes: tuple[str, ...] = ()  # words that must be said of it
    form: str = ISO + "Z"  # of the times of its forecast


def ns(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return round(moment.timestamp()) * 10**9


def series(
    count: int, seed: int, step: timedelta = timedelta(hours=1), start: datetime = START
) -> dict[datetime, float]:
    """Values with two decimals, some of them above a thousand."""
    numbers = random.Random(seed)
    return {start + i * step: round(numbers.uniform(-50, 2500), 2) for i in range(count)}


def text(
    rows: Iterable[Iterable[object]], delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL
) -> str:
    """Rows as CSV."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def one(values: dict[datetime, float]) -> Truth:
    """The truth of a single member."""
    return {(): {ns(moment): value for moment, value in values.items()}}


def iso_utc(seed: int) -> TableFile:
    """ISO times in UTC, as most programs write them."""
    values = series(60, seed)
    rows = [("timestamp", "value"), *((f"{t:%Y-%m-%dT%H:%M:%SZ}", v) for t, v in values.items())]
    return TableFile(text(rows).encode(), one(values))


def iso_without_zone(seed: int) -> TableFile:
    """Times without a zone at half past, CRLF, seconds left out."""
    values = series(60, seed, start=START + timedelta(minutes=30))
    rows = [("timestamp", "value"), *((f"{t:%Y-%m-%d %H:%M}", v) for t, v in values.items())]
    return TableFile(text(rows, end="\r\n").encode(), one(values), notes=("no zone",), form=ISO)


def with_offset(seed: int) -> TableFile:
    """Times with an offset, fractions of seconds, quotes around all cells, a comment with a comma."""
    values = series(60, seed, timedelta(minutes=5))
    zone = timezone(timedelta(hours=5, minutes=30))
    rows = [("timestamp", "value", "comment")]
    rows += [(t.astimezone(zone).isoformat(timespec="milliseconds"), str(v), 'x, "y"') for t, v in values.items()]
    return TableFile(
        text(rows, quoting=csv.QUOTE_ALL).encode(),
        one(values),
        step_s=300,
        notes=("UTC+05:30", "comment"),
        form=ISO + r"\+05:30",
    )


def epochs(unit: str, per_s: int) -> Callable[[int], TableFile]:
    """Times since 1970 in some unit."""

    def made(seed: int) -> TableFile:
        values = series(60, seed, timedelta(seconds=10))
        rows = [("timestamp", "value"), *((round(t.timestamp()) * per_s, v) for t, v in values.items())]
        return TableFile(
            text(rows).encode(),
            one(values),
            step_s=10,
            notes=(f"epochs in {unit}",),
            form=rf"17\d{{8}}(000){{{len(str(per_s)) // 3}}}",
        )

    return made


def of_a_spreadsheet(seed: int) -> TableFile:
    """A byte order mark, semicolons, decimal commas, points between thousands, days first, CRLF."""
    values = series(60, seed, timedelta(days=1))
    shown = [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in values.values()]
    rows = [("Zeitstempel", "Wert °C"), *((f"{t:%d.%m.%Y %H:%M}", v) for t, v in zip(values, shown, strict=True))]
    data = text(rows, ";", "\r\n").encode("utf-8-sig")
    return TableFile(data, one(values), step_s=86_400, notes=("semicolons", "decimal comma"), form=ISO)


def tabs(seed: int) -> TableFile:
    """Tabs, and commas between thousands."""
    values = series(60, seed)
    rows = [("timestamp", "value"), *((f"{t:%Y-%m-%dT%H:%M:%S+00:00}", f"{v:,.2f}") for t, v in values.items())]
    return TableFile(text(rows, "\t").encode(), one(values), notes=("tabs",))


def with_pandas_index(seed: int) -> TableFile:
    """What `DataFrame.to_csv` writes: an index of rows without a name before the rest."""
    values = series(60, seed)
    rows = [("", "timestamp", "value"), *((i, f"{t:%Y-%m-%d %H:%M:%S}", v) for i, (t, v) in enumerate(values.items()))]
    return TableFile(text(rows).encode(), one(values), form=ISO)


def with_times_as_index(seed: int) -> TableFile:
    """What `Series.to_csv` writes: the times are the index, and have no name."""
    values = series(60, seed)
    rows = [("", "value"), *((f"{t:%Y-%m-%d %H:%M:%S+00:00}", v) for t, v in values.items())]
    return TableFile(text(rows).encode(), one(values))


def wide(seed: int) -> TableFile:
    """One column per member."""
    columns = [series(60, seed + i) for i in range(3)]
    rows = [
        ("timestamp", "cpu", "mem", "disk /"),
        *((f"{t:%Y-%m-%dT%H:%M}", *(c[t] for c in columns)) for t in columns[0]),
    ]
    truth: Truth = {(name,): one(c)[()] for name, c in zip(("cpu", "mem", "disk /"), columns, strict=True)}
    return TableFile(text(rows).encode(), truth, form=ISO)


def long(seed: int) -> TableFile:
    """One row per time and member, members by turns."""
    members = {host: series(60, seed + i) for i, host in enumerate(HOSTS)}
    rows = [("timestamp", "host", "value")]
    rows += [(f"{t:%Y-%m-%dT%H:%M:%SZ}", host, str(members[host][t])) for t in members[HOSTS[0]] for host in HOSTS]
    truth: Truth = {(host,): one(values)[()] for host, values in members.items()}
    return TableFile(text(rows).encode(), truth, ["--by", "host"])


def disordered(seed: int) -> TableFile:
    """Rows in any order, some times twice, values missing in several words."""
    values = series(80, seed)
    shuffled = list(values.items())
    random.Random(seed).shuffle(shuffled)
    doubled, gaps = dict(shuffled[:5]), {t for t, _ in shuffled[5:12]}
    words = iter(("", "NaN", "NA", "null", "-", "n/a", "None"))
    rows: list[tuple[str, object]] = [("timestamp", "value")]
    rows += [(f"{t:%Y-%m-%dT%H:%M:%SZ}", next(words) if t in gaps else v) for t, v in shuffled]
    rows += [(f"{t:%Y-%m-%dT%H:%M:%SZ}", round(v + 4, 2)) for t, v in doubled.items()]
    kept = {t: (v + round(v + 4, 2)) / 2 if t in doubled else v for t, v in values.items() if t not in gaps}
    return TableFile(text(rows).encode(), one(kept), notes=("of another: 5", "missing values: 7", "order"))


def held(table: Table) -> Truth:
    """All values that were read of a table."""
    return {
        table.labels[m.key]: {table.time_ns(t): v for t, v in zip(m.time_ns, m.columns[0], strict=True)}
        for m in table.members
    }


KINDS: dict[str, Callable[[int], TableFile]] = {
    "ISO in UTC": iso_utc,
    "ISO without a zone, CRLF": iso_without_zone,
    "ISO with an offset, quoted": with_offset,
    "epochs in s": epochs("s", 1),
    "epochs in ms": epochs("ms", 10**3),
    "epochs in us": epochs("us", 10**6),
    "epochs in ns": epochs("ns", 10**9),
    "semicolons, decimal comma, BOM": of_a_spreadsheet,
    "tabs, thousands": tabs,
    "pandas with an index of rows": with_pandas_index,
    "pandas with an index of times": with_times_as_index,
    "wide": wide,
    "long": long,
    "disordered, doubled, missing": disordered,
}
