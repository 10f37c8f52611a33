import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { job, LABELS } from '@carpal/testbed/kubernetes/attempt-objects.ts';
import { describe, expect, it } from 'vitest';
import { type Collections, createCollections } from './collections.ts';

const NEVER: KubernetesClient = {
  request: () => Promise.reject(new Error('nothing is asked for')),
  watch: () => {
    throw new Error('nothing is watched');
  },
  close: () => undefined,
};

const UID = LABELS[LABEL.experimentUid];
const running = job();

/** Collections that know the running Job, and an experiment of its name with that uid. */
function known(uid: string): Collections {
  const collections = createCollections({ client: NEVER, onDue: () => undefined, random: () => 0.5, log: silentLog });
  collections.experiments.absorb({ metadata: { name: 'wrist', namespace: 'default', uid, resourceVersion: '1100' } });
  collections.jobs.absorb(running);
  return collections;
}

describe('a Job that goes before it has ended', () => {
  it('is known as gone as long as its experiment goes on', () => {
    const { experiments, jobs, gone, unfinished } = known(UID);
    expect([gone.has(UID, running.metadata.name), unfinished()]).toEqual([false, 1]);
    jobs.forget(running);
    expect([gone.has(UID, running.metadata.name), unfinished()]).toEqual([true, 1]);
    experiments.forget({ metadata: { name: 'wrist', namespace: 'default', uid: UID, resourceVersion: '1300' } });
    expect([gone.has(UID, running.metadata.name), unfinished()]).toEqual([false, 0]);
  });

  it('is not remembered when it was of an earlier experiment of that name, which nobody will ask about', () => {
    const { jobs, gone } = known('the-next');
    jobs.forget(running);
    expect(gone.has(UID, running.metadata.name)).toBe(false);
  });
});
