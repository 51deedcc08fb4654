{{/*
One webhook entry. root; name; path; failurePolicy; timeoutSeconds; only: what of failClosed this entry serves:
"enforced" namespaces, the "others", or "" for all.
*/}}
{{- define "vramgate.webhook" -}}
{{- $root := .root -}}
name: {{ .name }}
admissionReviewVersions: [v1]
clientConfig:
  {{- if eq $root.Values.certificates.mode "existing-secret" }}
  caBundle: {{ $root.Values.certificates.existingSecret.caBundle | b64enc }}
  {{- end }}
  service:
    name: {{ include "vramgate.fullname" $root }}
    namespace: {{ $root.Release.Namespace }}
    path: {{ .path }}
    port: {{ $root.Values.service.port }}
failurePolicy: {{ .failurePolicy }}
matchPolicy: Equivalent
sideEffects: None
timeoutSeconds: {{ .timeoutSeconds }}
namespaceSelector:
  {{- include "vramgate.namespaceSelector" . | nindent 2 }}
rules:
  {{- include "vramgate.rules" $root | nindent 2 }}
matchConditions:
  {{- include "vramgate.matchConditions" $root | nindent 2 }}
{{- end -}}

{{/* Main resources only: no subresource, no DELETE, no CONNECT. */}}
{{- define "vramgate.rules" -}}
{{- range (.Files.Get "files/kinds.yaml" | fromYaml).kinds }}
- apiGroups: [{{ .group | quote }}]
  apiVersions: [{{ .version }}]
  operations: [CREATE, UPDATE]
  resources: [{{ .resource }}]
  scope: Namespaced
{{- end }}
{{- end -}}

{{/*
The first expression is mandatory: it goes by a label that the API server writes and users cannot forge, and values
can only add to it, since expressions are ANDed.
*/}}
{{- define "vramgate.namespaceSelector" -}}
{{- $values := .root.Values.webhooks -}}
{{- with $values.namespaceSelector.matchLabels }}
matchLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values:
      {{- concat (list "kube-system" "kube-node-lease" .root.Release.Namespace) $values.excludedNamespaces | uniq | toYaml | nindent 6 }}
  {{- if .only }}
  {{- $operator := eq .only "enforced" | ternary "In" "NotIn" }}
  {{- if $values.failClosed.namespaces }}
  - key: kubernetes.io/metadata.name
    operator: {{ $operator }}
    values:
      {{- toYaml $values.failClosed.namespaces | nindent 6 }}
  {{- else }}
  - key: vramgate.io/mode
    operator: {{ $operator }}
    values: [enforce]
  {{- end }}
  {{- end }}
  {{- with $values.namespaceSelector.matchExpressions }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* cert-manager's injector writes the caBundle of the configuration that carries this. */}}
{{- define "vramgate.webhookAnnotations" -}}
{{- if eq .Values.certificates.mode "cert-manager" }}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "vramgate.fullname" . }}
{{- end }}
{{- end -}}
