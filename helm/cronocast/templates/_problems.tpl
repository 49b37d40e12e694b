{{/* What no schema can say about the values: one problem a line, each with its path, the value seen and what would be right. */}}
{{- define "cronocast.problems" -}}
{{- range $key, $value := omit .Values "series" "defaults" "global" }}
{{- if contains "{{" (toJson $value) }}
E_UNRENDERED {{ $key }}: holds {{ "{{" }}, which Argo would fill in; allowed: plain text
{{- end }}
{{- end }}
{{- with include "cronocast.cronFault" .Values.janitor.schedule }}
E_CRON janitor.schedule: {{ . }}; allowed: five fields such as '23 3 * * *'
{{- end }}
{{- with include "cronocast.cronFault" .Values.tend.schedule }}
E_CRON tend.schedule: {{ . }}; allowed: five fields such as '*/5 * * * *'
{{- end }}
{{- if contains "H" .Values.tend.schedule }}
E_CRON tend.schedule: {{ quote .Values.tend.schedule }} has an H, which is for series; allowed: five fields such as '*/5 * * * *'
{{- end }}
{{- if contains "H" .Values.janitor.schedule }}
E_CRON janitor.schedule: {{ quote .Values.janitor.schedule }} has an H, which is for series; allowed: five fields such as '23 3 * * *'
{{- end }}
{{- range $name := list "source" "sink" "ca" "notify" }}
{{- if hasKey ($.Values.secrets.more | default dict) $name }}
E_NAME secrets.more.{{ $name }}: is the name of a Secret of the chart; give it another name
{{- end }}
{{- end }}
{{- if hasSuffix ":latest" (printf ":%s" .Values.image.tag) }}
E_IMAGE image.tag: "latest" is another image tomorrow; allowed: a version, or digests
{{- end }}
{{- if and .Values.serve.enabled .Values.serve.api.enabled }}
{{- range $name := list "tokensSecret" "allowedHosts" }}
{{- if not (get $.Values.serve.api $name) }}
E_CONFIG_MISSING serve.api.{{ $name }}: not given although serve.api.enabled; {{ eq $name "allowedHosts" | ternary "name the hosts of the databases that series may name" "name the Secret that says who may ask" }}
{{- end }}
{{- end }}
{{- end }}
{{- range $i, $actual := .Values.serve.rules.actuals }}
{{- if not (has $actual.series (include "cronocast.seriesNames" $ | fromJsonArray)) }}
E_CONFIG_CHOICE serve.rules.actuals[{{ $i }}].series: {{ quote $actual.series }} is no series; allowed: a key of series
{{- end }}
{{- end }}
{{- range $step, $kind := .Values.resources }}
{{- range $name := list "cpu" "memory" "ephemeral-storage" }}
{{- $wanted := get ($kind.requests | default dict) $name }}{{ $limit := get ($kind.limits | default dict) $name }}
{{- if and $wanted $limit (gt (include "cronocast.amount" $wanted | float64) (include "cronocast.amount" $limit | float64)) }}
E_RESOURCES resources.{{ $step }}.limits.{{ $name }}: {{ $limit }} is below the request of {{ $wanted }}; allowed: that or more
{{- end }}
{{- end }}
{{- range $name := list "memory" "ephemeral-storage" }}
{{- range $part := list "requests" "limits" }}
{{- $size := get (get $kind $part | default dict) $name }}
{{- if and $size (not (regexMatch "[kMGT]i?$" $size)) }}
E_RESOURCES resources.{{ $step }}.{{ $part }}.{{ $name }}: {{ $size }} would be bytes; allowed: a size with a unit, such as 256Mi
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $profile := .Values.profiles }}
{{- if gt (add (len $name) (len (include "cronocast.name" $))) 57 }}
E_NAME profiles.{{ $name }}: with the release's name in front it is too long for a label; give a shorter name
{{- end }}
{{- end }}
{{- $known := dict }}
{{- /* As in document/yaml_file.py. */}}
{{- $renamed := `^(true|false|-?(0|[1-9][0-9]*)([.][0-9]*[1-9])?(e[+-][0-9]{2,3})?|-?[.]inf|[.]nan)$` }}
{{- include "cronocast.keyProblems" (dict "at" "" "of" (omit .Values "global") "renamed" $renamed) }}
{{- range $name := include "cronocast.seriesNames" . | fromJsonArray }}
{{- $cron := include "cronocast.cronName" $name }}
{{- if contains "{{" $name }}
E_UNRENDERED series.{{ $name }}: holds a template placeholder; allowed: a name without {{ "{{" }}
{{- end }}
{{- if gt (len $cron) 52 }}
E_NAME series.{{ $name }}: the name has {{ len $cron }} characters; Argo starts nothing whose name has more than 52, so give the series a shorter key
{{- end }}
{{- with get $known $cron }}
E_NAME series.{{ $name }}: would be called {{ $cron }}, as series {{ . }} is; give one of them another key
{{- end }}
{{- $_ := set $known $cron (toJson $name) }}
{{- if not (get $.Values.series $name) }}
E_CONFIG_MISSING series.{{ $name }}: {} says nothing of this series; name what it does not share with defaults, or null to take it out
{{- end }}
{{- include "cronocast.entryProblems" (dict "root" $ "name" $name) }}
{{- end }}
{{- end }}

