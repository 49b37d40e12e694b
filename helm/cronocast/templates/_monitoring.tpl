{{/* By which the metrics of a release are told from those of others. */}}
{{- define "cronocast.metricsRelease" -}}
{{- printf "%s/%s" .Release.Namespace .Release.Name -}}
{{- end }}

{{/* Seconds of the longest wait between two starts of one schedule of five fields, or a little more. */}}
{{- define "cronocast.period" -}}
{{- $fields := splitList " " . }}{{ $minute := index $fields 0 }}{{ $hour := index $fields 1 -}}
{{- $seconds := 3600 -}}
{{- if ne (index $fields 3) "*" }}{{ $seconds = mul 366 86400 -}}
{{- else if ne (index $fields 2) "*" }}{{ $seconds = mul 31 86400 -}}
{{- else if ne (index $fields 4) "*" }}{{ $seconds = mul (ternary 7 3 (regexMatch "^[0-9]$" (index $fields 4))) 86400 -}}
{{- else if hasPrefix "*/" $hour }}{{ $seconds = mul (trimPrefix "*/" $hour | atoi) 3600 -}}
{{- else if ne $hour "*" }}{{ $seconds = 86400 -}}
{{- else if eq $minute "*" }}{{ $seconds = 60 -}}
{{- else if regexMatch "^(H|[*])/[0-9]+$" $minute }}{{ $seconds = mul (splitList "/" $minute | last | atoi) 60 -}}
{{- end -}}
{{- $seconds -}}
{{- end }}

{{/* The longest period among the schedules of a series: its document as text. */}}
{{- define "cronocast.longestPeriod" -}}
{{- $longest := 0 -}}
{{- range (fromJson .).schedules | default (list "H * * * *") -}}
{{- $longest = max $longest (include "cronocast.period" . | int64) -}}
{{- end -}}
{{- $longest -}}
{{- end }}

{{/* What Argo's controller counts at the end of each run. */}}
{{- define "cronocast.metrics" -}}
prometheus:
  {{- $series := printf "{key: release, value: %q}, {key: series, value: %q}" (include "cronocast.metricsRelease" .) "{{workflow.parameters.id}}" }}
  - {name: cronocast_runs_total, help: "Runs by series and how they ended", labels: [{{ $series }}, {key: status, value: "{{`{{workflow.status}}`}}"}], counter: {value: "1"}}
  - {name: cronocast_run_seconds, help: "How long the last run took", labels: [{{ $series }}], gauge: {realtime: false, value: "{{`{{workflow.duration}}`}}"}}
  - {name: cronocast_period_seconds, help: "The longest time between two scheduled runs", labels: [{{ $series }}], gauge: {realtime: false, value: "{{`{{workflow.parameters.period-seconds}}`}}"}}
  - {name: cronocast_last_run_seconds, help: "When the last run that ended had begun, seconds since 1970", labels: [{{ $series }}], gauge: {realtime: false, value: "{{`{{workflow.creationTimestamp.s}}`}}"}}
  - {name: cronocast_last_success_seconds, help: "When the last run that went well had begun, seconds since 1970", labels: [{{ $series }}], when: "{{`{{workflow.status}}`}} == Succeeded", gauge: {realtime: false, value: "{{`{{workflow.creationTimestamp.s}}`}}"}}
  - {name: cronocast_last_failure_seconds, help: "When the last run that failed had begun, seconds since 1970", labels: [{{ $series }}], when: "{{`{{workflow.status}}`}} != Succeeded", gauge: {realtime: false, value: "{{`{{workflow.creationTimestamp.s}}`}}"}}
{{- end }}

{{/* Of what records a run that ended well or not: how it ended, by its output. */}}
{{- define "cronocast.outcomes" -}}
{{- $series := printf "{key: release, value: %q}, {key: series, value: %q}" (include "cronocast.metricsRelease" .) "{{workflow.parameters.id}}" -}}
{name: cronocast_outcomes_total, help: "Runs by series and status of their record", labels: [{{ $series }}, {key: status, value: "{{`{{outputs.parameters.status}}`}}"}], when: "{{`{{status}}`}} == Succeeded", counter: {value: "1"}}
{{- end }}

{{/* Of the step that records a run: when it could not. */}}
{{- define "cronocast.unrecorded" -}}
{{- $series := printf "{key: release, value: %q}, {key: series, value: %q}" (include "cronocast.metricsRelease" .) "{{workflow.parameters.id}}" -}}
{name: cronocast_last_record_failure_seconds, help: "Beginning of the last run whose record could not be written, seconds since 1970", labels: [{{ $series }}], when: "{{`{{status}}`}} != Succeeded", gauge: {realtime: false, value: "{{`{{workflow.creationTimestamp.s}}`}}"}}
{{- end }}
