/** How what belongs to one operator is called, labelled and found. */
import { operatorName } from '../controller/operator-name.ts';
import { OPERATOR_LABELS } from './labels.ts';
import type { ManifestSettings } from './manifest-settings.ts';

type Whose = Pick<ManifestSettings, 'namespace' | 'watchNamespace'>;

/** By which one operator's own pods are found, and those of no other. */
export function operatorSelector({ watchNamespace }: Whose): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'carpal',
    'app.kubernetes.io/component': 'operator',
    'app.kubernetes.io/instance': operatorName(watchNamespace),
  };
}

/** Of what belongs to one operator. */
export function operatorMetadata(whose: Whose): {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
} {
  return {
    name: operatorName(whose.watchNamespace),
    namespace: whose.namespace,
    labels: { ...OPERATOR_LABELS, ...operatorSelector(whose) },
  };
}
