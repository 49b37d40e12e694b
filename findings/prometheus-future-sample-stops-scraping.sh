#!/usr/bin/env bash
# One acknowledged sample of tomorrow, and Prometheus keeps nothing of today.
#
# Expected   A remote write of a forecast adds one series. What the server scrapes by itself has nothing to do with it.
# Happens    The write is acknowledged with 204. From then on every sample at the present time, of every series, is out
#            of bounds: the head block ends tomorrow, and samples more than an hour before its end are refused. The
#            page of targets says down, but that `up` is 0 cannot be stored either: the query `up` answers 1 from the
#            last good sample for five minutes, then nothing, so that an alert on `up == 0` never fires.
# Version    2.42.0, Debian 12's package. Prometheus 3 was seen to refuse samples more than ten minutes ahead.
# Bites      whoever writes forecasts to the Prometheus that monitors the system they are about.
set -euo pipefail

dir=$(mktemp -d)
pid=
finish() {
  if [[ -n $pid ]]; then kill "$pid" && wait "$pid" || true; fi
  rm -rf "$dir"
}
trap finish EXIT
cd "$dir"

download() { apt-get -qq download "prometheus=2.42.0*" >apt.log 2>&1; }
download || { apt-get -qq update >apt.log 2>&1 && download; } || { cat apt.log >&2; exit 1; }
dpkg-deb -x prometheus_*.deb .
python3 -m venv venv
venv/bin/pip install --quiet cramjam==2.14.0

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >prometheus.yml <<YAML
scrape_configs:
  - {job_name: itself, scrape_interval: 1s, static_configs: [{targets: ["127.0.0.1:$port"]}]}
YAML
usr/bin/prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" \
  --web.enable-remote-write-receiver >log 2>&1 &
pid=$!

venv/bin/python - "http://127.0.0.1:$port" <<'PYTHON'
import json, struct, sys, time, urllib.parse, urllib.request
import cramjam

url = sys.argv[1]


def get(path: str, **query: str) -> bytes:
    return urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}", timeout=10).read()


def value(promql: str, later: int = 0) -> float | None:
    result = json.loads(get("/api/v1/query", query=promql, time=str(time.time() + later)))["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def refused() -> int:  # read from the page itself, since nothing that is scraped arrives any more
    name = b"prometheus_target_scrapes_sample_out_of_bounds_total "
    return int(next(line for line in get("/metrics").splitlines() if line.startswith(name)).split()[1])


def until(what: str, happened) -> None:
    for _ in range(120):
        try:
            if happened():
                return
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"not seen within a minute: {what}")


def part(field: int, body: bytes) -> bytes:  # protobuf: a length-delimited field of less than 128 bytes
    return bytes([field << 3 | 2, len(body)]) + body


def varint(number: int) -> bytes:
    head = b""
    while number > 127:
        head, number = head + bytes([number & 127 | 128]), number >> 7
    return head + bytes([number])


def write(name: bytes, number: float, time_ms: int) -> int:
    label = part(1, part(1, b"__name__") + part(2, name))
    sample = part(2, b"\x09" + struct.pack("<d", number) + b"\x10" + varint(time_ms))
    body = bytes(cramjam.snappy.compress_raw(part(1, label + sample)))
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    return urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/write", body, headers), timeout=10).status


until("good scrapes", lambda: (value("count_over_time(up[1m])") or 0) >= 5)
print("version:", json.loads(get("/api/v1/status/buildinfo"))["data"]["version"])
print("before: scrapes of the last 5 s:", value("count_over_time(up[5s])"), " out of bounds:", refused())
status = write(b"forecast", 42.0, int((time.time() + 86_400) * 1000))
print("one sample of another series, 24 h ahead: HTTP", status)
time.sleep(15)
count, first = value("count_over_time(up[10s])"), refused()
time.sleep(3)
second = refused()
target = json.loads(get("/api/v1/targets"))["data"]["activeTargets"][0]
print("15 s later: scrapes of the last 10 s:", count, " out of bounds:", first, "and after 3 s more:", second)
print("page of targets:", target["health"], repr(target["lastError"]))
print("query up:", value("up"), " 6 minutes on:", value("up", 360), " query up == 0:", value("up == 0"))
as_stated = (
    status == 204 and count is None and second > first > 0 and target["health"] == "down"
    and value("up") == 1 and value("up", 360) is None and value("up == 0") is None
)
sys.exit(None if as_stated else "no longer as stated")
PYTHON
echo "So: a future sample was acknowledged, nothing of the present is stored any more, and up still says 1."
