/**
 * What a namespace needs so that the operator runs experiments in it: its consent, a service account and a NetworkPolicy for stages, and
 * the Pod Security level with which stages comply.
 */
import { LABEL } from '@carpal/configs/names.ts';
import { MANAGED_BY } from '../jobs/ownership.ts';
import { LABELS, type ManifestSettings, POD_SECURITY_LABELS, STAGE_ACCOUNT } from './manifest-settings.ts';
import { DNS, POD_IDENTITY, toStore } from './network-peer.ts';
import { optIn } from './rbac.ts';

type Where = { readonly namespace?: string };
const where = (namespace: string | undefined): Where => (namespace === undefined ? {} : { namespace });

/**
 * The service account of stages. It has no rights on the API server and gets no token. Pod Identity or IRSA give it access to the artifact
 * store.
 */
function stageServiceAccount(namespace?: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: STAGE_ACCOUNT, ...where(namespace), labels: LABELS },
    automountServiceAccountToken: false,
  };
}

/** No pod may connect to a stage: the policy has no rule for ingress. A stage connects to the artifact store and the data sets only. */
function stageNetworkPolicy({ storePeers, env }: ManifestSettings, namespace?: string): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: STAGE_ACCOUNT, ...where(namespace), labels: LABELS },
    spec: {
      podSelector: { matchLabels: { [LABEL.managedBy]: MANAGED_BY } },
      policyTypes: ['Ingress', 'Egress'],
      egress: [DNS, ...toStore(storePeers, env), POD_IDENTITY],
    },
  };
}

/** The namespace itself, with the Pod Security level with which stages comply. */
export function experimentNamespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...LABELS, ...POD_SECURITY_LABELS } } };
}

/**
 * Everything that stages need in a namespace, except the namespace. Without a name, for a kustomization that sets the namespace. The
 * operator of one namespace needs no consent: its Role is there.
 */
export function stageObjects(settings: ManifestSettings, namespace?: string): readonly object[] {
  return [
    stageServiceAccount(namespace),
    stageNetworkPolicy(settings, namespace),
    ...(settings.watchNamespace === undefined ? [optIn(settings, namespace)] : []),
  ];
}
