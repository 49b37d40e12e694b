{{/* How the series of one profile are run: (dict "root" $ "name" PROFILE "placement" VALUES). */}}
{{- define "cronocast.workflowTemplate" }}
{{- $ := .root }}
{{- $profile := .name }}
{{- $light := (.placement.light | default dict) }}
{{- /* Pods whose image and GPUs a profile chooses. */}}
{{- $placed := .placement }}
{{- $chosen := dict }}
{{- range $kind, $image := dict "heavy" "forecast-lstm" "darts" "forecast-darts" }}
{{- $_ := set $chosen $kind (merge (dict) (get $placed $kind | default dict) (dict "image" $image "gpus" 0 "gpuResource" "nvidia.com/gpu")) }}
{{- end }}
{{- $steps := include "cronocast.steps" $ | fromJsonArray }}
{{- $parts := include "cronocast.parts" $ | fromJson }}
{{- /* What steps tell Argo, and what is taken where they tell nothing; the first three of them of the whole run. */}}
{{- $told := dict "class" "none" "verdict" "none" "crossings" "[]" }}
{{- $outputs := merge (dict "select" "false" "work" "false") $told }}
{{- $ended := list }}
{{- range $task, $kind := $parts }}
{{- $_ := set $outputs (printf "parts-%s" $task) "[]" }}
{{- $ended = append $ended (printf "(%s.Succeeded || %s.Skipped)" $task $task) }}
{{- end }}
{{- $ended = join " && " $ended }}
{{- /* Steps of the chain; those of one image that follow each other share a pod, since each pod costs seconds. It is named as the step that is named as its image. */}}
{{- $chain := list }}{{ $groups := list }}
{{- range $steps }}
{{- if .chain }}
{{- $chain = append $chain . }}
{{- $previous := last $groups | default (dict "image" "") }}
{{- if and (eq .image $previous.image) (not (has "part" .flags)) }}
{{- $_ := set $previous "steps" (append $previous.steps .) }}
{{- if eq .name .image }}{{ $_ := set $previous "name" .name }}{{ end }}
{{- else }}
{{- $groups = append $groups (dict "name" .name "image" .image "steps" (list .)) }}
{{- end }}
{{- end }}
{{- end }}
{{- /* What a run leaves without a volume ends with its pod, so that the record of one that went well is written there. */}}
{{- $kept := $.Values.volume.enabled }}
{{- if not $kept }}
{{- range $steps }}
{{- if has "failures" .flags }}
{{- $chain = append $chain (merge (dict "env" (dict "CRONOCAST_STATUS" "Succeeded")) .) }}
{{- $_ := set $outputs "status" "unknown" }}{{ $_ := set $outputs "message" "" }}
{{- $_ := set $told "status" "unknown" }}{{ $_ := set $told "message" "" }}
{{- end }}
{{- end }}
{{- end }}
{{- $annotations := dict "workflows.argoproj.io/title" (printf "Forecast of one series, profile %s" $profile) "workflows.argoproj.io/description" "extract, classify, forecast by the models that the class asks for, each in its image, load" }}
# How a series of profile {{ $profile }} is run. The series themselves are CronWorkflows that point here.
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  {{- include "cronocast.metadata" (dict "root" $ "name" (printf "%s-%s" (include "cronocast.name" $) $profile) "annotations" $annotations) | nindent 2 }}
spec:
  entrypoint: one
  onExit: ending
  serviceAccountName: {{ include "cronocast.account" $ | quote }}
  automountServiceAccountToken: false
  executor: {serviceAccountName: {{ include "cronocast.account" $ | quote }}}
  activeDeadlineSeconds: {{ int64 $.Values.schedule.deadlineSeconds }}
  podGC: {strategy: OnPodSuccess, deleteDelayDuration: 30s}
  {{- if $.Values.monitoring.metrics }}
  metrics:
    {{- include "cronocast.metrics" $ | nindent 4 }}
  {{- end }}
  {{- with include "cronocast.pullSecrets" $ | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  arguments:
    parameters:
      - {name: series, description: "The series document as JSON"}
      - {name: id, description: "Name under which only one run works at a time"}
      - {name: model, value: "", description: "Model instead of the one in the document"}
      - {name: horizon, value: "", description: "Horizon instead of the one in the document, such as 48h"}
      - {name: period-seconds, value: "3600", description: "The longest time between two scheduled runs"}
      - {name: retry-seconds, value: "{{ int64 $.Values.retry.seconds }}", description: "Wait before a step is retried, doubled each time"}
  workflowMetadata:
    labelsFrom:
      # The model as asked for, so that runs can be filtered by it; a label takes letters, digits and a few signs, 63 at most.
      cronocast.io/model:
        expression: >-
          sprig.trimAll('-_.', sprig.trunc(63, sprig.regexReplaceAll('[^A-Za-z0-9_.-]+',
          workflow.parameters.model != '' ? workflow.parameters.model : (fromJSON(workflow.parameters.series).model ?? 'auto'), '-')))
  synchronization:
    mutexes:
      - {name: "{{`{{workflow.parameters.id}}`}}"}
    {{- if $.Values.schedule.parallel }}
    semaphores:
      - configMapKeyRef: {name: "{{ include "cronocast.name" $ }}-parallel", key: runs}
    {{- end }}
  {{- with $.Values.schedule.priorityClass }}
  podPriorityClassName: {{ . | quote }}
  {{- end }}
  securityContext:
    {{- include "cronocast.podSecurity" $ | nindent 4 }}
  podMetadata:
    labels:
      {{- include "cronocast.labels" (dict "root" $ "labels" (dict "cronocast.io/series" "{{workflow.parameters.id}}")) | nindent 6 }}
    # The document stands once at each pod, however many containers read it: Argo puts a template as it is filled in, all containers together, into one
    # variable, of which Linux takes 128 KiB.
    annotations:
      {{- include "cronocast.texts" (merge (dict "cronocast.io/entry" "{{workflow.parameters.series}}") ($.Values.annotations | default dict)) | trim | nindent 6 }}
  {{- if or $.Values.security.patchArgo $.Values.schedule.topologySpread }}
  # Argo's own containers: the restricted profile asks the same of them.
  podSpecPatch: |
    {{- with $.Values.schedule.topologySpread }}
    topologySpreadConstraints: {{ . | toJson }}
    {{- end }}
    {{- if $.Values.security.patchArgo }}
    initContainers:
      - name: init
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    containers:
      - name: wait
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    {{- end }}
  {{- end }}
  volumes:
    {{- include "cronocast.volumes" $ | nindent 4 }}
  templates:
    # All steps in one pod: where the model that was asked for is in another image after all, several.
    {{- $heavy := printf "workflow.parameters.model matches '%s'" (include "cronocast.heavyModels" $) }}
    - name: one
      dag:
        tasks:
          - {name: chain, template: chain, when: "{{ "{{" }}=!({{ $heavy }})}}"}
          - name: many
            template: many
            when: "{{ "{{" }}={{ $heavy }}}}"
          {{- if $.Values.schedule.labelClass }}
          - name: label
            template: labelled
            depends: chain.Succeeded
            when: "{{`{{=tasks.chain.outputs.parameters.work == 'true'}}`}}"
            arguments: {parameters: [{name: class, value: "{{`{{tasks.chain.outputs.parameters.class}}`}}"}]}
          {{- end }}
    - name: many
      dag:
        tasks:
          {{- $before := "" }}
          {{- $work := "" }}
          {{- range $group := $groups }}
          {{- if has "part" (first $group.steps).flags }}
          # No part, no pod: classify says which images have something to forecast, and in how many pods.
          {{- range $task, $kind := $parts }}
          - name: {{ $task }}
            template: {{ $kind.image }}
            depends: {{ $before }}
            withParam: "{{ "{{" }}tasks.classify.outputs.parameters.parts-{{ $task }}}}"
            arguments: {parameters: [{name: part, value: "{{`{{item}}`}}"}, {name: class, value: "{{`{{tasks.classify.outputs.parameters.class}}`}}"}]}
          {{- end }}
          - name: select
            template: select
            depends: "{{ $ended }}"
            when: "{{`{{=tasks.classify.outputs.parameters.select == 'true'}}`}}"
          {{- $work = "{{=tasks.classify.outputs.parameters.work == 'true'}}" }}
          {{- if $.Values.schedule.labelClass }}
          - name: label
            template: labelled
            depends: classify.Succeeded
            when: {{ $work | quote }}
            arguments: {parameters: [{name: class, value: "{{`{{tasks.classify.outputs.parameters.class}}`}}"}]}
          {{- end }}
          {{- $before = printf "%s && (select.Succeeded || select.Skipped)" $ended }}
          {{- if $.Values.schedule.labelClass }}
          {{- $before = printf "%s && (label.Succeeded || label.Skipped)" $before }}
          {{- end }}
          {{- else }}
          - name: {{ $group.name }}
            template: {{ $group.name }}
            {{- with $before }}
            depends: {{ . | quote }}
            {{- end }}
            {{- with $work }}
            when: {{ . | quote }}
            {{- end }}
          {{- $before = printf "%s.Succeeded" $group.name }}
          {{- end }}
          {{- end }}
    {{- $partHead := "metadata: {labels: {cronocast.io/class: \"{{inputs.parameters.class}}\"}}\ninputs: {parameters: [{name: part}, {name: class}]}" }}
    {{- $outputsHead := "outputs:\n  parameters:" }}
    {{- range $output, $default := $outputs }}
    {{- $outputsHead = printf "%s\n    - {name: %s%s, valueFrom: {path: /tmp/outputs/%s, default: %q}}" $outputsHead $output (hasKey $told $output | ternary (printf ", globalName: %s" $output) "") $output $default }}
    {{- end }}
    {{- range $group := $groups }}
    {{- $step := first $group.steps }}
    {{- $env := include "cronocast.stepEnv" $step | fromJson }}
    {{- if has "part" $step.flags }}
    {{- $_ := set $env "CRONOCAST_PART" "{{inputs.parameters.part}}" }}
    {{- range $kind := $parts }}
    {{- $placement := dict "first" $light }}
    {{- $own := get $chosen $kind.pod | default (dict "image" $kind.image "gpus" 0 "gpuResource" "") }}
    {{- if hasKey $chosen $kind.pod }}
    {{- $placement = dict "first" $own "second" $light }}
    {{- end }}
    {{- include "cronocast.step" (dict "root" $ "name" $kind.image "step" $step.name "image" $own.image "kind" $kind.pod "secrets" $step.secrets "placement" $placement "env" $env "head" $partHead "gpus" $own.gpus "gpuResource" $own.gpuResource) | nindent 4 }}
    {{- end }}
    {{- else }}
    {{- $head := eq $group.name "classify" | ternary $outputsHead "" }}
    {{- if gt (len $group.steps) 1 }}
    {{- $seconds := 0 }}
    {{- range $group.steps }}{{ $seconds = add $seconds (int64 (get $.Values.resources .pod).deadlineSeconds) }}{{ end }}
    {{- include "cronocast.set" (dict "root" $ "name" $group.name "steps" $group.steps "seconds" $seconds "placement" (dict "first" $light) "head" $head) | nindent 4 }}
    {{- else }}
    {{- include "cronocast.step" (dict "root" $ "name" $group.name "step" $step.name "image" $step.image "kind" $step.pod "secrets" $step.secrets "placement" (dict "first" $light) "env" $env "head" $head) | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- end }}
    {{- range $step := $steps }}
    {{- if not $step.chain }}
    {{- $env := include "cronocast.stepEnv" $step | fromJson }}
    {{- $head := "" }}
    {{- if has "failures" $step.flags }}
    {{- $head = "outputs:\n  parameters:" }}
    {{- range $output, $default := dict "status" "unknown" "message" "" }}
    {{- $head = printf "%s\n    - {name: %s, globalName: %s, valueFrom: {path: /tmp/outputs/%s, default: %q}}" $head $output $output $output $default }}
    {{- end }}
    {{- if $.Values.volume.enabled }}{{ $_ := set $env "CRONOCAST_KEEP_RUNS" (int64 $.Values.janitor.runs) }}{{ end }}
    {{- if $.Values.monitoring.metrics }}
    {{- $head = printf "metrics:\n  prometheus:\n    - %s\n    - %s\n%s" (include "cronocast.outcomes" $) (include "cronocast.unrecorded" $) $head }}
    {{- end }}
    {{- /* Argo fills a template in twice, the second time with what the first one put there: a mark in a message would be evaluated. */}}
    {{- $env = merge $env (dict "CRONOCAST_STATUS" "{{workflow.status}}" "CRONOCAST_FAILURES" "{{=sprig.trunc(12000, sprig.regexReplaceAll('[{]+', workflow.failures, '{'))}}") }}
    # Always the last to run. Of a long list of failed pods the first 12000 characters do: beside the series document, one variable holds 128 KiB at most.
    {{- end }}
    {{- include "cronocast.step" (dict "root" $ "step" $step.name "image" $step.image "kind" $step.pod "secrets" $step.secrets "placement" (dict "first" $light) "env" $env "head" $head) | nindent 4 }}
    {{- if has "failures" $step.flags }}
    # Of a run that waited until its deadline: neither the claim nor a node that it waited for may keep its record back.
    {{- include "cronocast.step" (dict "root" $ "name" (printf "%s-alone" $step.name) "step" $step.name "image" $step.image "kind" $step.pod "secrets" $step.secrets "placement" (dict "first" (pick $light "tolerations")) "env" $env "head" $head "data" "scratch") | nindent 4 }}
    {{- end }}
    {{- end }}
    {{- end }}
    {{- $waited := "workflow.status != 'Succeeded' && workflow.failures matches 'exceeded its deadline|shutdown with strategy'" }}
    - name: ending
      dag:
        tasks:
          {{- if $kept }}
          - {name: record, template: record, when: "{{ "{{" }}=!({{ $waited }})}}"}
          - {name: record-alone, template: record-alone, when: "{{ "{{" }}={{ $waited }}}}"}
          {{- else }}
          - {name: record-alone, template: record-alone, when: "{{`{{=workflow.status != 'Succeeded'}}`}}"}
          {{- end }}
    {{- if $.Values.schedule.labelClass }}
    # A run whose label could not be set is no worse a run. Steps say so, since a task of a DAG that is skipped takes over that the one before it failed.
    - name: labelled
      inputs: {parameters: [{name: class}]}
      steps:
        - - name: label
            template: label
            arguments: {parameters: [{name: class, value: "{{`{{inputs.parameters.class}}`}}"}]}
            continueOn: {failed: true, error: true}
    # Argo's own patch of the run, as Argo labels runs only at their start. Argo starts no wait container in such a pod, so it must not be patched in.
    - name: label
      activeDeadlineSeconds: 120
      timeout: 120s  # also of waiting for a node or a quota: load waits for this pod
      serviceAccountName: {{ include "cronocast.labelAccount" $ | quote }}
      executor: {serviceAccountName: {{ include "cronocast.labelAccount" $ | quote }}}
      {{- with include "cronocast.placement" (dict "first" $light) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      inputs: {parameters: [{name: class}]}
      podSpecPatch: |
        initContainers:
          # Argo also leaves the patch as a file here, which a read-only root would not take.
          - {name: init, volumeMounts: [{name: tmp-dir-argo, mountPath: /tmp, subPath: init}]}
        containers:
          {{- if $.Values.security.patchArgo }}
          - {name: wait, $patch: delete}
          {{- end }}
          - name: main
            securityContext: {{ include "cronocast.containerSecurity" $ | fromYaml | toJson }}
            resources: {{ include "cronocast.resources" (dict "of" $.Values.resources.select) }}
      resource:
        action: patch
        mergeStrategy: merge
        flags: [workflow, "{{`{{workflow.name}}`}}"]
        manifest: |
          {"metadata": {"labels": {"cronocast.io/class": "{{`{{inputs.parameters.class}}`}}"}}}
    {{- end }}
    # The whole chain as one pod.
    {{- if and $.Values.monitoring.metrics (not $kept) }}
    {{- $outputsHead = printf "metrics:\n  prometheus:\n    - %s\n%s" (include "cronocast.outcomes" $) $outputsHead }}
    {{- end }}
    {{- include "cronocast.set" (dict "root" $ "name" "chain" "steps" $chain "seconds" (int64 $.Values.schedule.deadlineSeconds) "placement" (dict "first" $light) "head" $outputsHead) | nindent 4 }}
{{- end }}
