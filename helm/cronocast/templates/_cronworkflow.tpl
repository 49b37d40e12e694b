{{/* When one series is run: (dict "root" $ "name" NAME "own" VALUES). */}}
{{- define "cronocast.cronWorkflow" }}
{{- $ := .root }}
{{- $name := .name }}
{{- $own := .own }}
{{- $entry := mergeOverwrite (deepCopy ($.Values.defaults | default dict)) (deepCopy ($own | default dict)) (dict "name" $name) }}
{{- $cron := include "cronocast.cronName" $name }}
{{- $profile := $entry.profile | default "cpu" }}
{{- if not (hasKey $.Values.profiles $profile) }}{{ fail (printf "series.%s.profile: %q is not under profiles; known: %s" $name $profile (keys $.Values.profiles | sortAlpha | join ", ")) }}{{ end }}
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata:
  name: {{ $cron }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "cronocast.labels" $ | nindent 4 }}
    cronocast.io/series: {{ $cron }}
  annotations:
    workflows.argoproj.io/title: {{ include "cronocast.inert" ($entry.title | default $name) }}
    workflows.argoproj.io/description: {{ include "cronocast.inert" (printf "Forecast of %s, %s ahead" $name ($entry.horizon | default "24h")) }}
spec:
  schedules:
    {{- range $entry.schedules | default (list "H * * * *") }}
    - {{ include "cronocast.schedule" (dict "name" $name "schedule" .) | quote }}
    {{- end }}
  timezone: {{ $entry.timezone | default "UTC" | quote }}
  concurrencyPolicy: {{ $.Values.schedule.concurrencyPolicy }}
  startingDeadlineSeconds: {{ $.Values.schedule.startingDeadlineSeconds }}
  successfulJobsHistoryLimit: {{ $.Values.schedule.successfulRuns }}
  failedJobsHistoryLimit: {{ $.Values.schedule.failedRuns }}
  suspend: {{ $entry.suspend | default false }}
  workflowMetadata:
    labels:
      {{- include "cronocast.labels" $ | nindent 6 }}
      cronocast.io/series: {{ $cron }}
    annotations:
      workflows.argoproj.io/title: {{ include "cronocast.inert" ($entry.title | default $name) }}
      workflows.argoproj.io/description: {{ include "cronocast.inert" (printf "Forecast of %s, %s ahead" $name ($entry.horizon | default "24h")) }}
  workflowSpec:
    entrypoint: {{ $entry.singlePod | default false | ternary "single" "series" }}
    workflowTemplateRef: {name: {{ include "cronocast.name" $ }}-{{ $profile }}}
    arguments:
      parameters:
        - name: series
          value: {{ include "cronocast.inert" $entry | quote }}
        - {name: id, value: {{ $cron }}}
{{- end }}
