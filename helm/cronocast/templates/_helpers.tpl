{{/* Name of the release's objects. */}}
{{- define "cronocast.name" -}}
{{- .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Name of the account that the pods of a run use. */}}
{{- define "cronocast.account" -}}
{{- .Values.serviceAccount.name | default (include "cronocast.name" .) -}}
{{- end }}

{{/* Labels of every object and pod. */}}
{{- define "cronocast.labels" -}}
app.kubernetes.io/name: cronocast
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- range $key, $value := .Values.labels }}
{{ $key }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* A user's text as Argo's and Kubernetes' own marks can't touch it: both stay valid inside a JSON string. */}}
{{- define "cronocast.inert" -}}
{{- . | toJson | replace "{{" "{\\u007b" | replace "$(" "\\u0024(" -}}
{{- end }}

{{/* Name of a series' CronWorkflow: the series' own name where Kubernetes takes it, else a slug and a hash of the exact name. */}}
{{- define "cronocast.cronName" -}}
{{- if regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" . -}}
{{- if gt (len .) 52 }}{{ fail (printf "series.%s: the name has %d characters; Argo starts nothing whose name has more than 52, so give the series a shorter key" . (len .)) }}{{ end -}}
{{- . -}}
{{- else -}}
{{- printf "%s-%s" (regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" | trunc 32 | trimSuffix "-" | default "series") (sha256sum . | trunc 8) | trimPrefix "-" -}}
{{- end -}}
{{- end }}

{{/* A number from 0 up to, not including, `below`, made from a name: (dict "name" NAME "below" N). */}}
{{- define "cronocast.hash" -}}
{{- mod (int64 (printf "0x%s" (sha256sum .name | trunc 8))) .below -}}
{{- end }}

{{/* A schedule with H in its minute replaced by a minute made from the name: (dict "name" NAME "schedule" TEXT). */}}
{{- define "cronocast.schedule" -}}
{{- $minutes := list -}}
{{- range splitList "," (splitList " " .schedule | first) -}}
{{- if eq . "H" -}}
{{- $minutes = append $minutes (include "cronocast.hash" (dict "name" $.name "below" 60)) -}}
{{- else if hasPrefix "H/" . -}}
{{- $every := trimPrefix "H/" . | int64 -}}
{{- $minutes = append $minutes (printf "%s-59/%d" (include "cronocast.hash" (dict "name" $.name "below" $every)) $every) -}}
{{- else -}}
{{- $minutes = append $minutes . -}}
{{- end -}}
{{- end -}}
{{- prepend (splitList " " .schedule | rest) (join "," $minutes) | join " " -}}
{{- end }}

{{/* Address of an image: (dict "root" $ "name" NAME). */}}
{{- define "cronocast.image" -}}
{{- $image := .root.Values.image -}}
{{- $digest := get $image.digests .name -}}
{{- printf "%s/%s" (trimSuffix "/" $image.registry) .name -}}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* What every container may do: nothing beyond its own files. */}}
{{- define "cronocast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod runs as. */}}
{{- define "cronocast.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.security.runAsUser }}
runAsGroup: {{ .Values.security.runAsGroup }}
fsGroup: {{ .Values.security.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Nodes of a pod: (dict "first" PLACEMENT "second" PLACEMENT); what the first leaves open the second says. */}}
{{- define "cronocast.placement" -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.first $field | default (get $.second $field) }}
{{ $field }}: {{ . | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{/* One container of a step: (dict "root" $ "step" COMMAND "image" IMAGE "kind" RESOURCES "secrets" LIST "env" MAP "gpus" N "gpuResource" NAME). */}}
{{- define "cronocast.container" -}}
{{- $values := .root.Values -}}
{{- $kind := get $values.resources .kind -}}
image: {{ include "cronocast.image" (dict "root" .root "name" .image) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
command: [cronocast]
args: [{{ .step }}]
env:
  - {name: CRONOCAST_ENTRY, value: "{{`{{workflow.parameters.series}}`}}"}
  - {name: CRONOCAST_ROOT, value: /data}
  - {name: CRONOCAST_RUN, value: "{{`{{workflow.scheduledTime}}`}}"}
  {{- range $name, $value := .env }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
securityContext:
  {{- include "cronocast.containerSecurity" . | nindent 2 }}
{{- $limits := $kind.limits }}
{{- if .gpus }}{{ $limits = merge (dict .gpuResource (.gpus | toString)) $limits }}{{ end }}
resources: {requests: {{ $kind.requests | toJson }}, limits: {{ $limits | toJson }}}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  {{- range .secrets }}
  {{- if get $values.secrets . }}
  - {name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true}
  {{- end }}
  {{- end }}
{{- end }}

{{/* One template of one container: as cronocast.container, plus "placement" (dict "first" "second"), "inputs" and "outputs" as YAML text. */}}
{{- define "cronocast.step" -}}
- name: {{ .name | default .step }}
  activeDeadlineSeconds: {{ (get .root.Values.resources .kind).deadlineSeconds }}
  {{- if not .once }}
  retryStrategy:
    {{- include "cronocast.retry" .root | nindent 4 }}
  {{- end }}
  {{- include "cronocast.placement" .placement | nindent 2 }}
  {{- with .inputs }}
  inputs:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .outputs }}
  outputs:
    {{- . | nindent 4 }}
  {{- end }}
  container:
    {{- include "cronocast.container" . | nindent 4 }}
{{- end }}

{{/* Which ends of a step Argo repeats: see "Exit codes" in the README. 64 and 65 are Argo's own. */}}
{{- define "cronocast.retry" -}}
limit: {{ .Values.retry.limit | toString | quote }}
retryPolicy: Always
expression: >-
  (lastRetry.status == 'Error' || lastRetry.exitCode in ['64','65','74','75','143']
  || (lastRetry.exitCode == '137' && asInt(retries) < 1))
  && !(lastRetry.message matches 'OOMKilled')
backoff: {duration: "{{ .Values.retry.seconds }}", factor: "2", cap: "{{ .Values.retry.capSeconds }}s"}
{{- end }}
