{{/* What every container may do: nothing beyond its own files. */}}
{{- define "cronocast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod runs as. */}}
{{- define "cronocast.podSecurity" -}}
runAsNonRoot: true
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with get $.Values.security $name }}
{{ $name }}: {{ int64 . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Pull secrets for the registry. */}}
{{- define "cronocast.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . | quote }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* Nodes of a pod: (dict "first" PLACEMENT "second" PLACEMENT); what the first leaves open the second says. */}}
{{- define "cronocast.placement" -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with get ($.first | default dict) $field | default (get ($.second | default dict) $field) }}
{{ $field }}: {{ . | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{/* Secrets by the folder below /secrets at which they are mounted, as JSON. */}}
{{- define "cronocast.secrets" -}}
{{- merge (dict) (omit .Values.secrets "more") (.Values.secrets.more | default dict) | toJson -}}
{{- end }}

{{/* What containers may mount. A Secret that is not there leaves an empty folder: the step then ends with 78 and names the file, where the pod would wait without a word. */}}
{{- define "cronocast.volumes" -}}
{{- if .Values.volume.enabled }}
- {name: data, persistentVolumeClaim: {claimName: {{ include "cronocast.claim" . | quote }}}}
{{- else }}
- {name: data, emptyDir: {sizeLimit: {{ .Values.volume.size | quote }}}}
{{- end }}
- {name: tmp, emptyDir: {sizeLimit: 128Mi}}
- {name: scratch, emptyDir: {sizeLimit: 16Mi}}
{{- with .Values.volume.weights }}
- {name: weights, persistentVolumeClaim: {claimName: {{ . | quote }}, readOnly: true}}
{{- end }}
{{- range $use, $secret := include "cronocast.secrets" . | fromJson }}
{{- if $secret }}
- {name: secret-{{ $use }}, secret: {secretName: {{ $secret | quote }}, defaultMode: 0400, optional: true}}
{{- end }}
{{- end }}
{{- end }}

{{/* Resources of a container: (dict "of" RESOURCES "requests" INSTEAD "gpus" N "gpuResource" NAME). */}}
{{- define "cronocast.resources" -}}
{{- $gpus := dict }}{{ if .gpus }}{{ $gpus = dict .gpuResource (toString .gpus) }}{{ end -}}
{{- dict "requests" (.requests | default .of.requests | default dict) "limits" (merge $gpus (.of.limits | default dict)) | toJson -}}
{{- end }}

{{/* Requests of the containers of one pod, in order, as JSON: (dict "root" $ "steps" STEPS). A pod reserves the sum for as long as it lives, but its containers work one after another: of each resource the one that asks for most gets it, and the others what a waiting process takes. */}}
{{- define "cronocast.setRequests" -}}
{{- $all := list }}{{ $most := dict -}}
{{- range $i, $step := .steps -}}
{{- $own := (get $.root.Values.resources $step.pod).requests | default dict -}}
{{- $all = append $all $own -}}
{{- range $name, $wanted := $own -}}
{{- $size := include "cronocast.amount" $wanted | float64 -}}
{{- if or (not (hasKey $most $name)) (gt $size (get $most $name).size) }}{{ $_ := set $most $name (dict "size" $size "at" $i) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $requests := list }}{{ $waiting := dict "cpu" "5m" "memory" "24Mi" "ephemeral-storage" "4Mi" -}}
{{- range $i, $own := $all -}}
{{- $mine := dict -}}
{{- range $name, $wanted := $own -}}
{{- $least := get $waiting $name | default $wanted -}}
{{- $small := lt (include "cronocast.amount" $least | float64) (include "cronocast.amount" $wanted | float64) | ternary $least $wanted -}}
{{- $_ := set $mine $name (eq (get $most $name).at $i | ternary $wanted $small) -}}
{{- end -}}
{{- $requests = append $requests $mine -}}
{{- end -}}
{{- toJson $requests -}}
{{- end }}

{{/* One container of a step: (dict "root" $ "step" COMMAND "image" IMAGE "kind" RESOURCES "requests" INSTEAD "secrets" LIST "env" MAP "gpus" N "gpuResource" NAME "data" VOLUME INSTEAD OF THE CLAIM). */}}
{{- define "cronocast.container" -}}
{{- $values := .root.Values -}}
{{- $kind := get $values.resources .kind -}}
image: {{ include "cronocast.image" (dict "root" .root "name" .image) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
command: [cronocast]
args: [{{ .step }}]
env:
  - {name: CRONOCAST_ENTRY, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['cronocast.io/entry']"}}}
  - {name: CRONOCAST_ROOT, value: /data}
  - {name: CRONOCAST_RUN, value: "{{`{{workflow.scheduledTime}}`}}"}
  {{- range $name, $value := .env }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
securityContext:
  {{- include "cronocast.containerSecurity" . | nindent 2 }}
resources: {{ include "cronocast.resources" (dict "of" $kind "requests" .requests "gpus" .gpus "gpuResource" .gpuResource) }}
volumeMounts:
  - {name: {{ .data | default "data" }}, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  {{- if and $values.volume.weights (eq .kind "darts") }}
  - {name: weights, mountPath: /weights, readOnly: true}
  {{- end }}
  {{- $known := include "cronocast.secrets" .root | fromJson }}
  {{- $more := ternary (keys ($values.secrets.more | default dict) | sortAlpha) list (has "source" .secrets) }}
  {{- range concat .secrets $more }}
  {{- if get $known . }}
  - {name: secret-{{ . }}, mountPath: /secrets/{{ . }}, readOnly: true}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Env variables of a step of "cronocast.steps", as JSON: those of its parameters and, where it tells Argo something, where it does. */}}
{{- define "cronocast.stepEnv" -}}
{{- $env := include "cronocast.overrides" . | fromJson -}}
{{- $env = merge $env (.env | default dict) }}
{{- if has "outputs" .flags }}{{ $_ := set $env "CRONOCAST_OUTPUTS" "/tmp/outputs" }}{{ end -}}
{{- $env | toJson -}}
{{- end }}

{{/* Env variables by which parameters of a workflow go before the settings of its document, as JSON: a step of "cronocast.steps". */}}
{{- define "cronocast.overrides" -}}
{{- $env := dict }}
{{- range .overrides }}
{{- $_ := set $env (printf "CRONOCAST_%s" (upper .)) (printf "{{workflow.parameters.%s}}" .) }}
{{- end }}
{{- $env | toJson -}}
{{- end }}

{{/* One template of one container: as cronocast.container, plus "placement" (dict "first" "second"), and "head" as YAML text (metadata, inputs, outputs). */}}
{{- define "cronocast.step" -}}
- name: {{ .name | default .step }}
  activeDeadlineSeconds: {{ int64 (get .root.Values.resources .kind).deadlineSeconds }}
  retryStrategy:
    {{- include "cronocast.retry" (dict "root" .root "code" "lastRetry.exitCode in ['64','65','74','75','143']" "killed" "lastRetry.exitCode in ['137','-1','0']") | nindent 4 }}
  {{- with include "cronocast.placement" .placement | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .head }}
  {{- . | nindent 2 }}
  {{- end }}
  container:
    {{- include "cronocast.container" . | nindent 4 }}
{{- end }}

{{/* One template of steps that run one after another in one pod, each in its image: (dict "root" $ "name" NAME "steps" STEPS "seconds" DEADLINE "placement" (dict "first" PLACEMENT) "head" TEXT). Argo tells no exit code of such a pod, but its message has that of the first container that failed, by name: hence the numbers. Nor does Kubernetes bound the time of one container, so that each step gets its deadline itself. The last is main: of that one alone Argo reads outputs, from what all of them share. */}}
{{- define "cronocast.set" -}}
{{- $last := sub (len .steps) 1 -}}
- name: {{ .name }}
  activeDeadlineSeconds: {{ .seconds }}
  retryStrategy:
    {{- $container := printf "^([1-%d]-[a-z]+|main): " (max $last 1) }}
    {{- $code := printf "lastRetry.message matches '%s[A-Za-z]+ [(]exit code (%%s)[)]'" $container }}
    {{- /* A pod that Kubernetes ended (node shutdown, eviction, preemption) has a message of its own, which Argo tells instead of the containers'. */}}
    {{- $killed := printf "(%s || !(lastRetry.message matches '%s'))" (printf $code "137") $container }}
    {{- include "cronocast.retry" (dict "root" .root "code" (printf $code "64|65|74|75|143") "killed" $killed) | nindent 4 }}
  {{- with include "cronocast.placement" .placement | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .head }}
  {{- . | nindent 2 }}
  {{- end }}
  # Argo finds the workflow's volumes for a container, not for those of a set.
  volumes:
    {{- include "cronocast.volumes" .root | nindent 4 }}
  containerSet:
    containers:
      {{- $before := "" }}
      {{- $requests := include "cronocast.setRequests" . | fromJsonArray }}
      {{- range $i, $step := .steps }}
      {{- $own := eq $i (int $last) | ternary "main" (printf "%d-%s" (add1 $i) $step.name) }}
      - name: {{ $own }}
        {{- with $before }}
        dependencies: [{{ . }}]
        {{- end }}
        {{- $before = $own }}
        {{- $env := include "cronocast.stepEnv" $step | fromJson }}
        {{- $_ := set $env "CRONOCAST_DEADLINE" (int64 (get $.root.Values.resources $step.pod).deadlineSeconds) }}
        {{- include "cronocast.container" (dict "root" $.root "step" $step.name "image" $step.image "kind" $step.pod "requests" (index $requests $i) "secrets" $step.secrets "env" $env) | nindent 8 }}
      {{- end }}
{{- end }}

{{/* Which exits Argo retries: see "Retries" in the README; 64 and 65 are Argo's own; a Failed pod without a code, or with 0, was ended by others than its program. No maxDuration: it would end a running attempt. (dict "root" $ "code" EXPRESSION "killed" EXPRESSION) */}}
{{- define "cronocast.retry" -}}
limit: {{ .root.Values.retry.limit | toString | quote }}
retryPolicy: Always
expression: >-
  (lastRetry.status == 'Error' || {{ .code }}
  || ({{ .killed }} && asInt(retries) < 1))
  && !(lastRetry.message matches 'OOMKilled')
backoff: {duration: "{{`{{workflow.parameters.retry-seconds}}`}}", factor: "2", cap: "{{ int64 .root.Values.retry.capSeconds }}s"}
{{- end }}
