{{/* How the series of one profile are run: (dict "root" $ "profile" NAME "placement" VALUES). */}}
{{- define "cronocast.workflowTemplate" }}
{{- $ := .root }}
{{- $profile := .profile }}
{{- $placement := .placement }}
{{- $light := dict "first" ($placement.light | default dict) "second" dict }}
{{- $defaults := dict "image" "forecast-lstm" "gpus" 0 "gpuResource" "nvidia.com/gpu" }}
{{- $heavy := mergeOverwrite $defaults ($placement.heavy | default dict) }}
# How a series of profile {{ $profile }} is run. The series themselves are CronWorkflows that point here.
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: {{ include "cronocast.name" $ }}-{{ $profile }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "cronocast.labels" $ | nindent 4 }}
  annotations:
    workflows.argoproj.io/title: "Forecast of one series, profile {{ $profile }}"
    workflows.argoproj.io/description: "extract, classify, forecast (light models, or a heavy one where the class asks for it), load"
    {{- range $key, $value := $.Values.annotations }}
    {{ $key }}: {{ $value | toString | quote }}
    {{- end }}
spec:
  entrypoint: series
  onExit: record
  serviceAccountName: {{ include "cronocast.account" $ }}
  automountServiceAccountToken: false
  executor: {serviceAccountName: {{ include "cronocast.account" $ }}}
  activeDeadlineSeconds: {{ $.Values.schedule.deadlineSeconds }}
  podGC: {strategy: OnPodSuccess, deleteDelayDuration: 30s}
  {{- with $.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - {name: {{ . }}}
    {{- end }}
  {{- end }}
  arguments:
    parameters:
      - {name: series, description: "The series document as JSON"}
      - {name: id, value: "", description: "Name that no two runs may work under at the same time"}
      - {name: model, value: "", description: "Model instead of the one in the document"}
      - {name: horizon, value: "", description: "Horizon instead of the one in the document, such as 48h"}
  synchronization:
    mutexes:
      - {name: "{{`{{workflow.parameters.id}}`}}"}
  securityContext:
    {{- include "cronocast.podSecurity" $ | nindent 4 }}
  podMetadata:
    labels:
      {{- include "cronocast.labels" $ | nindent 6 }}
    {{- with $.Values.annotations }}
    annotations:
      {{- range $key, $value := . }}
      {{ $key }}: {{ $value | toString | quote }}
      {{- end }}
    {{- end }}
  {{- if $.Values.security.patchArgo }}
  # Argo's own containers: the restricted profile asks the same of them.
  podSpecPatch: |
    initContainers:
      - name: init
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    containers:
      - name: wait
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
  {{- end }}
  volumes:
    - name: data
      persistentVolumeClaim: {claimName: {{ $.Values.volume.existingClaim | default (printf "%s-data" (include "cronocast.name" $)) }}}
    - {name: tmp, emptyDir: {sizeLimit: 128Mi}}
    {{- range $use, $secret := $.Values.secrets }}
    {{- if $secret }}
    - {name: secret-{{ $use }}, secret: {secretName: {{ $secret }}, defaultMode: 0400}}
    {{- end }}
    {{- end }}
  templates:
    - name: series
      dag:
        tasks:
          - {name: extract, template: extract}
          - {name: classify, template: classify, depends: extract.Succeeded}
          - name: light
            template: forecast
            depends: classify.Succeeded
            withParam: "{{`{{tasks.classify.outputs.parameters.parts-light}}`}}"
            arguments: {parameters: [{name: part, value: "{{`{{item}}`}}"}, {name: class, value: "{{`{{tasks.classify.outputs.parameters.class}}`}}"}]}
          - name: lstm
            template: forecast-lstm
            depends: classify.Succeeded
            withParam: "{{`{{tasks.classify.outputs.parameters.parts-lstm}}`}}"
            arguments: {parameters: [{name: part, value: "{{`{{item}}`}}"}, {name: class, value: "{{`{{tasks.classify.outputs.parameters.class}}`}}"}]}
          - name: select
            template: select
            depends: "(light.Succeeded || light.Skipped) && (lstm.Succeeded || lstm.Skipped)"
            when: "{{`{{=tasks.classify.outputs.parameters.select == 'true'}}`}}"
          - name: load
            template: load
            depends: "(light.Succeeded || light.Skipped) && (lstm.Succeeded || lstm.Skipped) && (select.Succeeded || select.Skipped)"
            when: "{{`{{=tasks.classify.outputs.parameters.work == 'true'}}`}}"
    {{- $overrides := dict "CRONOCAST_MODEL" "{{workflow.parameters.model}}" "CRONOCAST_HORIZON" "{{workflow.parameters.horizon}}" }}
    {{- $part := merge (dict "CRONOCAST_PART" "{{inputs.parameters.part}}") $overrides }}
    {{- $partInputs := "parameters: [{name: part, value: \"\"}, {name: class, value: \"\"}]" }}
    {{- $outputs := list }}
    {{- range $output := list "parts-light" "parts-lstm" "select" "work" "class" }}
    {{- $default := hasPrefix "parts" $output | ternary "[]" (eq $output "class" | ternary "none" "false") }}
    {{- $global := eq $output "class" | ternary ", globalName: class" "" }}
    {{- $outputs = append $outputs (printf "- {name: %s%s, valueFrom: {path: /tmp/outputs/%s, default: %s}}" $output $global $output ($default | quote)) }}
    {{- end }}
    {{- include "cronocast.step" (dict "root" $ "step" "extract" "image" "extract" "kind" "extract" "secrets" (list "source" "ca") "placement" $light) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "step" "classify" "image" "classify" "kind" "classify" "placement" $light "env" (merge (dict "CRONOCAST_OUTPUTS" "/tmp/outputs") $overrides) "outputs" (printf "parameters:\n%s" (join "\n" $outputs))) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "step" "forecast" "image" "forecast" "kind" "forecast" "placement" $light "env" $part "inputs" $partInputs) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "name" "forecast-lstm" "step" "forecast" "image" $heavy.image "kind" "heavy" "placement" (dict "first" $heavy "second" ($placement.light | default dict)) "env" $part "inputs" $partInputs "gpus" $heavy.gpus "gpuResource" $heavy.gpuResource) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "step" "select" "image" "load" "kind" "select" "placement" $light "env" $overrides) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "step" "load" "image" "load" "kind" "load" "secrets" (list "source" "sink" "ca") "placement" $light "env" $overrides) | nindent 4 }}
    {{- include "cronocast.step" (dict "root" $ "step" "record" "image" "load" "kind" "load" "secrets" (list "source" "sink" "ca") "placement" $light "env" (dict "CRONOCAST_STATUS" "{{workflow.status}}" "CRONOCAST_FAILURES" "{{workflow.failures}}")) | nindent 4 }}
    # The same chain as one pod, for series that need light models only: about a third of the overhead of four pods.
    - name: single
      activeDeadlineSeconds: {{ $.Values.schedule.deadlineSeconds }}
      retryStrategy:
        {{- include "cronocast.retry" $ | nindent 8 }}
      {{- include "cronocast.placement" $light | nindent 6 }}
      containerSet:
        volumeMounts: []
        containers:
          {{- $before := "" }}
          {{- range $step := list "extract" "classify" "forecast" "load" }}
          - name: {{ eq $step "load" | ternary "main" $step }}
            {{- with $before }}
            dependencies: [{{ . }}]
            {{- end }}
            {{- $before = $step }}
            {{- include "cronocast.container" (dict "root" $ "step" $step "image" $step "kind" $step "secrets" (get (dict "extract" (list "source" "ca") "load" (list "source" "sink" "ca")) $step | default list) "env" $overrides) | nindent 12 }}
          {{- end }}
{{- end }}
