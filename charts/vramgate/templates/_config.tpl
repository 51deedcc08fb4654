{{/* The configuration file: the operator's `config`, and what only the chart can know. */}}
{{- define "vramgate.config" -}}
{{- toYaml .Values.config -}}
{{- end -}}

{{/* Drain, then the time for what is still open, then a margin for the process itself. */}}
{{- define "vramgate.graceSeconds" -}}
{{- add (dig "server" "drainSeconds" 12 .Values.config) (dig "server" "stopSeconds" 15 .Values.config) 10 -}}
{{- end -}}
