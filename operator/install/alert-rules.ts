/** Alerts on the operator's own metrics; alert-rules.test.ts holds every name in them to the page that the operator serves. */

export type AlertRule = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly summary: string;
  /** What it means and what to do first. */
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
      'Experiments go on with the Jobs that they have, but nothing follows them: kubectl get pods -A -l app.kubernetes.io/component=operator.',
  },
  {
    alert: 'CarpalOperatorHasNoLeader',
    // The job is the Service, which has the operator's name.
    expr: 'max by (namespace, job) (carpal_leader) == 0',
    for: '5m',
    severity: 'critical',
    summary: 'No replica of {{ $labels.namespace }}/{{ $labels.job }} leads.',
    description: "Its Lease, which has its name, cannot be taken: look at the replicas' logs and at their rights on leases.",
  },
  {
    alert: 'CarpalOperatorHasTwoLeaders',
    // Without the namespace: in another one the same operator would have a Lease of its own.
    expr: 'sum by (job) (carpal_leader) > 1',
    for: '5m',
    severity: 'warning',
    summary: 'More than one replica of {{ $labels.job }} takes itself for the leader.',
    description:
      "They cannot harm each other's writes, but this should last seconds: look for a second installation in another namespace, and at the load of their nodes.",
  },
  {
    alert: 'CarpalReconcileErrors',
    expr: 'sum(rate(carpal_reconcile_total{result="error"}[10m])) / sum(rate(carpal_reconcile_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: "More than a tenth of the operator's steps fail.",
    description:
      'Each is tried again. The log names the experiment and the error: kubectl -n NAMESPACE logs -l app.kubernetes.io/component=operator --tail=-1.',
  },
  {
    alert: 'CarpalQueueGrows',
    expr: 'max(carpal_queue_depth) > 100 and max(deriv(carpal_queue_depth[15m])) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'Experiments become due faster than they are looked at.',
    description: "A slow API server or artifact store is the usual cause; see the dashboard's rows API and queue.",
  },
  {
    alert: 'CarpalApiServerErrors',
    expr: 'sum(rate(carpal_api_requests_total{code=~"0|429|5.."}[10m])) / sum(rate(carpal_api_requests_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: "The API server fails or refuses more than a tenth of the operator's requests for want of strength.",
    description: 'Code 0 is no answer at all, 429 a limit of its priority and fairness.',
  },
  {
    alert: 'CarpalRequestsDenied',
    expr: 'sum(increase(carpal_api_requests_total{code="403"}[15m])) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'The API server denies the operator something that it asks for.',
    description: 'The operator is newer than its ClusterRole, or a quota or policy of a namespace is in its way; the log says which.',
  },
  {
    alert: 'CarpalReflectorsRelist',
    expr: 'sum by (resource) (increase(carpal_reflector_relists_total[1h])) > 12',
    for: '15m',
    severity: 'warning',
    summary: 'The operator keeps losing its place in the history of {{ $labels.resource }}.',
    description:
      'Whole lists are read again and again, which costs the API server much: look for a proxy that cuts watches, or an overloaded etcd.',
  },
  {
    alert: 'CarpalReflectorRepairs',
    expr: 'sum by (resource) (increase(carpal_reflector_repairs_total[6h])) > 0',
    for: '0m',
    severity: 'warning',
    summary: 'A watch of {{ $labels.resource }} has lost changes, and a full list mended it.',
    description: "Nothing is wrong now. It should never happen: please report it with the operator's log.",
  },
  {
    alert: 'CarpalEventsLost',
    expr: 'sum(increase(carpal_events_total{outcome="lost"}[1h])) > 0',
    for: '0m',
    severity: 'info',
    summary: 'Events of experiments could not be written.',
    description: 'kubectl describe tells less than happened; conditions and status are whole.',
  },
  {
    alert: 'CarpalArtifactStoreAway',
    expr: 'sum(increase(carpal_store_failures_total[10m])) > 1',
    for: '10m',
    severity: 'warning',
    summary: 'The operator cannot read the artifact store.',
    description:
      'Progress stands still, and stages fail when they write checkpoints: look at the store, its credentials and the network policy.',
  },
  {
    alert: 'CarpalExperimentsFail',
    expr: 'delta(carpal_experiments{state="Failed"}[1h]) > 0',
    for: '0m',
    severity: 'info',
    summary: 'An experiment has failed for good.',
    description: 'kubectl get segx -A --field-selector status.state=Failed -o wide names it, kubectl describe its cause.',
  },
  {
    alert: 'CarpalStageAttemptsFail',
    expr: 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="failed"}[1h])) / sum by (stage) (increase(carpal_stage_attempts_total[1h])) > 0.5 and sum by (stage) (increase(carpal_stage_attempts_total[1h])) >= 4',
    for: '15m',
    severity: 'warning',
    summary: 'Most attempts of stage {{ $labels.stage }} fail.',
    description:
      'One image, node pool or data set that is broken for everybody is likely: compare the reasons in kubectl get segx -A -o wide.',
  },
  {
    alert: 'CarpalStageAttemptsDisrupted',
    expr: 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="disrupted"}[1h])) > 10',
    for: '0m',
    severity: 'warning',
    summary: 'Attempts of stage {{ $labels.stage }} are taken away often.',
    description: 'Each costs what was trained since its last checkpoint: Spot capacity is short, or nodes are drained too eagerly.',
  },
  {
    alert: 'CarpalFoldsWaitForGpus',
    expr: 'sum(carpal_stages{stage="fold",state="Pending"}) > 0',
    for: '30m',
    severity: 'warning',
    summary: 'For half an hour there has always been a fold without a node or an image; {{ $value }} wait now.',
    description:
      "They need not be the same ones. The scheduler's or kubelet's own words are in status.folds[].message; past run.startDeadline their experiments fail.",
  },
  {
    alert: 'CarpalStartsHeld',
    expr: 'sum(carpal_stages{state="Starting"}) > 0',
    for: '30m',
    severity: 'warning',
    summary: 'For half an hour there has always been a stage without its Job; {{ $value }} wait now.',
    description:
      'They need not be the same ones. What stands in the way (a quota, a webhook, a name that is taken) is told in the message of the stage; past run.startDeadline their experiments fail.',
  },
  {
    alert: 'CarpalFoldsHoldNoEnd',
    expr: 'sum(carpal_gpus{state="Running"}) > 0 and sum(increase(carpal_stage_attempts_total{stage="fold"}[24h])) == 0',
    for: '1h',
    severity: 'info',
    summary: '{{ $value }} GPUs are held, and no fold has ended for a day.',
    description:
      'Long trainings look like this too; a GPU that idles shows in DCGM_FI_DEV_GPU_UTIL of the node and in an old progress of kubectl get segx.',
  },
];

/** A group of rules in the form of Prometheus' own rule files. */
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
