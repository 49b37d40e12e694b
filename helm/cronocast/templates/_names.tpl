{{/* Name of the release's objects. */}}
{{- define "cronocast.name" -}}
{{- regexReplaceAll "[-.]+$" (.Values.nameOverride | default .Release.Name | trunc 40) "" -}}
{{- end }}

{{/* Name of the account that the pods of a run use. */}}
{{- define "cronocast.account" -}}
{{- .Values.serviceAccount.name | default (include "cronocast.name" .) -}}
{{- end }}

{{/* Name of the account that may label a run. */}}
{{- define "cronocast.labelAccount" -}}
{{- printf "%s-label" (include "cronocast.account" .) -}}
{{- end }}

{{/* Name of the account that looks after runs and schedules. */}}
{{- define "cronocast.tendAccount" -}}
{{- printf "%s-tend" (include "cronocast.account" .) -}}
{{- end }}

{{/* Name of the claim that the steps share. */}}
{{- define "cronocast.claim" -}}
{{- .Values.volume.existingClaim | default (printf "%s-data" (include "cronocast.name" .)) -}}
{{- end }}

{{/* Labels of every object and pod as YAML: (dict "root" $ "labels" MORE). A person's labels come last, so that none replaces what selectors look for. */}}
{{- define "cronocast.labels" -}}
{{- $own := dict "app.kubernetes.io/name" "cronocast" "app.kubernetes.io/instance" .root.Release.Name "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- merge $own (.labels | default dict) (.root.Values.labels | default dict) | toYaml -}}
{{- end }}

{{/* Name, namespace, labels and annotations of an object: (dict "root" $ "name" NAME "labels" MORE "annotations" MORE). */}}
{{- define "cronocast.metadata" -}}
name: {{ .name | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels:
  {{- include "cronocast.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) (.root.Values.annotations | default dict) }}
annotations:
  {{- include "cronocast.texts" . | trim | nindent 2 }}
{{- end }}
{{- end }}

{{/* A mapping of texts as YAML in which every character is kept: new lines and the like stand as escapes. */}}
{{- define "cronocast.texts" -}}
{{- range $key, $value := . }}
{{ $key | quote }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Address of an image: (dict "root" $ "name" NAME). */}}
{{- define "cronocast.image" -}}
{{- $image := .root.Values.image -}}
{{- printf "%s/%s" (trimSuffix "/" $image.registry) .name -}}
{{- with get ($image.digests | default dict) .name }}@{{ . }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}
