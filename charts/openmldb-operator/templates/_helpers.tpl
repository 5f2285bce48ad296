{{- define "operator.selector" -}}
app.kubernetes.io/name: openmldb-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default .Release.Name .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- /*
One operator acts at a time in the same namespaces, of whatever release it is: all that watch them contend for the same
Lease, so neither its name nor its namespace may depend on the release.
*/ -}}
{{- define "operator.leaseName" -}}
openmldb-operator
{{- end }}

{{- define "operator.leaseNamespace" -}}
{{ .Values.leaderElection.namespace | default .Values.watchNamespace | default "kube-system" }}
{{- end }}

{{- /* Settings that have a value of their own: in config they would part what has to agree. */ -}}
{{- define "operator.checkConfig" -}}
{{- range $key, $instead := dict "watch-namespace" "watchNamespace" "lease-namespace" "leaderElection.namespace" "lease-name" "" "leader-elect" "" }}
{{- if hasKey $.Values.config $key }}
{{- if $instead }}
{{- fail (printf "config.%s cannot be set: use %s" $key $instead) }}
{{- else }}
{{- fail (printf "config.%s cannot be set: operators that watch the same namespaces must contend for the same Lease, or two of them act at once" $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Names of what is not in a namespace: releases of the same name in two namespaces must not meet. */ -}}
{{- define "operator.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
