/** An operator that runs with the rights of its own service account, and the requests that the API server denied it. */
import { randomUUID } from 'node:crypto';
import { resourcePath, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';
import { leaseName, operatorName } from '@carpal/operator/controller/operator-name.ts';
import type { InstalledOperator } from '@carpal/operator/install/manifest-settings.ts';
import { yamlDocuments } from '@carpal/operator/install/manifests.ts';
import { type AuditedCall, auditedCalls } from '../cluster/audit-log.ts';
import { kubectl } from '../cluster/kubectl.ts';
import type { OperatorWorld, RunningOperator } from './operator-world.ts';

/** Applies objects as an administrator does. Throws with kubectl's message if it fails or warns. */
export async function applyObjects(
  { kubeconfig }: Pick<OperatorWorld, 'kubeconfig'>,
  objects: readonly object[],
  fieldManager = 'administrator',
): Promise<void> {
  const how = ['apply', '--server-side', `--field-manager=${fieldManager}`, '-f', '-'];
  const { code, errors } = await kubectl(kubeconfig, how, yamlDocuments(objects));
  if (code !== 0 || errors !== '') throw new Error(`kubectl apply failed: ${errors}`);
}

/** The user name of the operator's service account. */
export function accountOf({ namespace, watchNamespace }: InstalledOperator): string {
  return `system:serviceaccount:${namespace}:${operatorName(watchNamespace)}`;
}

/** Starts an operator as its service account, which must exist. */
export async function startInstalled(world: OperatorWorld, operator: InstalledOperator): Promise<RunningOperator> {
  const { namespace, watchNamespace } = operator;
  const name = operatorName(watchNamespace);
  const path = `${resourcePath(SERVICE_ACCOUNTS, { namespace, name })}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const { status } = await world.client.request<{ status: { token: string } }>({ method: 'POST', path, body });
  return await world.startOperator({
    kubeconfig: await world.controlPlane.writeKubeconfig(name, status.token),
    lease: { namespace, name: leaseName(watchNamespace) },
    identity: `pod_${randomUUID()}`,
    ...(watchNamespace === undefined ? {} : { settings: { watchNamespace } }),
  });
}

/** The finished requests of the operator. The control plane must keep an audit log. */
export async function callsOf({ controlPlane }: OperatorWorld, operator: InstalledOperator): Promise<readonly AuditedCall[]> {
  const calls: AuditedCall[] = [];
  for await (const call of auditedCalls(controlPlane.auditLog ?? '')) if (call.user === accountOf(operator)) calls.push(call);
  return calls;
}

export const isDenied = ({ code }: AuditedCall): boolean => code === 401 || code === 403;
