#!/usr/bin/env bash
# The same DataFrame, the same client: written today by pandas 2, written to 1970 by pandas 3.
#
# Expected   DataFrameClient.write_points(frame) stores each row at the time of its index, whatever pandas is installed;
#            nothing is raised, no upper bound on pandas is declared, the server answers 204.
# Happens    pandas 3 keeps times in microseconds where they used to be nanoseconds. The client takes the integers of the
#            index for nanoseconds, so that 2026-01-01 becomes 1970-01-21. Its other protocol, protocol="json", asks each
#            Timestamp by itself and is right.
# Version    influxdb 5.3.2 (the newest) with pandas 3.1.1; right with pandas 2.3.3. InfluxDB 1.6.7, Debian 12's package.
# Bites      scripts that feed InfluxDB 1.x, on the day their image is built anew: 1970 fills up, the series just stops.
set -euo pipefail

dir=$(mktemp -d)
pid=
finish() {
  if [[ -n $pid ]]; then kill "$pid" && wait "$pid" || true; fi
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

download() { apt-get -qq download "influxdb=1.6.7*" >apt.log 2>&1; }
download || { apt-get -qq update >apt.log 2>&1 && download; } || { cat apt.log >&2; exit 1; }
dpkg-deb -x influxdb_*.deb .
for pandas in 2.3.3 3.1.1; do
  python3 -m venv "pandas-$pandas"
  "pandas-$pandas/bin/pip" install --quiet influxdb==5.3.2 "pandas==$pandas" numpy==2.4.6
done

read -r port other < <(python3 -c 'import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)), b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
export INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:$port INFLUXDB_BIND_ADDRESS=127.0.0.1:$other INFLUXDB_REPORTING_DISABLED=true \
  INFLUXDB_META_DIR=$dir/meta INFLUXDB_DATA_DIR=$dir/data INFLUXDB_DATA_WAL_DIR=$dir/wal
usr/bin/influxd >log 2>&1 &
pid=$!

cat >write.py <<'PYTHON'
import sys, time
import influxdb, pandas
from influxdb import DataFrameClient, InfluxDBClient

port = int(sys.argv[1])
plain = InfluxDBClient("127.0.0.1", port, retries=1)
for attempt in range(60):
    try:
        plain.ping()
        break
    except OSError:
        time.sleep(0.5)
plain.create_database("finding")
frame = pandas.DataFrame({"value": [1.0]}, index=pandas.date_range("2026-01-01", periods=1, freq="h", tz="UTC"))
client = DataFrameClient("127.0.0.1", port, database="finding")
stored = {}
for protocol in ("line", "json"):
    measurement = f"{protocol}_{pandas.__version__}"
    client.write_points(frame, measurement, protocol=protocol)
    rows = plain.query(f'SELECT value FROM "{measurement}"', database="finding").get_points()
    stored[protocol] = [row["time"] for row in rows]
print(f"influxdb {influxdb.__version__}, pandas {pandas.__version__} ({frame.index.dtype}): {frame.index[0]} is stored at", stored)
right = ["2026-01-01T00:00:00Z"]
wrong = pandas.__version__.startswith("3.")
as_stated = stored["json"] == right and (stored["line"][0].startswith("1970-01-21") if wrong else stored["line"] == right)
sys.exit(None if as_stated else "no longer as stated")
PYTHON
for pandas in 2.3.3 3.1.1; do "pandas-$pandas/bin/python" -W ignore write.py "$port"; done
echo "So: with pandas 3 the default protocol writes every point to January 1970, and says nothing."
