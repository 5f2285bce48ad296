{{- define "cluster.name" -}}
{{ default .Release.Name .Values.name }}
{{- end }}

{{- /* A component's part of the spec; values of flags become strings. */ -}}
{{- define "cluster.component" -}}
{{- $component := omit . "flags" }}
{{- if .flags }}
{{- $flags := dict }}
{{- range $flag, $value := .flags }}
{{- $text := toString $value }}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}
{{- $text = printf "%.0f" $value }}
{{- end }}
{{- $_ := set $flags $flag $text }}
{{- end }}
{{- $_ := set $component "flags" $flags }}
{{- end }}
{{- toYaml $component }}
{{- end }}
