#!/usr/bin/env bash
# Helm: two keys of a values file become one, and --set cannot reach a third.
#
# Expected   Keys of a map in values.yaml are words: `7e2`, `08` and `y` arrive in the template as they are written, as
#            they do with `--set` and (all three) with PyYAML.
# Happens    Helm resolves plain keys as YAML 1.1 does and turns the result into text again: `y` becomes "true", `08`
#            becomes "8", `7e2` becomes "700". If 700 is there as well, one of the two is dropped without a word, though
#            the file has no key twice. `--set hosts.y.limit=9` adds a second entry "y" beside "true". PyYAML reads 1.1 as
#            well, but has other rules: `7e2` and `08` stay words there, and so does `y`.
# Version    Helm v4.3.2; PyYAML 6.0.4.
# Bites      maps keyed by host, shard or hexadecimal id (`7e2`, `12e4`): dashboards, series, jobs by key. A test that
#            reads the same file with PyYAML sees other keys than the cluster gets. Quoting the keys cures it.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet PyYAML==6.0.4
version=v4.3.2
echo "compiling Helm $version, about four minutes of CPU"
CGO_ENABLED=0 GOBIN=$dir go install "helm.sh/helm/v4/cmd/helm@$version" 2>go.log || { cat go.log >&2; exit 1; }
echo "version: $(go version -m helm | awk '$1 == "mod" {print $2, $3}')"

mkdir -p chart/templates
cat >chart/Chart.yaml <<'YAML'
apiVersion: v2
name: chart
version: 0.1.0
YAML
cat >chart/templates/keys.yaml <<'YAML'
keys: "{{ range $host, $of := .Values.hosts }}{{ $host }}={{ $of.limit }} {{ end }}"
YAML
cat >values.yaml <<'YAML'
hosts:
  y: {limit: 1}
  08: {limit: 2}
  7e2: {limit: 3}
  700: {limit: 4}
YAML

keys() { ./helm template chart "$@" | sed -n 's/^keys: "\(.*\) "$/\1/p'; }
cat values.yaml
file=$(keys -f values.yaml)
set=$(keys --set hosts.y.limit=1,hosts.08.limit=2,hosts.7e2.limit=3)
both=$(keys -f values.yaml --set hosts.y.limit=9)
python=$(venv/bin/python -c 'import yaml
print(*[f"{host}={of['"'limit'"']}" for host, of in yaml.safe_load(open("values.yaml"))["hosts"].items()])')
echo "Helm, -f values.yaml:                            $file"
echo "Helm, --set of the first three:                  $set"
echo "Helm, -f values.yaml --set hosts.y.limit=9:      $both"
echo "PyYAML:                                          $python"

[[ $file == "700=4 8=2 true=1" && $set == "08=2 7e2=3 y=1" && $both == "700=4 8=2 true=1 y=9" && $python == "y=1 08=2 7e2=3 700=4" ]] ||
  { echo "no longer as stated" >&2; exit 1; }
echo "So: four hosts in the file, three in the cluster, two of them under other names."