{{/* Keys that Helm may have made of others, at any depth: (dict "at" PATH "of" VALUE "renamed" PATTERN). */}}
{{- define "cronocast.keyProblems" -}}
{{- range $key, $value := .of }}
{{- $at := printf "%s.%s" $.at $key | trimPrefix "." }}
{{- if regexMatch $.renamed $key }}
{{ eq $.at "series" | ternary "E_SERIES_NAME" "E_CONFIG_KEY" }} {{ $at }}: {{ quote $key }} is what Helm makes of keys such as 08, 1e3 or y, and the chart can't tell them apart; put it in quotes, or where it is {{ quote $key }} itself give it another name
{{- end }}
{{- if kindIs "map" $value }}
{{- include "cronocast.keyProblems" (dict "at" $at "of" $value "renamed" $.renamed) }}
{{- else if kindIs "slice" $value }}
{{- range $i, $item := $value }}
{{- if kindIs "map" $item }}
{{- include "cronocast.keyProblems" (dict "at" (printf "%s[%d]" $at $i) "of" $item "renamed" $.renamed) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The same for one series: (dict "root" $ "name" NAME). */}}
{{- define "cronocast.entryProblems" -}}
{{- $text := include "cronocast.entry" . }}{{ $entry := fromJson $text }}{{ $source := $entry.source | default dict }}
{{- $at := printf "series.%s" .name }}
{{- /* As in document/carried.py. */}}
{{- $carried := include "cronocast.inert" $text | len }}
{{- if gt $carried 100000 }}
E_CONFIG_SIZE {{ $at }}: {{ $carried }} bytes as pods get it; allowed: at most 100000
{{- end }}
{{- $kinds := include "cronocast.kinds" . | fromJson }}{{ $sink := $entry.sink | default dict }}
{{- $kind := $source.kind | default $kinds.source.usual }}{{ $sinkKind := $sink.kind | default $kinds.sink.usual }}
{{- range concat (get $kinds.source.required $kind | default list) (ternary (list "measurement" "field") list (and (eq $kind "influxql") (empty $source.query))) }}
{{- if not (get $source .) }}
E_CONFIG_MISSING {{ $at }}.source.{{ . }}: given neither here nor in defaults{{ has . (list "measurement" "field") | ternary "; name it, or give a query" "" }}
{{- end }}
{{- end }}
{{- range get $kinds.sink.required $sinkKind | default list }}
{{- if not (get $sink .) }}
E_CONFIG_MISSING {{ $at }}.sink.{{ . }}: given neither here nor in defaults
{{- end }}
{{- end }}
{{- $family := get $kinds.source.family $kind }}
{{- if or (not $family) (ne $family (get $kinds.sink.family $sinkKind | toString)) }}
{{- range get $kinds.sink.taken $sinkKind | default list }}
{{- if not (get $sink .) }}
E_CONFIG_MISSING {{ $at }}.sink.{{ . }}: not given, and a source of kind {{ $kind }} is no place to write to; name the one that takes the forecast
{{- end }}
{{- end }}
{{- end }}
{{- /* As influx_names.measurement_fault says. */}}
{{- $target := $sink.measurement | default (printf "%s_forecast" ($source.measurement | default .name)) }}
{{- if and (eq $sinkKind "influx") (regexMatch `^[/$#]|[";]|\\[,= ]|^.{256}` $target) }}
E_IDENT {{ $at }}.sink.measurement: {{ quote $target }} can't be a name; allowed: at most 255 characters without ", ;, a leading /, $ or #, or a backslash before a comma, blank or equals sign
{{- end }}
{{- range $entry.schedules }}
{{- with include "cronocast.cronFault" . }}
E_CRON {{ $at }}.schedules: {{ . }}; allowed: five fields such as 'H * * * *' or '*/30 6-18 * * 1-5', days of the week 0 (Sunday) to 6, ranges ascending
{{- end }}
{{- end }}
{{- range $path, $zone := dict "timezone" $entry.timezone "calendar.timezone" ($entry.calendar | default dict).timezone }}
{{- if include "cronocast.unknownZone" $zone }}
E_TZ {{ $at }}.{{ $path }}: {{ quote $zone }} is not an IANA zone; allowed: UTC, Europe/Berlin, America/New_York, ...
{{- end }}
{{- end }}
{{- $profile := $entry.profile | default "cpu" }}
{{- if not (hasKey .root.Values.profiles $profile) }}
E_CONFIG_CHOICE {{ $at }}.profile: {{ $profile | quote }} is not under profiles; known: {{ keys .root.Values.profiles | sortAlpha | join ", " }}
{{- end }}
{{- /* As in document/pods.py. */}}
{{- if eq ($entry.pods | default "auto") "one" }}
{{- if gt (int ($entry.shards | default 1)) 1 }}
E_CONFIG_CROSS {{ $at }}.pods: one although shards is {{ int $entry.shards }}, each of them a pod; allowed: auto or many, or shards: 1
{{- end }}
{{- range $model := include "cronocast.heavyOf" $entry | fromJsonArray }}
E_CONFIG_CROSS {{ $at }}.pods: one although {{ $model }} is in another image than the light models; allowed: auto or many
{{- end }}
{{- end }}
{{- if and (not .root.Values.volume.enabled) (ne (include "cronocast.pods" $text) "one") }}
E_CONFIG_CROSS {{ $at }}: runs as several pods, which share a volume, although volume.enabled is false; allowed: pods: one or auto, one shard, light models
{{- end }}
{{- range $name, $words := include "cronocast.gone" . | fromJson }}
{{- if hasKey $entry $name }}
E_CONFIG_UNKNOWN_KEY {{ $at }}.{{ $name }}: is not a setting; {{ trimSuffix "; " $words }}
{{- end }}
{{- end }}
{{- end }}

