import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, NAMESPACES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { identify, isAlive } from '@carpal/operator/local/process-identity.ts';
import { describe, expect, it } from 'vitest';
import { auditedCalls } from './audit-log.ts';
import { startControlPlane } from './control-plane.ts';
import { useControlPlane } from './use-control-plane.ts';
import { until } from './wait-for.ts';

const HOLDER = fileURLToPath(new URL('control-plane-holder/main.ts', import.meta.url));

describe('the control plane that test files share', () => {
  const cluster = useControlPlane();

  it('keeps objects in the namespace of the test file', async () => {
    const { client, namespace } = cluster();
    const body = { metadata: { name: 'kept' }, data: { answer: '42' } };
    await client.request({ method: 'POST', path: resourcePath(CONFIG_MAPS, { namespace }), body });
    const read = await client.request<typeof body>({ method: 'GET', path: resourcePath(CONFIG_MAPS, { namespace, name: 'kept' }) });
    expect(read.data).toEqual({ answer: '42' });
  });

  it('shows in its audit log who requested what', async () => {
    const { client, namespace, auditLog = '' } = cluster();
    await client.request({ method: 'DELETE', path: resourcePath(CONFIG_MAPS, { namespace, name: 'kept' }) });
    const mine: string[] = [];
    for await (const { userAgent, user, verb, resource, namespace: place, code } of auditedCalls(auditLog))
      if (place === namespace && verb === 'delete') mine.push(`${user} ${userAgent.split('/')[0]} ${resource} ${code}`);
    expect(mine).toEqual(['admin carpal configmaps 200']);
  });
});

describe('a control plane of its own', () => {
  it('runs next to others, keeps its data and address when the API server restarts, and leaves nothing behind when it stops', async () => {
    const [one, other] = await Promise.all([startControlPlane({ audit: false }), startControlPlane()]);
    const [client, otherClient] = await Promise.all([connect({ kubeconfig: one.kubeconfig }), connect({ kubeconfig: other.kubeconfig })]);
    const namespace = { metadata: { name: 'only-here' } };
    await client.request({ method: 'POST', path: resourcePath(NAMESPACES), body: namespace });
    await expect(otherClient.request({ method: 'GET', path: resourcePath(NAMESPACES, namespace.metadata) })).rejects.toThrow('not found');
    const processes = Object.values({ ...one.pids(), etcd2: other.pids().etcd }).map((pid) => identify(pid ?? 0));
    await one.restartApiServer();
    const found = await client.request<KubernetesObject>({ method: 'GET', path: resourcePath(NAMESPACES, namespace.metadata) });
    expect(found.metadata.name).toBe('only-here');
    expect(Object.keys(one.pids()).sort()).toEqual(['apiserver', 'controller-manager', 'etcd', 'scheduler']);
    const restarted = identify(one.pids().apiserver ?? 0);
    expect(isAlive(restarted)).toBe(true);
    client.close();
    otherClient.close();
    await Promise.all([one.stop(), other.stop()]);
    expect([...processes, restarted].filter(isAlive)).toEqual([]);
    expect([one.folder, other.folder].filter(existsSync)).toEqual([]);
  });

  it('ends when the process that started it is killed', async () => {
    const holder = spawn(process.execPath, [HOLDER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface({ input: holder.stdout }), 'line');
    const { folder, pids } = JSON.parse(String(line)) as { folder: string; pids: number[] };
    const processes = pids.map(identify);
    expect(processes.filter(isAlive)).toHaveLength(4);
    holder.kill('SIGKILL');
    await until('every part is gone', () => !processes.some(isAlive));
    expect(existsSync(folder)).toBe(true);
    // The next control plane deletes the abandoned folder.
    await (await startControlPlane()).stop();
    expect(existsSync(folder)).toBe(false);
  });
});
