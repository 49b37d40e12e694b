{{/* Made by helm/generate.py from cronocast/chain/table.py and cronocast/images.py. */}}

{{/* Every step that runs on a cluster, in order. */}}
{{- define "cronocast.steps" -}}
[
  {"name": "extract", "pod": "extract", "image": "extract", "chain": true, "secrets": ["source", "ca"], "flags": [], "overrides": []},
  {"name": "evaluate", "pod": "classify", "image": "classify", "chain": true, "secrets": [], "flags": [], "overrides": ["model"]},
  {"name": "classify", "pod": "classify", "image": "classify", "chain": true, "secrets": [], "flags": ["outputs"], "overrides": ["model"]},
  {"name": "forecast", "pod": "forecast", "image": "forecast", "chain": true, "secrets": [], "flags": ["part"], "overrides": ["model", "horizon"]},
  {"name": "select", "pod": "select", "image": "load", "chain": false, "secrets": [], "flags": [], "overrides": ["model"]},
  {"name": "load", "pod": "load", "image": "load", "chain": true, "secrets": ["source", "sink", "ca"], "flags": ["dry_run"], "overrides": []},
  {"name": "alert", "pod": "load", "image": "load", "chain": true, "secrets": ["ca", "notify"], "flags": [], "overrides": []},
  {"name": "record", "pod": "load", "image": "load", "chain": false, "secrets": ["source", "sink", "ca", "notify"], "flags": ["status", "failures", "outputs", "keep_runs"], "overrides": []}
]
{{- end }}

{{/* Forecast pods by the part of the members that they take. */}}
{{- define "cronocast.parts" -}}
{
  "light": {"pod": "forecast", "image": "forecast"},
  "lstm": {"pod": "heavy", "image": "forecast-lstm"},
  "stats": {"pod": "stats", "image": "forecast-stats"},
  "darts": {"pod": "darts", "image": "forecast-darts"}
}
{{- end }}

{{/* Models that other images than the light ones carry, also with a colon and more behind the name. */}}
{{- define "cronocast.heavyModels" -}}
^(mstl|ets|sarimax|lstm|nbeats|prophet|darts)(:|$)
{{- end }}

{{/* Settings that are gone, and what to write instead. */}}
{{- define "cronocast.gone" -}}
{"singlePod": "write pods: one instead of true, pods: many instead of false, or neither; "}
{{- end }}
