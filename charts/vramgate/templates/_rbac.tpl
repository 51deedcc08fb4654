{{/* Reading what the inventory is made of; nothing is written. */}}
{{- define "vramgate.inventoryRules" -}}
- apiGroups: [""]
  resources: [nodes, namespaces]
  verbs: [list, watch]
# Optional: where one of these APIs is missing or forbidden, the inventory goes without it and says so.
- apiGroups: [resource.k8s.io]
  resources: [resourceslices, deviceclasses]
  verbs: [list, watch]
- apiGroups: [karpenter.sh]
  resources: [nodepools]
  verbs: [list, watch]
- apiGroups: [karpenter.k8s.aws]
  resources: [ec2nodeclasses]
  verbs: [list, watch]
- apiGroups: [cloud.google.com]
  resources: [computeclasses]
  verbs: [list, watch]
- apiGroups: [kueue.x-k8s.io]
  resources: [resourceflavors]
  verbs: [list, watch]
{{- end -}}
