{{/* Names. */}}

{{- define "dormant.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "dormant.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $name = .Release.Name -}}
{{- else -}}
{{- $name = printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- include "dormant.short" $name -}}
{{- end -}}

{{/* A name of at most 52 characters, as many as a CronJob's may have. A longer one ends with its digest, so that two of them stay apart. */}}
{{- define "dormant.short" -}}
{{- if gt (len .) 52 -}}
{{- printf "%s-%s" (. | trunc 43 | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* Everything below takes a dict: root, the chart's context, and target, one of .Values.targets. */}}

{{- define "dormant.target.name" -}}
{{- include "dormant.short" (printf "%s-%s" (include "dormant.fullname" .root) .target.name) -}}
{{- end -}}

{{/* Of the Secret, if there is one. */}}
{{- define "dormant.target.secret" -}}
{{- if .target.existingSecret -}}
{{- .target.existingSecret -}}
{{- else if .target.secret -}}
{{- include "dormant.target.name" . -}}
{{- end -}}
{{- end -}}

{{/* A Job can't be changed, so its name ends with a digest of what it is: another one takes its place. */}}
{{- define "dormant.target.job" -}}
{{- printf "%s-%s" (include "dormant.target.name" .) (include "dormant.jobSpec" . | sha256sum | trunc 8) -}}
{{- end -}}

{{/* What runs: run, daemon or audit. */}}
{{- define "dormant.command" -}}
{{- if eq .Values.kind "Deployment" -}}daemon
{{- else if eq .Values.kind "CronJob" -}}run
{{- else -}}{{ .Values.job.command }}
{{- end -}}
{{- end -}}

{{/* Labels. */}}

{{- define "dormant.selector" -}}
app.kubernetes.io/name: {{ include "dormant.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "dormant.target.selector" -}}
{{ include "dormant.selector" .root }}
dormant/target: {{ .target.name | quote }}
{{- end -}}

{{/* Takes root, and target and labels if there are any. The chart's own ones count most: the selectors need them. */}}
{{- define "dormant.labels" -}}
{{- $chart := .root.Chart -}}
{{- $own := include "dormant.selector" .root | fromYaml -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $chart.Name $chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- $_ := set $own "app.kubernetes.io/version" $chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- with .target -}}{{- $_ := set $own "dormant/target" .name -}}{{- end -}}
{{- include "dormant.oneMap" (list .root.Values.commonLabels .labels $own) -}}
{{- end -}}

{{/* Several maps in one; what is further behind counts. Not merge: it takes false and 0 for nothing, and a limit of 0 would become another one. */}}
{{- define "dormant.oneMap" -}}
{{- $map := dict -}}
{{- range . -}}{{- range $key, $value := . -}}{{- $_ := set $map $key $value -}}{{- end -}}{{- end -}}
{{- toYaml $map -}}
{{- end -}}

{{/* Of a Pod; command as well. */}}
{{- define "dormant.target.podLabels" -}}
{{- $own := include "dormant.target.selector" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/component" .command -}}
{{- include "dormant.oneMap" (list .root.Values.commonLabels .root.Values.podLabels $own) -}}
{{- end -}}

{{/* What a target says in place of the chart. */}}

{{- define "dormant.target.dryRun" -}}
{{- $dry := .root.Values.dryRun -}}
{{- if hasKey .target "dryRun" -}}{{- $dry = .target.dryRun -}}{{- end -}}
{{- if eq (toString $dry) "false" -}}false{{- else -}}true{{- end -}}
{{- end -}}

{{- define "dormant.target.suspend" -}}
{{- $suspend := .root.Values.suspend -}}
{{- if hasKey .target "suspend" -}}{{- $suspend = .target.suspend -}}{{- end -}}
{{- $suspend -}}
{{- end -}}

{{- define "dormant.target.schedule" -}}
{{- $minute := mod (include "dormant.target.name" . | sha256sum | adler32sum | int64) 60 -}}
{{- regexReplaceAll "^H " (.target.schedule | default .root.Values.schedule) (printf "%d " $minute) -}}
{{- end -}}

{{- define "dormant.target.timeZone" -}}
{{- .target.timeZone | default .root.Values.timeZone -}}
{{- end -}}

{{/* The allowlist as a file; nothing if it has no entry. */}}
{{- define "dormant.target.allowlist" -}}
{{- range concat (.root.Values.allowlist | default list) (.target.allowlist | default list) | uniq -}}
{{ . }}
{{ end -}}
{{- end -}}

{{/* The settings as a map. */}}
{{- define "dormant.target.settings" -}}
{{- $own := .target.settings | default dict -}}
{{- $settings := .root.Values.settings | default dict -}}
{{- if or (hasKey $own "INACTIVE_FOR") (hasKey $own "INACTIVE_SINCE") -}}
{{- $settings = omit $settings "INACTIVE_FOR" "INACTIVE_SINCE" -}}
{{- end -}}
{{- $settings = include "dormant.oneMap" (list $settings $own) | fromYaml -}}
{{- if not (or (hasKey $settings "INACTIVE_FOR") (hasKey $settings "INACTIVE_SINCE")) -}}
{{- $_ := set $settings "INACTIVE_FOR" "90d" -}}
{{- end -}}
{{- range $name, $value := $settings -}}{{- $_ := set $settings $name (include "dormant.text" $value) -}}{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* A number as the program reads it: 1000000, not 1e+06. */}}
{{- define "dormant.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{- int64 . -}}{{- else -}}{{- toString . -}}{{- end -}}
{{- end -}}

{{/* RUN_TIMEOUT in seconds. */}}
{{- define "dormant.target.runSeconds" -}}
{{- $unit := dict "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800 "y" 31536000 -}}
{{- $timeout := (include "dormant.target.settings" . | fromYaml).RUN_TIMEOUT | default "1h" -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" $timeout -1 -}}
{{- if not (hasSuffix "ms" .) -}}
{{- $seconds = add $seconds (mul (regexFind "^[0-9]+" . | int64) (get $unit (regexFind "[a-z]$" .))) -}}
{{- end -}}
{{- end -}}
{{- $seconds -}}
{{- end -}}

{{/* The program's environment as a list. $ is doubled: to Kubernetes, $(NAME) stands for another variable. */}}
{{- define "dormant.target.env" -}}
{{- $root := .root -}}
{{- $target := .target -}}
{{- $files := dict "JOURNAL" "/var/lib/dormant/journal.ndjson" "REPORT" "/var/lib/dormant/report.json" -}}
{{- $env := include "dormant.oneMap" (list $files (include "dormant.target.settings" . | fromYaml)) | fromYaml -}}
{{- if and (or $env.GRACE (and $root.Values.persistence.enabled (has .command (list "run" "daemon")))) (not $env.LEDGER) -}}
{{- $_ := set $env "LEDGER" "/var/lib/dormant/ledger.json" -}}
{{- end -}}
{{- if and (hasPrefix "/var/lib/dormant/" ($env.LEDGER | default "")) (has .command (list "run" "daemon")) (not $root.Values.persistence.enabled) -}}
{{- $of := ternary "GRACE: target %s: the ledger has to outlive the Pod, or nobody is ever removed" "LEDGER: target %s: the ledger has to outlive the Pod, or nothing is remembered" (not (empty $env.GRACE)) -}}
{{- fail (printf (print "settings." $of "; set persistence.enabled: true, or LEDGER to a file in a volume of your own") $target.name) -}}
{{- end -}}
{{- $_ := set $env "PROFILE" $target.profile -}}
{{- $_ := set $env "URL" $target.url -}}
{{- $_ := set $env "DRY_RUN" (include "dormant.target.dryRun" .) -}}
{{- with $target.actor -}}{{- $_ := set $env "ACTOR" . -}}{{- end -}}
{{- with $target.params -}}
{{- $pairs := list -}}
{{- range $name, $value := . -}}{{- $pairs = append $pairs (printf "%s=%s" $name (include "dormant.text" $value)) -}}{{- end -}}
{{- $_ := set $env "PARAMS" (join "," $pairs) -}}
{{- end -}}
{{- $mounted := dict -}}
{{- range $credential, $_ := include "dormant.target.secretKeys" . | fromYaml -}}
{{- $_ := set $mounted (printf "%s_FILE" ($credential | upper | replace "-" "_")) (printf "/etc/dormant/secret/%s" $credential) -}}
{{- end -}}
{{- if include "dormant.target.allowlist" . -}}
{{- $_ := set $mounted "ALLOWLIST_FILE" "/etc/dormant/allowlist/allowlist" -}}
{{- end -}}
{{- range $name, $path := $mounted -}}
{{- if hasKey $env $name -}}
{{- fail (printf "settings: target %s: %s is %s already, by allowlist, secret or existingSecret" $target.name $name $path) -}}
{{- end -}}
{{- $_ := set $env $name $path -}}
{{- end -}}
{{- if eq $root.Values.kind "Deployment" -}}
{{- $_ := set $env "SCHEDULE" (include "dormant.target.schedule" .) -}}
{{- $_ := set $env "TIMEZONE" (include "dormant.target.timeZone" .) -}}
{{- else if and (eq $root.Values.kind "CronJob") $root.Values.pushgateway.url -}}
{{- $_ := set $env "PUSHGATEWAY_URL" (printf "%s/metrics/job/%s/namespace/%s/target/%s" ($root.Values.pushgateway.url | trimSuffix "/") $root.Values.pushgateway.job $root.Release.Namespace $target.name) -}}
{{- end -}}
{{- $list := list -}}
{{- range $name, $value := $env -}}
{{- $list = append $list (dict "name" (printf "DORMANT_%s" $name) "value" ($value | replace "$" "$$")) -}}
{{- end -}}
{{- $extra := concat ($root.Values.extraEnv | default list) ($target.extraEnv | default list) -}}
{{- range $extra -}}
{{- if hasKey $env (.name | trimPrefix "DORMANT_") | and (hasPrefix "DORMANT_" .name) -}}
{{- fail (printf "extraEnv: target %s: %s is set already; settings, dryRun, targets or pushgateway is its place" $target.name .name) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $list $extra) -}}
{{- end -}}

{{/* Which credential is under which key of the Secret. */}}
{{- define "dormant.target.secretKeys" -}}
{{- if .target.existingSecret -}}
{{- toYaml (.target.secretKeys | default (dict "token" "token")) -}}
{{- else -}}
{{- $keys := dict -}}
{{- range $key, $_ := .target.secret -}}{{- $_ := set $keys $key $key -}}{{- end -}}
{{- toYaml $keys -}}
{{- end -}}
{{- end -}}

{{/* The Pod, for all kinds and for helm test; command as well. */}}

{{- define "dormant.target.podTemplate" -}}
metadata:
  labels:
    {{- include "dormant.target.podLabels" . | nindent 4 }}
  annotations:
    checksum/config: {{ printf "%s\n%s" (include "dormant.target.allowlist" .) (toYaml .root.Values.files) | sha256sum }}
    {{- with .root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "dormant.target.podSpec" . | nindent 2 }}
{{- end -}}

{{- define "dormant.target.podSpec" -}}
{{- $values := .root.Values -}}
{{- $secret := include "dormant.target.secret" . -}}
{{- $allowlist := include "dormant.target.allowlist" . -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "dormant.serviceAccount" .root }}
restartPolicy: {{ eq .command "daemon" | ternary "Always" "Never" }}
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: dormant
    image: {{ include "dormant.image" .root | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: [{{ .command }}]
    env:
      {{- include "dormant.target.env" . | nindent 6 }}
    {{- if eq .command "daemon" }}
    ports:
      - name: metrics
        containerPort: 8080
        protocol: TCP
    livenessProbe:
      httpGet:
        path: /healthz
        port: metrics
      periodSeconds: 20
      timeoutSeconds: 5
    readinessProbe: # not ready: the last run failed
      httpGet:
        path: /readyz
        port: metrics
      periodSeconds: 10
      timeoutSeconds: 5
    {{- end }}
    resources:
      {{- toYaml (.target.resources | default $values.resources) | nindent 6 }}
    securityContext:
      {{- toYaml $values.securityContext | nindent 6 }}
    terminationMessagePolicy: FallbackToLogsOnError
    volumeMounts:
      - name: data
        mountPath: /var/lib/dormant
        {{- if and $values.persistence.enabled $values.persistence.existingClaim (ne .command "check") }}
        subPath: {{ .target.name | quote }}
        {{- end }}
      {{- if $secret }}
      - name: secret
        mountPath: /etc/dormant/secret
        readOnly: true
      {{- end }}
      {{- if $allowlist }}
      - name: allowlist
        mountPath: /etc/dormant/allowlist
        readOnly: true
      {{- end }}
      {{- if $values.files }}
      - name: files
        mountPath: /etc/dormant/files
        readOnly: true
      {{- end }}
      {{- range list $values.extraVolumeMounts .target.extraVolumeMounts }}
      {{- with . }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- end }}
volumes:
  - name: data
    {{- if and $values.persistence.enabled (ne .command "check") }}
    persistentVolumeClaim:
      claimName: {{ $values.persistence.existingClaim | default (include "dormant.target.name" .) | quote }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ $values.persistence.emptyDirSizeLimit | quote }}
    {{- end }}
  {{- if $secret }}
  - name: secret
    secret:
      secretName: {{ $secret | quote }}
      defaultMode: 0440
      optional: true # so that the program says what is missing, at once, and no Pod waits for it
      items:
        {{- range $credential, $key := include "dormant.target.secretKeys" . | fromYaml }}
        - key: {{ $key | quote }}
          path: {{ $credential }}
        {{- end }}
  {{- end }}
  {{- if $allowlist }}
  - name: allowlist
    configMap:
      name: {{ include "dormant.target.name" . }}-allowlist
  {{- end }}
  {{- if $values.files }}
  - name: files
    configMap:
      name: {{ include "dormant.fullname" .root }}-files
  {{- end }}
  {{- range list $values.extraVolumes .target.extraVolumes }}
  {{- with . }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* For Job and CronJob; command as well. */}}
{{- define "dormant.jobSpec" -}}
{{- $job := .root.Values.job -}}
{{- $once := include "dormant.target.runSeconds" . | int64 -}}
{{- $deadline := $job.activeDeadlineSeconds | default (add (mul $once (add $job.backoffLimit 1)) 600) -}}
{{- if le (int64 $deadline) $once -}}
{{- fail (printf "job.activeDeadlineSeconds: target %s: %d seconds is not above settings.RUN_TIMEOUT, %d seconds: the run could not end by itself" .target.name (int64 $deadline) $once) -}}
{{- end -}}
activeDeadlineSeconds: {{ $deadline }}
backoffLimit: {{ $job.backoffLimit }}
{{- if not (kindIs "invalid" $job.ttlSecondsAfterFinished) }}
ttlSecondsAfterFinished: {{ $job.ttlSecondsAfterFinished }}
{{- end }}
podFailurePolicy:
  rules:
    - action: FailJob # 2: configuration or credentials are wrong, 3: a guard refused
      onExitCodes:
        containerName: dormant
        operator: In
        values: [2, 3]
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
template:
  {{- include "dormant.target.podTemplate" . | nindent 2 }}
{{- end -}}

{{/* Of the whole release. */}}

{{- define "dormant.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dormant.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "dormant.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The port of an address: 443 of https://a.example/path. */}}
{{- define "dormant.port" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (eq $url.scheme "https" | ternary "443" "80") -}}
{{- end -}}

{{/* What the schema can't say. */}}
{{- define "dormant.validate" -}}
{{- if not .Values.targets -}}
{{- fail "targets: is empty: name at least one directory, such as --set 'targets[0].name=acme,targets[0].profile=maestro,targets[0].url=https://maestro.dadosfera.ai,targets[0].existingSecret=acme-dormant'; the chart's values.yaml shows them all" -}}
{{- end -}}
{{- $names := list -}}
{{- range prepend .Values.targets (dict "settings" .Values.settings) -}}
{{- if and .settings (hasKey .settings "INACTIVE_FOR") (hasKey .settings "INACTIVE_SINCE") -}}
{{- fail "settings: INACTIVE_FOR and INACTIVE_SINCE: give one of the two" -}}
{{- end -}}
{{- end -}}
{{- range .Values.targets -}}
{{- if has .name $names -}}
{{- fail (printf "targets: two of them have the name %s" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- if and .secret .existingSecret -}}
{{- fail (printf "targets: %s: secret and existingSecret: give one of the two" .name) -}}
{{- end -}}
{{- if not (regexMatch "DORMANT_(TOKEN|PASSWORD|CLIENT_SECRET)" (include "dormant.target.env" (dict "root" $ "target" .))) -}}
{{- fail (printf "targets: %s has no credential: give existingSecret, the name of a Secret with the key token" .name) -}}
{{- end -}}
{{- end -}}
{{- if and (ne .Values.kind "Deployment") (or .Values.podMonitor.enabled .Values.serviceMonitor.enabled) -}}
{{- fail "podMonitor and serviceMonitor are for the kind Deployment; a CronJob's runs are over before they are scraped, and leave their metrics at pushgateway.url" -}}
{{- end -}}
{{- end -}}
