{{/* A mapping with another laid over it, as JSON: key by key, null removes; any other value replaces what was there: (dict "base" MAP "over" MAP). */}}
{{- define "cronocast.merged" -}}
{{- $merged := deepCopy .base -}}
{{- range $key, $value := .over -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $merged $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $merged $key)) -}}
{{- $_ := set $merged $key (include "cronocast.merged" (dict "base" (get $merged $key) "over" $value) | fromJson) -}}
{{- else -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $merged -}}
{{- end }}

{{/* The series that run, as JSON; null takes one out. Helm itself drops a null or keeps it, by its version and where it stands. */}}
{{- define "cronocast.seriesNames" -}}
{{- $names := list -}}
{{- range $name, $own := .Values.series -}}
{{- if not (kindIs "invalid" $own) }}{{ $names = append $names $name }}{{ end -}}
{{- end -}}
{{- $names | sortAlpha | toJson -}}
{{- end }}

{{/* The document of one series as JSON: defaults, its own settings over them, its name: (dict "root" $ "name" NAME). */}}
{{- define "cronocast.entry" -}}
{{- $own := get .root.Values.series .name | default dict -}}
{{- $entry := include "cronocast.merged" (dict "base" (.root.Values.defaults | default dict) "over" $own) | fromJson -}}
{{- set $entry "name" .name | toJson -}}
{{- end }}

{{/* JSON in which Argo finds no tag and Kubernetes no reference to a variable ($(x), and $$ for $): both marks stand as escapes. */}}
{{- define "cronocast.inert" -}}
{{- . | replace "{{" "{\\u007b" | replace "$" "\\u0024" -}}
{{- end }}

{{/* The models of a document that other images than the light ones carry, as JSON. */}}
{{- define "cronocast.heavyOf" -}}
{{- $heavy := list -}}
{{- range $model := prepend (.candidates | default list) (.model | default "auto") -}}
{{- if regexMatch (include "cronocast.heavyModels" $) $model }}{{ $heavy = append $heavy $model }}{{ end -}}
{{- end -}}
{{- toJson $heavy -}}
{{- end }}

{{/* Where a run of a series begins, "one" or "many" pods: the text of its document. */}}
{{- define "cronocast.pods" -}}
{{- $entry := fromJson . -}}
{{- $light := and (le (int ($entry.shards | default 1)) 1) (empty (include "cronocast.heavyOf" $entry | fromJsonArray)) -}}
{{- eq ($entry.pods | default "auto") "auto" | ternary (ternary "one" "many" $light) $entry.pods -}}
{{- end }}

{{/* Name of a series' CronWorkflow: the series' own name where Kubernetes takes it, else a slug and a hash of the exact name. */}}
{{- define "cronocast.cronName" -}}
{{- if regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" . -}}
{{- . -}}
{{- else -}}
{{- printf "%s-%s" (regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" | trunc 32 | trimSuffix "-" | default "series") (sha256sum . | trunc 8) -}}
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
{{- $every := trimPrefix "H/" . | atoi | int64 -}}
{{- $minutes = append $minutes (printf "%s-59/%d" (include "cronocast.hash" (dict "name" $.name "below" $every)) $every) -}}
{{- else -}}
{{- $minutes = append $minutes . -}}
{{- end -}}
{{- end -}}
{{- prepend (splitList " " .schedule | rest) (join "," $minutes) | join " " -}}
{{- end }}

{{/* Port of a server by its URL. */}}
{{- define "cronocast.port" -}}
{{- regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default (hasPrefix "https:" (lower .) | ternary "443" "80") -}}
{{- end }}

{{/* Ports of the servers that the series name, as JSON; where series come over HTTP also those of defaults. Of a notifier whose address is a secret it is that of https. */}}
{{- define "cronocast.ports" -}}
{{- $ports := list -}}
{{- range $name := include "cronocast.seriesNames" . | fromJsonArray -}}
{{- $entry := include "cronocast.entry" (dict "root" $ "name" $name) | fromJson -}}
{{- range $server := list $entry.source $entry.sink -}}
{{- with ($server | default dict).url }}{{ $ports = append $ports (include "cronocast.port" .) }}{{ end -}}
{{- end -}}
{{- range $notifier := $entry.notify -}}
{{- if eq $notifier.kind "email" -}}
{{- $ports = append $ports ($notifier.port | default 587 | int | toString) -}}
{{- else if ne $notifier.kind "file" -}}
{{- $ports = append $ports (include "cronocast.port" ($notifier.url | default "https://host")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.serve.enabled .Values.serve.api.enabled -}}
{{- range $server := list (.Values.defaults | default dict).source (.Values.defaults | default dict).sink -}}
{{- with ($server | default dict).url }}{{ $ports = append $ports (include "cronocast.port" .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end }}
