{{/* Names, labels and the image: each in one place. */}}

{{- define "vramgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, with the chart's appended where it does not say it already. At most 50 characters: suffixes follow. */}}
{{- define "vramgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "vramgate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "vramgate.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "vramgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vramgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "vramgate.commonLabels" -}}
app.kubernetes.io/name: {{ include "vramgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "vramgate.labels" -}}
{{ include "vramgate.commonLabels" . }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "vramgate.scanLabels" -}}
{{ include "vramgate.commonLabels" . }}
app.kubernetes.io/component: scan
{{- end -}}

{{- define "vramgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "vramgate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A digest names one image for ever, so it wins over the tag. */}}
{{- define "vramgate.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- $repository := printf "%s/%s" $registry .Values.image.repository | trimPrefix "/" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "vramgate.isSelfManaged" -}}
{{- if eq .Values.certificates.mode "self-managed" }}true{{ end -}}
{{- end -}}

{{/* The Secret that holds the serving certificate, whoever fills it. */}}
{{- define "vramgate.certificateSecret" -}}
{{- if eq .Values.certificates.mode "existing-secret" -}}
{{- .Values.certificates.existingSecret.name -}}
{{- else -}}
{{- include "vramgate.fullname" . }}-certificate
{{- end -}}
{{- end -}}

{{- define "vramgate.watchesCluster" -}}
{{- if dig "cluster" "watch" true .Values.config }}true{{ end -}}
{{- end -}}

{{/* Whether the pod talks to the API server at all; if not, it gets no token. */}}
{{- define "vramgate.needsApi" -}}
{{- if or (include "vramgate.isSelfManaged" .) (include "vramgate.watchesCluster" .) }}true{{ end -}}
{{- end -}}

{{/* What the container runs as: nothing may be written, nothing gained. */}}
{{- define "vramgate.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# So that the files of a Secret volume can be read without being readable to all.
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "vramgate.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
