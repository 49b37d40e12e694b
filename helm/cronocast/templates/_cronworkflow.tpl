{{/* The schedule of one series: (dict "root" $ "name" NAME). */}}
{{- define "cronocast.cronWorkflow" }}
{{- $ := .root }}
{{- $name := .name }}
{{- $text := include "cronocast.entry" (dict "root" $ "name" $name) }}
{{- $entry := fromJson $text }}
{{- $cron := include "cronocast.cronName" $name }}
{{- $labels := dict "cronocast.io/series" $cron }}
{{- $annotations := dict "workflows.argoproj.io/title" ($entry.title | default $name) "workflows.argoproj.io/description" (printf "Forecast of %s, %s ahead" $name ($entry.horizon | default "24h")) }}
{{- $wait := int64 $.Values.retry.seconds }}
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata:
  {{- include "cronocast.metadata" (dict "root" $ "name" $cron "labels" $labels "annotations" (merge (dict "cronocast.io/revision" (toString $.Release.Revision)) $annotations)) | nindent 2 }}
spec:
  schedules:
    {{- range $entry.schedules | default (list "H * * * *") }}
    - {{ include "cronocast.schedule" (dict "name" $name "schedule" .) | quote }}
    {{- end }}
  timezone: {{ $entry.timezone | default "UTC" | quote }}
  concurrencyPolicy: {{ $.Values.schedule.concurrencyPolicy }}
  {{- if eq $.Values.schedule.concurrencyPolicy "Forbid" }}
  startingDeadlineSeconds: {{ int64 $.Values.schedule.startingDeadlineSeconds }}
  {{- end }}
  successfulJobsHistoryLimit: {{ int64 $.Values.schedule.successfulRuns }}
  failedJobsHistoryLimit: {{ int64 $.Values.schedule.failedRuns }}
  {{- /* Not said where it is false: `argo cron suspend` owns the field then, and an upgrade neither undoes it nor stumbles over it. */}}
  {{- if $entry.suspend }}
  suspend: true
  {{- end }}
  workflowMetadata:
    labels:
      {{- include "cronocast.labels" (dict "root" $ "labels" $labels) | nindent 6 }}
    annotations:
      {{- include "cronocast.texts" (merge (dict) $annotations ($.Values.annotations | default dict)) | trim | nindent 6 }}
  workflowSpec:
    entrypoint: {{ include "cronocast.pods" $text }}
    workflowTemplateRef: {name: "{{ include "cronocast.name" $ }}-{{ $entry.profile | default "cpu" }}"}
    arguments:
      parameters:
        {{- $inert := include "cronocast.inert" $text }}
        - {name: series, value: {{ regexMatch "^[ -~]*$" $inert | ternary (replace "'" "''" $inert | squote) (quote $inert) }}}
        - {name: id, value: {{ $cron | quote }}}
        - {name: period-seconds, value: {{ include "cronocast.longestPeriod" $text | quote }}}
        - {name: retry-seconds, value: "{{ add $wait (include "cronocast.hash" (dict "name" $name "below" $wait) | int64) }}"}
{{- end }}
