/** `carpal operator --dry-run` on a real API server: what it prints, and that it changes nothing. */
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { EXPERIMENTS, GROUP, PLURAL } from '@carpal/configs/names.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import type { Job, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { applyCrd } from '@carpal/testbed/cluster/test-objects.ts';
import { waitFor } from '@carpal/testbed/cluster/wait-for.ts';
import { hasCondition, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { describe, expect, it } from 'vitest';
import { stageSettings } from '../jobs/stage-settings.ts';
import { dryRunLines, planCluster } from './dry-run.ts';

const world = useOperatorWorld();
const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };
const HOUR_MS = 3_600_000;

type Crd = { readonly spec: { readonly versions: readonly object[] } };

/** Writes an experiment that is invalid under the current rules, as an older CRD without them would have accepted it. */
async function writeUnchecked(name: string, spec: object, other: string): Promise<void> {
  const { client, namespace } = world();
  const path = resourcePath(CRDS, { name: `${PLURAL}.${GROUP}` });
  const { spec: whole } = experimentCrd() as Crd;
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const { additionalPrinterColumns: _columns, selectableFields: _fields, ...version } = whole.versions[0] as Record<string, unknown>;
  const query = { fieldManager: 'carpal-tests', force: true };
  const body = { ...experimentCrd(), spec: { ...whole, versions: [{ ...version, schema }] } };
  await client.request({ method: 'PATCH', patch: 'apply', path, query, body });
  const manifest = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec };
  await expect
    .poll(
      () =>
        client.request({ method: 'POST', path: resourcePath(EXPERIMENTS, { namespace }), body: manifest }).then(
          () => 'taken',
          (error: unknown) => String(error),
        ),
      { timeout: 20_000 },
    )
    .toBe('taken');
  const { model } = spec as { model: object };
  await client.request({ method: 'PATCH', path: resourcePath(EXPERIMENTS, { namespace, name: other }), body: { spec: { model } } });
  await applyCrd(client);
}

/** The resource versions of everything that a dry run could change. */
async function versions(): Promise<readonly (string | undefined)[]> {
  const { client, namespace } = world();
  const lists = await Promise.all(
    [EXPERIMENTS, JOBS].map((resource) => client.request<ObjectList<Job>>({ method: 'GET', path: resourcePath(resource, { namespace }) })),
  );
  return lists.flatMap(({ items }) => items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`));
}

describe('a dry run', () => {
  it('lists what the operator would start, stop and remove, and changes nothing', async () => {
    const { client, kubeconfig, namespace, store } = world();
    const { promise: never } = Promise.withResolvers<void>();
    world().script = ({ experiment, stage }) => (stage === 'fold' && !['ended', 'expired'].includes(experiment) ? { until: never } : {});
    const operator = await world().startOperator();
    await world().post('ended', { run: { ttlAfterFinished: '1h' } });
    await world().post('expired', { run: { ttlAfterFinished: '0s' } });
    for (const name of ['running', 'stopping']) await world().post(name, { run: { parallelism: 2 } });
    for (const name of ['ended', 'expired']) await world().until(name, (one) => hasCondition(one, 'Complete'));
    const jobs = resourcePath(JOBS, { namespace });
    await waitFor<ObjectList<Job>>(client, jobs, ({ items }) => items.every(({ metadata }) => !metadata.name.startsWith('expired-')));
    for (const name of ['running', 'stopping'])
      await world().until(name, ({ status }) => status?.folds.filter(({ state }) => state === 'Running').length === 2);
    await operator.stop();
    const stopping = resourcePath(EXPERIMENTS, { namespace, name: 'stopping' });
    await client.request({ method: 'PATCH', path: stopping, body: { spec: { run: { suspend: true } } } });
    const expired = resourcePath(EXPERIMENTS, { namespace, name: 'expired' });
    await client.request({ method: 'PATCH', path: expired, body: { spec: { run: { ttlRemovesArtifacts: true } } } });
    await world().post('new');
    await writeUnchecked('invalid', { dataset: { uri: 's3://hands' }, model: { name: 'Unet' } }, 'ended');
    await waitFor<ObjectList<Job>>(client, resourcePath(EXPERIMENTS, { namespace }), ({ items }) => items.length === 6);
    const before = await versions();

    const connection = await connect({ kubeconfig });
    const planned = await planCluster({
      connection,
      settings: {
        stages: stageSettings({ image: 'carpal@sha256:0', artifactsUri: store.uri }),
        workers: 1,
        provenance: { carpal: '0', node: process.version },
        watchNamespace: namespace,
      },
      store,
      now: () => new Date(Date.now() + HOUR_MS + 60_000),
      signal: AbortSignal.timeout(30_000),
    });
    connection.close();

    expect(
      dryRunLines(planned)
        .replace(/(?<=would remove \S+\/experiments\/).*/, '…')
        .replaceAll(store.uri, 'STORE')
        .replaceAll(`${namespace}/`, '')
        .replace(/(?<=spec.model.name).*/, ' …'),
    ).toBe(
      [
        'ended (Complete)',
        '  would remove Job ended-ensemble-1',
        '  would remove Job ended-fold-0-1',
        '  would remove Job ended-fold-1-1',
        '  would remove Job ended-fold-2-1',
        '  would remove Job ended-prepare-1',
        'expired (Complete)',
        '  would remove STORE/experiments/…',
        'invalid (Pending): would be held because its manifest is not understood',
        '  spec.model.name …',
        'new (Preparing)',
        '  would start Job new-prepare-1',
        'running (Training): nothing to do',
        'stopping (Suspended)',
        '  would stop Job stopping-fold-0-1',
        '  would stop Job stopping-fold-1-1',
        '',
      ].join('\n'),
    );
    expect([...new Set(connection.requests().map(({ verb }) => verb))]).toEqual(['list']);
    expect(await versions()).toEqual(before);
  });
});
