#!/usr/bin/env bash
# VictoriaMetrics: of two forecasts for the same time the larger one is kept, not the newer one.
#
# Expected   Writing the same series at the same time again replaces the value, as in InfluxDB, or is refused, as in
#            Prometheus. With deduplication, which keeps "the last sample" of an interval, the last write wins.
# Happens    Both values are stored (204 each time). With -dedup.minScrapeInterval the largest value of the same
#            millisecond wins, whichever came last, so that a forecast can be raised but never lowered. And what lies more
#            than two days ahead (-futureRetention, two days unless set) is acknowledged with 204 and gone; only a metric
#            of the server's own counts it.
# Version    v1.148.9, compiled from its Go module (Go 1.26.5 or newer).
# Bites      every job that writes a new forecast over the last one: an upper bound can only grow from run to run.
set -euo pipefail

dir=$(mktemp -d)
pid=
stop() {
  if [[ -n $pid ]]; then kill "$pid" && wait "$pid" || true; fi
  pid=
}
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"

version=v1.148.9
echo "compiling VictoriaMetrics $version, about a minute of CPU"
CGO_ENABLED=0 GOBIN=$dir go install "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@$version" 2>go.log || { cat go.log >&2; exit 1; }
echo "version: $(go version -m victoria-metrics | awk '$1 == "mod" {print $2, $3}')"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
start() { # its options
  ./victoria-metrics -httpListenAddr="127.0.0.1:$port" -storageDataPath="$dir/data" -retentionPeriod=1y "$@" >log 2>&1 &
  pid=$!
  for _ in {1..60}; do curl -sf "$url/health" >health && return; sleep 0.5; done
  cat log >&2
  exit 1
}
write() { # value, seconds since 1970
  local status
  status=$(curl -sS -o answer -w '%{http_code}' "$url/write?precision=s" --data-binary "forecast,host=a yhat=$1 $2")
  echo "  write $1: HTTP $status"
  [[ $status == 204 ]]
}
values() { # a query and its time: all values, separated by spaces
  curl -sS "$url/internal/force_flush"
  curl -sSG "$url/api/v1/query" --data-urlencode "query=$1" -d "time=$2" -d nocache=1 | python3 -c 'import json, sys
print(*[value for series in json.load(sys.stdin)["data"]["result"] for _, value in series.get("values", [series.get("value")])])'
}
ignored() { curl -sS "$url/metrics" | awk '/^vm_rows_ignored_total\{.*big_timestamp/ {print $2}'; }

hour=$(($(date +%s) / 3600 * 3600 + 86400))
far=$((hour + 9 * 86400))
start
echo "without options, tomorrow at the same time:"
write 30 "$hour"
write 10 "$hour"
kept=$(values 'forecast_yhat[1m]' "$hour")
echo "  stored: $kept"
before=$(ignored)
echo "ten days ahead:"
write 5 "$far"
gone=$(values 'forecast_yhat[1m]' "$far")
for _ in {1..20}; do # the page of metrics is a few seconds behind
  after=$(ignored)
  [[ ${after:-0} == "${before:-0}" ]] || break
  sleep 0.5
done
echo "  stored: ${gone:-nothing}; vm_rows_ignored_total{reason=\"big_timestamp\"}: ${before:-0}, then ${after:-0}"
stop

start -dedup.minScrapeInterval=1ms -futureRetention=30d
echo "with -dedup.minScrapeInterval=1ms:"
larger=$(values forecast_yhat "$hour")
echo "  of 30, then 10: $larger"
write 40 "$far"
write 20 "$far"
again=$(values forecast_yhat "$far")
echo "  of 40, then 20, ten days ahead with -futureRetention=30d: $again"

[[ $(tr ' ' '\n' <<<"$kept" | sort | tr '\n' ' ') == "10 30 " && -z $gone && ${after:-0} -gt ${before:-0} && $larger == 30 && $again == 40 ]] ||
  { echo "no longer as stated" >&2; exit 1; }
echo "So: the second forecast was acknowledged, and the larger first one is what queries answer."
