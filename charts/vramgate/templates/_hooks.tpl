{{/* Metadata of a hook and of all that it needs. root; name; namespace (left out: cluster-scoped); component; hook; weight. */}}
{{- define "vramgate.hookMetadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "vramgate.commonLabels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
annotations:
  helm.sh/hook: {{ .hook }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* root; account; scripts (name of the ConfigMap); command (list after the file name). */}}
{{- define "vramgate.hookPodSpec" -}}
{{- $root := .root -}}
restartPolicy: Never
serviceAccountName: {{ .account }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "vramgate.podSecurityContext" $root | nindent 2 }}
containers:
  - name: script
    image: {{ include "vramgate.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command:
      - /nodejs/bin/node
      {{- toYaml .command | nindent 6 }}
    resources:
      {{- toYaml $root.Values.resources | nindent 6 }}
    securityContext:
      {{- include "vramgate.containerSecurityContext" $root | nindent 6 }}
    volumeMounts:
      - name: scripts
        mountPath: /scripts
        readOnly: true
volumes:
  - name: scripts
    configMap:
      name: {{ .scripts }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
