{{- define "crosswalk.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .role }}
  labels: {app.kubernetes.io/name: crosswalk, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .role }}}
spec:
  replicas: {{ .values.replicas }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector:
    matchLabels: {app.kubernetes.io/name: crosswalk, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .role }}}
  template:
    metadata:
      labels: {app.kubernetes.io/name: crosswalk, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .role }}}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "7790", prometheus.io/path: /metrics}
    spec:
      terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: {{ .role }}
          image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args:
            - {{ .role }}
            - --temporal={{ .root.Values.temporal.address }}
            - --namespace={{ .root.Values.temporal.namespace }}
            - --operator=0.0.0.0:7790
            - --log=json
            {{- if .listen }}
            - --listen=0.0.0.0:{{ .listen }}
            {{- end }}
            {{- if and (eq .role "desk") .root.Values.temporal.ui }}
            - --temporal-ui={{ .root.Values.temporal.ui }}
            {{- end }}
            {{- range .values.arguments }}
            - {{ . | quote }}
            {{- end }}
          envFrom:
            - secretRef: {name: {{ .root.Values.connection.secret }}}
            {{- range .root.Values.environmentFrom }}
            - secretRef: {name: {{ . }}}
            {{- end }}
          env:
            {{- range $name, $value := .root.Values.environment }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
          ports:
            - {name: operator, containerPort: 7790}
            {{- if .listen }}
            - {name: http, containerPort: {{ .listen }}}
            {{- end }}
            {{- range .values.mailPorts }}
            - {name: mail-{{ . }}, containerPort: {{ . }}}
            {{- end }}
          livenessProbe: {httpGet: {path: /healthz, port: operator}, periodSeconds: 10, failureThreshold: 6}
          readinessProbe: {httpGet: {path: /readyz, port: operator}, periodSeconds: 5}
          resources: {{ .values.resources | toJson }}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
{{- end -}}

{{- define "crosswalk.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .root.Release.Name }}-{{ .role }}
  labels: {app.kubernetes.io/name: crosswalk, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .role }}}
spec:
  selector: {app.kubernetes.io/name: crosswalk, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .role }}}
  ports:
    - {name: http, port: 80, targetPort: http}
    {{- range .values.mailPorts }}
    - {name: mail-{{ . }}, port: {{ . }}, targetPort: mail-{{ . }}}
    {{- end }}
{{- end -}}
