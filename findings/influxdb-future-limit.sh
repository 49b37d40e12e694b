#!/usr/bin/env bash
# InfluxDB 1.13.2: a point beyond a policy's FUTURE LIMIT is refused as too OLD, below a "Retention Policy Lower Bound" in
# the year 1677, and counted as "0 points outside write window". The very same point in one request with a nearer one is
# blamed on the "Write Window Upper Bound". So neither the words nor the counts of a refusal tell which side of the window
# was missed; the window in brackets, and what was sent, do.
# Needs Go, Rust, gcc, pkg-config and curl; compiles influxd and the Rust library of flux 0.200.0 from the public modules,
# some 7 minutes of CPU time.
set -euo pipefail
influxdb=v1.13.2 flux=v0.200.0
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"

go mod init finding 2>/dev/null
go get "github.com/influxdata/influxdb@$influxdb" "github.com/influxdata/flux@$flux" 2>/dev/null
source=$(go list -m -f '{{.Dir}}' github.com/influxdata/flux)
cp -r "$source/libflux" "$source/stdlib" .
chmod -R u+w libflux stdlib
# Flux is not what this is about: not optimized it compiles in a fifth of the time.
CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
  cargo rustc --quiet --locked --release --manifest-path libflux/Cargo.toml --package flux --lib --crate-type staticlib
printf '%s\n' "Name: flux" "Description: libflux" "Version: ${flux#v}" "Cflags: -I$work/libflux/include" \
  "Libs: -L$work/libflux/target/release -lflux -lm -ldl" >flux.pc
PKG_CONFIG_PATH=$work CGO_ENABLED=1 go build -mod=mod -trimpath -ldflags "-s -w -X main.version=$influxdb" -o influxd \
  github.com/influxdata/influxdb/cmd/influxd
./influxd version

port=$((20000 + RANDOM % 10000))
export INFLUXDB_REPORTING_DISABLED=true INFLUXDB_MONITOR_STORE_ENABLED=false INFLUXDB_BIND_ADDRESS=127.0.0.1:0
export INFLUXDB_META_DIR=$work/meta INFLUXDB_DATA_DIR=$work/data INFLUXDB_DATA_WAL_DIR=$work/wal
INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:$port ./influxd -config /dev/null >log 2>&1 &
server=$!
for _ in {1..100}; do ! curl -fsS "http://127.0.0.1:$port/ping" 2>/dev/null || break; sleep 0.2; done

query() { curl -fsS "http://127.0.0.1:$port/query" --data-urlencode "q=$1"; }
query 'CREATE DATABASE d' >/dev/null
query 'CREATE RETENTION POLICY p ON d DURATION INF REPLICATION 1 SHARD DURATION 520w DEFAULT FUTURE LIMIT 6h' >/dev/null
query 'SHOW RETENTION POLICIES ON d'

# Both points belong to one shard of ten years: whether a request makes that shard decides what is blamed.
ahead() { echo $((($(date +%s) + $1 * 3600) * 1000000000)); }
write() { curl -sS "http://127.0.0.1:$port/write?db=d" --data-binary "$1" | tee "$2"; echo; }
echo "alone:"
write "m v=1 $(ahead 7)" alone
echo "with a point of now in the same request:"
write "m v=1 $(ahead 7)
m v=2 $(ahead 0)" together

grep -q 'dropped 1 points outside retention policy of duration 0s and 0 points outside write window (6h0m0s)' alone
grep -q 'violates a Retention Policy Lower Bound at 1677-' alone
grep -q 'dropped 0 points outside retention policy of duration 0s and 1 points outside write window (6h0m0s)' together
grep -q 'violates a Write Window Upper Bound' together
echo "as described: a point 7 hours ahead, one hour beyond the limit, violates a lower bound of 1677 when it travels alone"
