"""Regimes of a wind farm on this machine, as its values arrive: real Kafka, Spark and InfluxDB, real data.

`make demo-stream` runs it.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.demo import OUT, SERIES, Points, cronocast, leave, read, say, secret
from demo.influxd import Influxd, die_with_parent
from demo.influxd_find import NotFoundError
from demo.kafka_broker import Broker, NoKafkaError, jars

HOUR_NS = 3600 * 10**9
ARRIVING_H = 21 * 24  # the newest three weeks arrive on the topic; what lies before is the history
HOURS_A_SECOND = 24
WAIT_S = 120
END_S = 20


def main() -> int:
    """Run the demo; servers and children end with it."""
    signal.signal(signal.SIGTERM, leave)
    say("Spark and Kafka take 1.5 GB of memory; the first time Maven downloads 55 MB. Ctrl-C leaves nothing running.")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(mode=0o700)
    try:
        connector = jars("connector")
        with Influxd(OUT / "influxdb") as server, Broker(OUT / "kafka") as broker:
            say(f"InfluxDB is up at {server.url}, Kafka at {broker.servers}")
            return show(server, broker, connector)
    except (NotFoundError, NoKafkaError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130


def show(server: Influxd, broker: Broker, connector: Path) -> int:
    """Learn from the past, then let three weeks arrive and tell their regimes."""
    server.create_database("metrics", writable=False)
    server.create_database("forecasts")
    points = whole_weeks()
    border = max(at for _, at in points) - ARRIVING_H * HOUR_NS
    past = {key: value for key, value in points.items() if key[1] <= border}
    server.write([f"wind power_mw={value!r} {at}" for (_, at), value in past.items()], "metrics")
    arriving = OUT / "arriving.csv"
    rows = [
        f"{datetime.fromtimestamp(at // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ},{v}\n"
        for (_, at), v in points.items()
        if at > border
    ]
    arriving.write_text("time,power_mw\n" + "".join(rows))
    values = OUT / "values.yaml"
    values.write_text(entry(server, broker, connector))
    say(f"{len(past)} hours of a wind farm are the history, {len(rows)} later ones will arrive")
    where = ("-f", str(values))
    cronocast("regimes", "train", *where, "--root", str(OUT / "runs"))
    running = [
        child("stream", *where, "--root", str(OUT / "runs")),
        child("replay", *where, "--file", str(arriving), "--speed", str(HOURS_A_SECOND * 3600)),
    ]
    try:
        say("\nRegimes as they arrive, a day a second once Spark is up, a letter for each hour:\n")
        told = arrived(server, len(rows))
    finally:
        for one in running:
            one.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(END_S)
            one.kill()
    say(f"\n{told} of {len(rows)} hours have arrived with their regimes.")
    say(f"The page of the training: {next((OUT / 'runs').glob('*/regimes/regimes.html'))}")
    return 0 if told == len(rows) else 1


def child(*words: str) -> "subprocess.Popen[bytes]":
    """A command of regimes that goes on while this process does."""
    command = [sys.executable, "-m", "cronocast", "regimes", *words]
    return subprocess.Popen(
        command,
        stderr=(OUT / f"{words[0]}.log").open("wb"),
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - prctl
    )


def whole_weeks() -> Points:
    """The readings, moved by whole weeks so that they end before now."""
    points = dict(read(next(one for one in SERIES if one.name == "wind")))
    week = 7 * 24 * HOUR_NS
    weeks = (time.time_ns() - max(at for _, at in points)) // week
    return {(member, at + weeks * week): value for (member, at), value in points.items()}


def entry(server: Influxd, broker: Broker, connector: Path) -> str:
    """The values file, as anybody would write it."""
    reader = f"username: reader, password_file: {secret(server.reader)}"
    return f"""\
defaults:
  source: {{url: "{server.url}", database: metrics, auth: basic, {reader}}}
  sink: {{database: forecasts, auth: basic, username: writer, password_file: {secret(server.writer)}}}
regimes:
  wind:
    source: {{measurement: wind}}
    fields: [power_mw]
    every: 1h
    lookback: 12w
    k: 3  # the values pass into each other, so nothing says how many; calm, part load and full load are asked for
    names: {{regime-1: calm, regime-2: part load, regime-3: full load}}
    dwell: 2h
    late: 60d
    jars: {connector}
    kafka: {{servers: "{broker.servers}", topic: wind, output: wind.regimes, begin: earliest}}
"""


def arrived(server: Influxd, count: int) -> int:
    """Print each day once all of it has arrived; how many hours have when all have, or nothing more comes."""
    end, said, rows = time.monotonic() + WAIT_S, 0, list[dict[str, Any]]()
    while len(rows) < count and time.monotonic() < end:
        time.sleep(0.5)
        found = server.query('SELECT power_mw, regime FROM "wind_regimes"', "forecasts")
        end = time.monotonic() + WAIT_S if len(found) > len(rows) else end
        rows = sorted(found, key=lambda row: int(row["time"]))
        lines = [*days(rows)]
        ready = len(lines) if len(rows) == count else len(lines) - 1
        for line in lines[said:ready]:
            say(line)
        said = max(said, ready)
    return len(rows)


def days(rows: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each day: the first letter of each hour's regime, and the mean power."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        at = datetime.fromtimestamp(int(row["time"]) // 10**9, UTC)
        found.setdefault(f"{at:%a %-d %b}", []).append(row)
    for day, hours in found.items():
        mean = sum(float(row["power_mw"]) for row in hours) / len(hours)
        yield f"  {day:>10}  {''.join(row['regime'][:1] for row in hours):<24}  {mean:6.1f} MW in the mean"


if __name__ == "__main__":
    sys.exit(main())
