/** The limits of namespaces: a ConfigMap whose entries list what each namespace may use. */
import { type InstalledOperator, LABELS } from './manifest-settings.ts';

/**
 * What can be limited, by the key of the entry. An entry lists one value per line. The entry `<key>.<namespace>` has priority over the
 * entry `<key>`. Without any entry there is no limit; an entry without lines allows nothing.
 */
export const LIMIT_KEYS = [
  /** Locations below which spec.dataset.uri must be. */
  'datasets',
  /** The same for spec.model.pretrained.uri. Without an entry, `datasets` applies. */
  'weights',
  /** Kueue's LocalQueues. A limited namespace must use one. */
  'queues',
  /** Service accounts of stages besides the default. */
  'serviceAccounts',
  /** PriorityClasses of pods besides the default. */
  'priorityClasses',
  /** Kueue's WorkloadPriorityClasses besides the default. */
  'workloadPriorityClasses',
  /** `key`, `key=value`, `key:effect` or `key=value:effect`; `*`: all. */
  'tolerations',
  /** `key` or `key=value`; `*`: all. */
  'nodeSelectors',
  /** `slack:channel`, `kakao:receiver`, `sheets:spreadsheetId` or `mlflow:experiment`; `slack:*`: all of Slack. */
  'reports',
] as const;
export type LimitKey = (typeof LIMIT_KEYS)[number];
export type NamespaceLimits = Readonly<Partial<Record<LimitKey, readonly string[]>>>;

/** The name of the ConfigMap. Operators in one namespace have different ones, so that none lifts the limits of another. */
export function limitsName({ watchNamespace }: Pick<InstalledOperator, 'watchNamespace'>): string {
  return watchNamespace === undefined ? 'carpal-limits' : `carpal-limits-${watchNamespace}`;
}

/**
 * The ConfigMap of limits, without any limit. Each site adds `data`. An empty `data` would have an owner, so that server-side apply
 * would refuse the entries of namespaces.
 */
export function admissionLimits(operator: InstalledOperator): object {
  const { namespace } = operator;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: limitsName(operator), namespace, labels: LABELS } };
}

/**
 * The namespace's entries of the ConfigMap of limits, and no others; undefined if the namespace has no limits. For server-side apply with a
 * field manager per namespace, which leaves the entries of other namespaces unchanged.
 */
export function namespaceLimits(namespace: string, limits: NamespaceLimits, operator: InstalledOperator): object | undefined {
  const data = Object.fromEntries(
    LIMIT_KEYS.flatMap((key) => {
      const lines = limits[key];
      return lines === undefined ? [] : [[`${key}.${namespace}`, lines.map((line) => `${line}\n`).join('')]];
    }),
  );
  if (Object.keys(data).length === 0) return undefined;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: limitsName(operator), namespace: operator.namespace }, data };
}
