"""The whole chain on this machine: a real InfluxDB, real data, a forecast of each series, a report.

`make demo` runs it.
"""

import contextlib
import csv
import json
import os
import shutil
import signal
import statistics
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo.influxd import Account, Influxd, die_with_parent
from demo.influxd_find import NotFoundError, shell

HERE = Path(__file__).parent
OUT = HERE / "out"
MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
WEEK_NS = 7 * 24 * HOUR_NS
FULL_H = 36  # hours from now until the archive reaches the limit
END_S = 15  # a step ends within 10 s of a SIGTERM

Points = dict[tuple[str, int], float]  # (value of the member's tag, time in ns) -> value


@dataclass(frozen=True)
class Series:
    """One file of data/ and where it goes; the rest is as in values.yaml."""

    name: str
    field: str
    tag: str | None = None  # names the file's columns, where it has several members
    step_min: int = 60
    horizon_h: int = 24  # so much is held back
    aggregate: Callable[[list[float]], float] = statistics.mean  # how the readings of a step become one value


SERIES = (
    Series("parking", "cars", tag="car_park", step_min=30),
    Series("power", "mean_kw"),
    Series("archive", "used_mb", horizon_h=48, aggregate=lambda values: values[-1]),
    Series("wind", "power_mw"),
)


def main() -> int:
    """Run the demo; the server and every child end with it."""
    signal.signal(signal.SIGTERM, leave)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(mode=0o700)
    begin = time.monotonic()
    try:
        with Influxd(OUT / "influxdb") as server:
            return show(server, begin)
    except NotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130


def show(server: Influxd, begin: float) -> int:
    """Load, forecast, report, and say where everything is."""
    now_ns = time.time_ns()
    points, values, full_ns = prepare(server, now_ns)
    # The archive's runs of the last three days: what they told can be held against what came.
    days = ("--from", "3d", "--to", "1h", "--every", "1d")
    cronocast("backfill", "-f", str(values), "--root", str(OUT / "runs"), "--series", "archive", *days)
    cronocast("run", "-f", str(values), "--root", str(OUT / "runs"))
    cronocast("crossings", str(OUT / "runs"))
    say(f"in truth: {clock(full_ns)}, by the readings that were held back")
    tell_messages()
    report = OUT / "report.html"
    cronocast("report", str(OUT / "runs"), "--out", str(report))
    say("")
    for series in SERIES:
        compare(series, points[series.name], server, now_ns)
    command = look_command(server)
    found = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    say(
        f"\nDone after {time.monotonic() - begin:.0f} s. The report: {relative(report)}\nThe forecasts are in the"
        f" database. To look:\n\n  {command}\n"
    )
    print("\n".join(f"    {line}" for line in found.stdout.splitlines()[:6]))
    if found.returncode != 0 or "yhat" not in found.stdout:
        print(f"error: no forecast could be read back: {found.stderr.strip() or found.stdout.strip()}", file=sys.stderr)
        return 1
    if sys.stdin.isatty():
        with contextlib.suppress(KeyboardInterrupt, EOFError):
            input("\nThe server stays up while you look. Enter stops it. ")
    return 0


def prepare(server: Influxd, now_ns: int) -> tuple[dict[str, Points], Path, int]:
    """Databases with the readings up to now; all readings, the values file, and when the archive will be full."""
    say(f"InfluxDB is up at {server.url}, signing in required")
    server.create_database("metrics", writable=False)
    server.create_database("forecasts")
    points = {series.name: load(series, server, now_ns) for series in SERIES}
    full, full_ns = limit_ahead(points["archive"], now_ns + FULL_H * HOUR_NS)
    return points, write_values(server, full), full_ns


def limit_ahead(points: Points, time_ns: int) -> tuple[float, int]:
    """The highest reading up to a time to come, and when it was first reached: a limit whose date the demo knows."""
    value, at = max((value, -at) for (_, at), value in points.items() if at <= time_ns)
    return value, -at


