{{/*
matchConditions, built from files/kinds.yaml. Every step of a path is guarded by has(): a condition that errs is a
refusal under failurePolicy Fail and a skipped review under Ignore. `object` is null on DELETE, `oldObject` on CREATE.
*/}}

{{/* CEL: the metadata below `at`, reached by `steps`, carries one of our keys. */}}
{{- define "vramgate.cel.carries" -}}
{{- if .steps -}}
{{- $step := first .steps -}}
{{- if hasSuffix "[]" $step -}}
{{- $list := printf "%s.%s" .at (trimSuffix "[]" $step) -}}
has({{ $list }}) && {{ $list }}.exists(item, {{ include "vramgate.cel.carries" (dict "at" "item" "steps" (rest .steps)) }})
{{- else -}}
{{- $field := printf "%s.%s" .at $step -}}
has({{ $field }}) && {{ include "vramgate.cel.carries" (dict "at" $field "steps" (rest .steps)) }}
{{- end -}}
{{- else -}}
has({{ .at }}.metadata) && has({{ .at }}.metadata.annotations) && {{ .at }}.metadata.annotations.exists(key, key.startsWith('vramgate.io/'))
{{- end -}}
{{- end -}}

{{/* CEL: one of our keys on the object or on one of its pod templates, before or after the request. */}}
{{- define "vramgate.cel.isOurs" -}}
{{- $byPath := dict -}}
{{- range $kind := (.Files.Get "files/kinds.yaml" | fromYaml).kinds -}}
{{- range $path := $kind.templates -}}
{{- $_ := set $byPath $path (append (default list (get $byPath $path)) (squote $kind.kind)) -}}
{{- end -}}
{{- end -}}
[object, oldObject].exists(o, o != null && (
  ({{ include "vramgate.cel.carries" (dict "at" "o" "steps" list) }})
{{- range $path, $kinds := $byPath }}
  || (request.kind.kind in [{{ join ", " $kinds }}] && {{ include "vramgate.cel.carries" (dict "at" "o" "steps" (splitList "." $path)) }})
{{- end }}
))
{{- end -}}

{{/* CEL: not controlled by an object of a kind that is registered itself; any version of it counts. */}}
{{- define "vramgate.cel.isNotOwned" -}}
{{- $byGroup := dict -}}
{{- range $kind := (.Files.Get "files/kinds.yaml" | fromYaml).kinds -}}
{{- $_ := set $byGroup $kind.group (append (default list (get $byGroup $kind.group)) (squote $kind.kind)) -}}
{{- end -}}
object == null || !has(object.metadata.ownerReferences) || !object.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller && (
{{- $or := "" }}
{{- range $group, $kinds := $byGroup }}
  {{ $or }}({{ if $group }}owner.apiVersion.startsWith('{{ $group }}/'){{ else }}!owner.apiVersion.contains('/'){{ end }} && owner.kind in [{{ join ", " $kinds }}])
{{- $or = "|| " }}
{{- end }}
))
{{- end -}}

{{/* With unannotated: warn or judge, every workload of these kinds is looked at. */}}
{{- define "vramgate.matchConditions" -}}
- name: not-owned-by-a-judged-kind
  expression: |-
    {{- include "vramgate.cel.isNotOwned" . | nindent 4 }}
{{- if eq (dig "policy" "unannotated" "ignore" .Values.config) "ignore" }}
- name: carries-a-vramgate-annotation
  expression: |-
    {{- include "vramgate.cel.isOurs" . | nindent 4 }}
{{- end }}
{{- end -}}
