import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { NAMESPACES, resourcePath, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';

/** Makes a namespace with a name of its own and waits for the service account that its pods need; its name. */
export async function freshNamespace(client: KubernetesClient, labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `test-${randomBytes(5).toString('hex')}`;
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await client.request({ method: 'POST', path: resourcePath(NAMESPACES), body });
  const account = resourcePath(SERVICE_ACCOUNTS, { namespace: name, name: 'default' });
  for (let waitedMs = 0; ; waitedMs += 50) {
    try {
      await client.request({ method: 'GET', path: account });
      return name;
    } catch (error) {
      if (!isStatus(error, 404) || waitedMs > 30_000) throw error;
      await pause(50);
    }
  }
}

/** Asks for the namespace's end; what is in it goes some time later. */
export async function deleteNamespace(client: KubernetesClient, name: string): Promise<void> {
  await client.request({ method: 'DELETE', path: resourcePath(NAMESPACES, { name }) });
}
