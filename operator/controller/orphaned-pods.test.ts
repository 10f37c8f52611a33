import { LABEL } from '@carpal/configs/names.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient, KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import { describe, expect, it } from 'vitest';
import type { KeptPod } from '../jobs/kept-objects.ts';
import { removeOrphanedPods } from './orphaned-pods.ts';

const orphan = (uid: string, deletionTimestamp?: string): KeptPod => ({
  metadata: {
    name: `wrist-${uid}`,
    namespace: 'lab',
    uid: `pod-of-${uid}`,
    labels: { [LABEL.experimentUid]: uid },
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  },
  spec: {},
});

/** Removes these orphans of `lab/wrist` while the API server has experiments of this name with these uids. Returns the deleted pods. */
async function deleted(pods: readonly KeptPod[], known: string | undefined, served: readonly string[], fault?: Error): Promise<unknown[]> {
  const bodies: unknown[] = [];
  const client: KubernetesClient = {
    request: async <Answer>({ method, path, body }: KubernetesRequest) => {
      if (method === 'GET') return { items: served.map((uid) => ({ metadata: { name: 'wrist', namespace: 'lab', uid } })) } as Answer;
      if (fault !== undefined) throw fault;
      bodies.push([path.split('/').at(-1), (body as { preconditions: { uid: string } }).preconditions.uid]);
      return {} as Answer;
    },
    watch: () => {
      throw new Error('nothing is watched');
    },
    close: () => undefined,
  };
  const kept =
    known === undefined ? undefined : { metadata: { name: 'wrist', namespace: 'lab', uid: known }, deletionRemovesArtifacts: false };
  await removeOrphanedPods({ client, collections: { ownerless: () => pods } }, 'lab/wrist', kept);
  return bodies;
}

describe('a pod that lost its Job', () => {
  it('is deleted once its experiment is gone, also if another experiment has its name now', async () => {
    expect(await deleted([orphan('u1')], undefined, [])).toEqual([['wrist-u1', 'pod-of-u1']]);
    expect(await deleted([orphan('u1')], 'u2', ['u2'])).toEqual([['wrist-u1', 'pod-of-u1']]);
  });

  it('is kept while its experiment exists, also if only the API server knows it yet, and while it ends', async () => {
    expect(await deleted([orphan('u1')], 'u1', ['u1'])).toEqual([]);
    expect(await deleted([orphan('u1')], undefined, ['u1'])).toEqual([]);
    expect(await deleted([orphan('u1', '2026-01-01T00:00:00Z')], undefined, [])).toEqual([]);
  });

  it('does not make the step fail if the API server refuses the deletion', async () => {
    expect(await deleted([orphan('u1')], undefined, [], new ApiError(403, 'Forbidden', 'no'))).toEqual([]);
  });
});
