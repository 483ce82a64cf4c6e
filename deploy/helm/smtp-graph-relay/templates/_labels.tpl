{{- define "relay.selector" -}}
app.kubernetes.io/name: smtp-relay-{{ .part }}
app.kubernetes.io/part-of: smtp-relay
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "relay.labels" -}}
{{ include "relay.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{- define "relay.image" -}}
{{ with .root.Values.image.registry }}{{ . }}/{{ end }}smtp-graph-relay-{{ .part }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "relay.dns" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
  to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
{{- end -}}
