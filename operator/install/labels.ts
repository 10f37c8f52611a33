/** What everything that carpal installs is called and labelled. */

export const OPERATOR_NAMESPACE = 'carpal-system';
export const STAGE_ACCOUNT = 'carpal-stage';

/** Where the operator answers health checks and Prometheus; the default of `carpal operator --port`. */
export const METRICS_PORT = { name: 'metrics', number: 8080 } as const;

export const LABELS = { 'app.kubernetes.io/name': 'carpal', 'app.kubernetes.io/part-of': 'carpal' } as const;

/** Of what all operators have in common. A stage's pods have another component. */
export const OPERATOR_LABELS = { ...LABELS, 'app.kubernetes.io/component': 'operator' } as const;
