/** Every object of an installation, in the order in which they can be applied. */
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { admissionLimits, admissionPolicy, admissionPolicyBinding } from './admission-policy.ts';
import { stageServiceAccount } from './experiment-namespace.ts';
import type { ManifestSettings } from './manifest-settings.ts';
import { monitoring } from './monitoring.ts';
import { operatorNetworkPolicy, operatorService } from './operator-network.ts';
import { operatorDeployment, operatorDisruptionBudget, operatorNamespace } from './operator-workload.ts';
import { operatorRbac, peopleRoles } from './rbac.ts';

export type Extras = {
  /** ServiceMonitor, PrometheusRule and dashboard, for a cluster that has the Prometheus operator. */
  readonly monitoring?: boolean;
  /** Namespaces that get the service account of stages at once. */
  readonly experimentNamespaces?: readonly string[];
};

/** Namespace first, then what defines and limits, then what runs. */
export function allManifests(
  settings: ManifestSettings,
  { monitoring: monitored, experimentNamespaces = [] }: Extras = {},
): readonly object[] {
  const { namespace } = settings;
  return [
    operatorNamespace(namespace),
    experimentCrd(),
    admissionLimits(namespace),
    admissionPolicy(namespace),
    admissionPolicyBinding(namespace),
    ...operatorRbac(settings),
    ...peopleRoles(),
    ...experimentNamespaces.map(stageServiceAccount),
    operatorNetworkPolicy(settings),
    operatorService(settings),
    operatorDisruptionBudget(settings),
    operatorDeployment(settings),
    ...(monitored ? monitoring(settings) : []),
  ];
}
