/** Alerts on the operator's own metrics. alert-rules.test.ts checks every metric name in them against the page that the operator serves. */

export type AlertRule = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
  /** What it means, and what to do first. */
  readonly description: string;
};

export const ALERT_RULES: readonly AlertRule[] = [
  {
    alert: 'CarpalOperatorAbsent',
    expr: 'absent(carpal_leader)',
    for: '10m',
    severity: 'critical',
    summary: 'No operator answers Prometheus.',
    description:
      'Jobs of experiments continue, but nothing observes them. Check the operator pods: kubectl get pods -A -l app.kubernetes.io/component=operator.',
  },
  {
    alert: 'CarpalOperatorHasNoLeader',
    // The job label is the name of the Service, which is the name of the operator.
    expr: 'max by (namespace, job) (carpal_leader) == 0',
    for: '5m',
    severity: 'critical',
    summary: 'No replica of {{ $labels.namespace }}/{{ $labels.job }} is the leader.',
    description:
      "No replica can acquire the operator's Lease, which has the same name. Check the replicas' logs and their rights on leases.",
  },
  {
    alert: 'CarpalOperatorHasTwoLeaders',
    // Not by namespace: the same operator in another namespace would have another Lease.
    expr: 'sum by (job) (carpal_leader) > 1',
    for: '5m',
    severity: 'warning',
    summary: 'More than one replica of {{ $labels.job }} acts as the leader.',
    description:
      "They cannot overwrite each other's changes, but this should only last seconds. Check for a second installation in another namespace, and the load of the nodes.",
  },
  {
    alert: 'CarpalReconcileErrors',
    expr: 'sum(rate(carpal_reconcile_total{result="error"}[10m])) / sum(rate(carpal_reconcile_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: "More than 10 % of the operator's steps fail.",
    description:
      'Each step is retried. The log names the experiment and the error: kubectl -n NAMESPACE logs -l app.kubernetes.io/component=operator --tail=-1.',
  },
  {
    alert: 'CarpalQueueGrows',
    expr: 'max(carpal_queue_depth) > 100 and max(deriv(carpal_queue_depth[15m])) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'Experiments become due faster than the operator processes them.',
    description: "The usual cause is a slow API server or artifact store. See the dashboard's rows API and queue.",
  },
  {
    alert: 'CarpalApiServerErrors',
    expr: 'sum(rate(carpal_api_requests_total{code=~"0|429|5.."}[10m])) / sum(rate(carpal_api_requests_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: "The API server fails or throttles more than 10 % of the operator's requests.",
    description: 'Code 0 means no answer. Code 429 means a limit of API priority and fairness.',
  },
  {
    alert: 'CarpalRequestsDenied',
    expr: 'sum(increase(carpal_api_requests_total{code="403"}[15m])) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'The API server denies requests of the operator.',
    description:
      'Either the operator is newer than its ClusterRole, or a quota or policy of a namespace blocks it. The log names the request.',
  },
  {
    alert: 'CarpalReflectorsRelist',
    expr: 'sum by (resource) (increase(carpal_reflector_relists_total[1h])) > 12',
    for: '15m',
    severity: 'warning',
    summary: 'The operator keeps losing its watch position for {{ $labels.resource }}.',
    description:
      'It reads whole lists again and again, which loads the API server. Check for a proxy that cuts watches, and for an overloaded etcd.',
  },
  {
    alert: 'CarpalReflectorRepairs',
    expr: 'sum by (resource) (increase(carpal_reflector_repairs_total[6h])) > 0',
    for: '0m',
    severity: 'warning',
    summary: 'A watch of {{ $labels.resource }} has lost changes, and a full list has repaired it.',
    description: "Nothing is wrong now, but this should never happen. Please report it with the operator's log.",
  },
  {
    alert: 'CarpalEventsLost',
    expr: 'sum(increase(carpal_events_total{outcome="lost"}[1h])) > 0',
    for: '0m',
    severity: 'info',
    summary: 'Events of experiments could not be written.',
    description: 'kubectl describe does not show all events. Conditions and status are complete.',
  },
  {
    alert: 'CarpalArtifactStoreAway',
    expr: 'sum(increase(carpal_store_failures_total[10m])) > 1',
    for: '10m',
    severity: 'warning',
    summary: 'The operator cannot read the artifact store.',
    description:
      'Progress is not updated, and stages fail when they write checkpoints. Check the store, its credentials and the network policy.',
  },
  {
    alert: 'CarpalExperimentsFail',
    expr: 'delta(carpal_experiments{state="Failed"}[1h]) > 0',
    for: '0m',
    severity: 'info',
    summary: 'An experiment has failed for good.',
    description: 'kubectl get segx -A --field-selector status.state=Failed -o wide lists it, and kubectl describe shows the cause.',
  },
  {
    alert: 'CarpalStageAttemptsFail',
    expr: 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="failed"}[1h])) / sum by (stage) (increase(carpal_stage_attempts_total[1h])) > 0.5 and sum by (stage) (increase(carpal_stage_attempts_total[1h])) >= 4',
    for: '15m',
    severity: 'warning',
    summary: 'Most attempts of stage {{ $labels.stage }} fail.',
    description:
      'The likely cause is one image, node pool or data set that is broken for all. Compare the reasons in kubectl get segx -A -o wide.',
  },
  {
    alert: 'CarpalStageAttemptsDisrupted',
    expr: 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="disrupted"}[1h])) > 10',
    for: '0m',
    severity: 'warning',
    summary: 'Attempts of stage {{ $labels.stage }} are often disrupted.',
    description:
      'Each disruption loses the training since the last checkpoint. Either Spot capacity is scarce, or nodes are drained too often.',
  },
  {
    alert: 'CarpalFoldsWaitForGpus',
    expr: 'sum(carpal_stages{stage="fold",state="Pending"}) > 0',
    for: '30m',
    severity: 'warning',
    summary: 'For half an hour at least one fold has been waiting for a node or an image; {{ $value }} are waiting now.',
    description:
      'Different folds may have waited during this time. status.folds[].message contains the reason from the scheduler or the kubelet. Waiting for capacity has no deadline unless run.capacityDeadline sets one.',
  },
  {
    alert: 'CarpalStartsHeld',
    expr: 'sum(carpal_stages{state="Starting"}) > 0',
    for: '30m',
    severity: 'warning',
    summary: 'For half an hour at least one stage has had no Job; {{ $value }} are waiting now.',
    description:
      'Different stages may have waited during this time. The message of the stage names the cause: a policy, a quota, a webhook, or a name that is taken. The operator tries again until the cause is gone; only a Job with an invalid field fails after run.startDeadline.',
  },
  {
    alert: 'CarpalExperimentsHeld',
    expr: 'sum(carpal_experiments_held{reason="ManifestNotUnderstood"}) > 0',
    for: '15m',
    severity: 'warning',
    summary: '{{ $value }} experiments are held because the operator does not understand their manifests.',
    description:
      'The condition Held names the fields. Usually the CRD and the operator have different versions: update the older one. Running stages continue.',
  },
  {
    alert: 'CarpalNamespaceNotOptedIn',
    expr: 'sum(carpal_experiments_held{reason="NamespaceNotOptedIn"}) > 0',
    for: '1h',
    severity: 'info',
    summary: '{{ $value }} experiments are in namespaces that have not opted in; nothing happens to them.',
    description:
      "The operator's log names the namespaces. Let them opt in with carpal manifests --for-namespace, or delete the experiments. The operator tries again by itself.",
  },
  {
    alert: 'CarpalFoldsHoldNoEnd',
    expr: 'sum(carpal_gpus{state="Running"}) > 0 and sum(increase(carpal_stage_attempts_total{stage="fold"}[24h])) == 0',
    for: '1h',
    severity: 'info',
    summary: '{{ $value }} GPUs are in use, and no fold has ended for a day.',
    description:
      'This can be a long training. An idle GPU has a low DCGM_FI_DEV_GPU_UTIL on its node, and the progress in kubectl get segx does not change.',
  },
];

/** A rule group in the format of Prometheus rule files. */
export function alertGroup(): object {
  return {
    name: 'carpal',
    rules: ALERT_RULES.map(({ alert, expr, for: duration, severity, summary, description }) => ({
      alert,
      expr,
      ...(duration === '0m' ? {} : { for: duration }),
      labels: { severity },
      annotations: { summary, description },
    })),
  };
}