def clock(time_ns: int) -> str:
    """A time in UTC."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%a %-d %b %H:%M}"


def tell_messages() -> None:
    """What somebody on call would have got."""
    path = OUT / "messages.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    say(f"\nMessages in {relative(path)}: {len(lines)}")
    for line in map(json.loads, lines):
        say(f"  {line['severity']}: {line['title']} ({line['series']}): {line['text']}")


def load(series: Series, server: Influxd, now_ns: int) -> Points:
    """Move a file's readings by whole weeks, write those from before now, and return all."""
    points = dict(read(series))
    last_ns = max(time_ns for _, time_ns in points)
    weeks = -((last_ns - now_ns - series.horizon_h * HOUR_NS) // WEEK_NS)
    moved = {(member, time_ns + weeks * WEEK_NS): value for (member, time_ns), value in points.items()}
    past = {key: value for key, value in moved.items() if key[1] < now_ns}
    server.write([line(series, key, value) for key, value in past.items()], "metrics")
    say(
        f"{series.name}: {len(past)} readings loaded, moved forward by {weeks} weeks; {len(moved) - len(past)} later"
        " ones are held back"
    )
    return moved


def read(series: Series) -> Iterator[tuple[tuple[str, int], float]]:
    """The readings of a file; its clock times are taken as UTC."""
    with (HERE / "data" / f"{series.name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            time_ns = int(datetime.fromisoformat(row.pop("time")).replace(tzinfo=UTC).timestamp()) * 10**9
            for column, text in row.items():
                if text:
                    yield (column if series.tag else "", time_ns), float(text)


def line(series: Series, key: tuple[str, int], value: float) -> str:
    """One reading as line protocol; of what must be escaped, only spaces occur."""
    member, time_ns = key
    tags = f",{series.tag}={member.replace(' ', chr(92) + ' ')}" if series.tag else ""
    return f"{series.name}{tags} {series.field}={value!r} {time_ns}"


def write_values(server: Influxd, full: float) -> Path:
    """Fill demo/values.yaml in; passwords go to files that only this user can read.

    The archive counts as full at a level that it reaches a day and a half from now, so that the date can be judged.
    """
    template = string.Template((HERE / "values.yaml").read_text())
    path = OUT / "values.yaml"
    files = {"reader_password_file": secret(server.reader), "writer_password_file": secret(server.writer)}
    model = os.environ.get("CRONOCAST_MODEL") or "auto"
    more = {"full": f"{full:.6g}", "messages": OUT / "messages.jsonl"}
    path.write_text(template.substitute(files, url=server.url, model=model, **more))
    say(f"values are in {relative(path)}, passwords in files beside it")
    return path


def secret(account: Account) -> Path:
    """A file with an account's password, readable by this user alone."""
    path = OUT / f"{account.name}.password"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(account.password)
    return path


def cronocast(*words: str) -> None:
    """Run a command of cronocast; it and its workers end with this process."""
    say(f"\n$ cronocast {' '.join(relative(Path(word)) if word.startswith('/') else word for word in words)}")
    # A session of its own: Ctrl-C reaches this process alone, which passes it on to all of them.
    command = [sys.executable, "-m", "cronocast", *words]
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_parent)  # noqa: PLW1509 - prctl
    try:
        code = process.wait()
    except BaseException:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them behind
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if code != 0:
        raise SystemExit(f"error: cronocast {words[0]} ended with exit code {code}")


def compare(series: Series, points: Points, server: Influxd, now_ns: int) -> None:
    """Say how the forecast did on the readings that were held back."""
    step_ns = series.step_min * MINUTE_NS
    buckets: dict[tuple[str, int], list[float]] = {}
    for (member, time_ns), value in points.items():
        buckets.setdefault((member, time_ns // step_ns * step_ns), []).append(value)
    end_ns = max(time_ns for _, time_ns in points) // step_ns * step_ns  # the last step of the file may be half a one
    group = f' GROUP BY "{series.tag}"' if series.tag else ""
    columns = "yhat, yhat_lower, yhat_upper"
    ahead = f"time >= {now_ns // step_ns * step_ns}"  # earlier ones are of past runs
    rows = server.query(f'SELECT {columns} FROM "{series.name}_forecast" WHERE {ahead}{group}', "forecasts")
    keys = [(str(row.get(series.tag or "", "")), int(row["time"])) for row in rows]
    pairs = [
        (row, series.aggregate(buckets[key]))
        for row, key in zip(rows, keys, strict=True)
        if key in buckets and now_ns - step_ns < key[1] < end_ns
    ]
    inside = sum(row["yhat_lower"] <= value <= row["yhat_upper"] for row, value in pairs)
    error = sum(abs(row["yhat"] - value) for row, value in pairs) / max(len(pairs), 1)
    say(
        f"{series.name}: {len(rows)} steps forecast; of {len(pairs)} whose readings were held back {inside} lie inside"
        f" the interval; mean error {error:.3g} {series.field}"
    )


def look_command(server: Influxd) -> str:
    """A shell command that shows forecast points; it takes the password from its file."""
    query = "SELECT yhat, yhat_lower, yhat_upper FROM parking_forecast WHERE time > now() GROUP BY car_park LIMIT 2"
    password = f'"$(cat {relative(OUT / "reader.password")})"'
    if program := shell():
        host, port = server.url.removeprefix("http://").split(":")
        options = f"-host {host} -port {port} -database forecasts -precision rfc3339"
        return f"INFLUX_USERNAME=reader INFLUX_PASSWORD={password} {program} {options} -execute '{query}'"
    return (
        f"echo user = reader:{password} | curl -sS -G -K - {server.url}/query --data-urlencode db=forecasts"
        f" --data-urlencode 'q={query}'"
    )


def relative(path: Path) -> str:
    """A path as seen from the folder that the demo runs in."""
    return os.path.relpath(path)


def say(text: str) -> None:
    """Print at once, so that it stands before what a child prints."""
    print(text, flush=True)


def leave(number: int, _: FrameType | None) -> NoReturn:
    """End as a signal asks for it."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
