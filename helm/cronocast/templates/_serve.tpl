{{/* Name of the objects of `cronocast serve`. */}}
{{- define "cronocast.serveName" -}}
{{- printf "%s-serve" (include "cronocast.name" .) -}}
{{- end }}

{{/* Labels by which its pods are found; no label of a person can replace them. */}}
{{- define "cronocast.serveLabels" -}}
{app.kubernetes.io/name: cronocast, app.kubernetes.io/instance: {{ .Release.Name | quote }}, app.kubernetes.io/component: serve}
{{- end }}

{{/* What the server must know to make CronWorkflows as the chart does, as JSON. */}}
{{- define "cronocast.serveCluster" -}}
{{- $cron := include "cronocast.cronWorkflow" (dict "root" . "name" "skeleton") | fromYaml -}}
{{- dict "cron" $cron "name" (include "cronocast.name" .) "profiles" (keys .Values.profiles | sortAlpha) "retrySeconds" (int64 .Values.retry.seconds) "defaults" (.Values.defaults | default dict) | toJson -}}
{{- end }}

{{/* The alert of a series whose values Prometheus has: (dict "root" $ "actual" ITEM). */}}
{{- define "cronocast.actualRule" -}}
{{- $entry := include "cronocast.entry" (dict "root" .root "name" .actual.series) | fromJson -}}
{{- $level := $entry.level | default 0.95 -}}
{{- $forecast := printf "cronocast_forecast{series=%s,horizon=\"now\",quantile=\"%%.10g\"}" (.actual.series | quote) -}}
{{- $on := .actual.on | join ", " -}}
{{- $upper := printf $forecast (divf (addf 1 $level) 2) }}{{ $lower := printf $forecast (divf (subf 1 $level) 2) -}}
alert: CronocastOutsideInterval
expr: {{ printf "(%s) > on (%s) %s or (%s) < on (%s) %s" .actual.expr $on $upper .actual.expr $on $lower | quote }}
for: 15m
labels: {severity: warning, series: {{ .actual.series | quote }}}
annotations:
  summary: {{ printf "Values of %s lie outside the interval that was forecast for now" .actual.series | quote }}
{{- end }}