{{/* What is wrong with a schedule of five fields, "" if nothing: numbers out of range, or a day that no month has. */}}
{{- define "cronocast.cronFault" -}}
{{- $text := . }}{{ $fields := splitList " " . -}}
{{- $edges := list (list 0 59) (list 0 23) (list 1 31) (list 1 12) (list 0 6) -}}
{{- $wrong := "" }}{{ $days := list }}{{ $months := list -}}
{{- range $i, $field := $fields -}}
{{- range $part := splitList "," $field -}}
{{- if not (and (eq $i 0) (regexMatch "^H(/([1-9]|[1-5][0-9]))?$" $part)) -}}
{{- $numbers := include "cronocast.cronNumbers" (prepend (index $edges $i) $part) | fromJsonArray -}}
{{- if and (not $numbers) (not $wrong) }}{{ $wrong = printf "field %d of %q is %q" (add1 $i) $text $part }}{{ end -}}
{{- if eq $i 2 }}{{ $days = concat $days $numbers }}{{ else if eq $i 3 }}{{ $months = concat $months $numbers }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $comes := ne (last $fields) "*" -}}
{{- range $month := $months -}}
{{- $longest := get (dict "2" 29 "4" 30 "6" 30 "9" 30 "11" 30) (toString $month) | default 31 | float64 -}}
{{- range $days }}{{ $comes = or $comes (le . $longest) }}{{ end -}}
{{- end -}}
{{- $wrong | default ($comes | ternary "" (printf "%q never occurs" $text)) -}}
{{- end }}

{{/* "yes" for a time zone that Helm does not know: it takes UTC for one. "" for all where it has no list of zones. */}}
{{- define "cronocast.unknownZone" -}}
{{- $day := toDate "2006-01-02" "2026-01-15" -}}
{{- if and . (not (has . (list "UTC" "Etc/UTC" "Etc/UCT" "Etc/Universal" "Etc/Zulu"))) -}}
{{- if and (ne (dateInZone "MST" $day "Asia/Tokyo") "UTC") (eq (dateInZone "MST" $day .) "UTC") }}yes{{ end -}}
{{- end -}}
{{- end }}

{{/* The numbers that one part of a field names as JSON, none where it is wrong: (list TEXT LOW HIGH). */}}
{{- define "cronocast.cronNumbers" -}}
{{- $part := index . 0 }}{{ $low := index . 1 }}{{ $high := index . 2 }}{{ $numbers := list -}}
{{- if regexMatch "^(\\*|[0-9]{1,2}(-[0-9]{1,2})?)(/(0?[1-9]|[1-9][0-9]))?$" $part -}}
{{- $ends := regexFindAll "[0-9]+" (splitList "/" $part | first) -1 -}}
{{- $first := first $ends | default (toString $low) | atoi -}}
{{- $single := and (contains "/" $part) (eq (len $ends) 1) -}}
{{- $last := $single | ternary (toString $high) (last $ends | default (toString $high)) | atoi -}}
{{- if and (ge $first $low) (le $last $high) }}{{ $numbers = untilStep $first (add1 $last | int) (regexFind "/[0-9]+$" $part | trimPrefix "/" | default "1" | atoi) }}{{ end -}}
{{- end -}}
{{- toJson $numbers -}}
{{- end }}

{{/* A quantity as a number: 500m, 2, 64Mi, 1G. */}}
{{- define "cronocast.amount" -}}
{{- $factors := dict "m" 0.001 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- mulf (regexFind "^[0-9.]+" . | float64) (get $factors (regexReplaceAll "^[0-9.]+" . "")) -}}
{{- end }}
