"""What the alert rules would have said in the demo's past: `python -m demo.replay [DAYS]`, after `make demo`.

It forecasts every series once a day as of then (`cronocast backfill`), and replays the rules on these forecasts: five
minutes for 60 days on two cores.
"""

import shutil
import signal
import sys
import time

from demo.demo import OUT, cronocast, leave, prepare
from demo.influxd import Influxd


def main() -> int:
    """Load the demo's readings, forecast its past day by day, and replay."""
    signal.signal(signal.SIGTERM, leave)
    days = f"{int(sys.argv[1]) if len(sys.argv) > 1 else 60}d"
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(mode=0o700)
    with Influxd(OUT / "influxdb") as server:
        _, values, _ = prepare(server, time.time_ns())
        place = ("-f", str(values), "--root", str(OUT / "runs"))
        cronocast("backfill", *place, "--from", days, "--to", "1h", "--every", "1d")
        cronocast("alerts", *place, "--replay", days)
    return 0


if __name__ == "__main__":
    sys.exit(main())
