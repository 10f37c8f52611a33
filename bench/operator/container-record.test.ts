import { setImmediate as settled } from 'node:timers/promises';
import { LABEL } from '@carpal/configs/names.ts';
import type { KubeletPod, PodEnd } from '@carpal/testbed/cluster/kubelet-pod.ts';
import type { PodControl } from '@carpal/testbed/cluster/pod-run.ts';
import { describe, expect, it } from 'vitest';
import { createContainerRecord } from './container-record.ts';

const pod = (name: string, job: string, fold = 0): KubeletPod => ({
  metadata: {
    name,
    namespace: 'n',
    uid: name,
    labels: { [LABEL.experimentUid]: 'u', [LABEL.experiment]: 'a', [LABEL.stage]: 'fold', [LABEL.fold]: `${fold}` },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: job, uid: job, controller: true }],
  },
  spec: { containers: [] },
});

const never = new AbortController().signal;
const CONTROL: PodControl = {
  ...{ folder: '', logFile: '', stop: never, kill: never },
  started: async () => undefined,
  waiting: async () => undefined,
};

/** A record, and a function that starts pods and returns how to end them. */
function stage() {
  const record = createContainerRecord();
  const ends = new Map<KubeletPod, (end: PodEnd) => void>();
  const run = record.around(async (one, control) => {
    await control.started();
    return await new Promise<PodEnd>((resolve) => void ends.set(one, resolve));
  });
  const begin = async (one: KubeletPod): Promise<() => Promise<void>> => {
    const ended = run(one, CONTROL);
    await settled();
    return async () => {
      ends.get(one)?.({ exitCode: 0 });
      await ended;
    };
  };
  return { record, begin };
}

describe('the record of containers', () => {
  it('reports nothing for containers that run one after the other, or in different places', async () => {
    const { record, begin } = stage();
    const end = await begin(pod('a', 'job-1'));
    await begin(pod('b', 'job-2', 1));
    await end();
    await begin(pod('c', 'job-3'));
    expect([record.overlaps, record.duplicatePods(), record.containers()]).toEqual([[], 0, 3]);
  });

  it('distinguishes pods of one Job from pods of two Jobs', async () => {
    const { record, begin } = stage();
    await begin(pod('a', 'job-1'));
    await begin(pod('a-again', 'job-1'));
    expect([record.overlaps, record.duplicatePods()]).toEqual([[], 1]);
    await begin(pod('b', 'job-2'));
    expect([record.overlaps, record.duplicatePods()]).toEqual([['a and b'], 1]);
  });

  it('remembers the first of two containers when the second has ended', async () => {
    const { record, begin } = stage();
    await begin(pod('a', 'job-1'));
    const endTwin = await begin(pod('a-again', 'job-1'));
    await endTwin();
    await begin(pod('b', 'job-2'));
    expect(record.overlaps).toEqual(['a and b']);
  });

  it('forgets a container whose run fails', async () => {
    const { record, begin } = stage();
    const broken = record.around(async (_, control) => {
      await control.started();
      throw new Error('the node is gone');
    });
    await expect(broken(pod('a', 'job-1'), CONTROL)).rejects.toThrow('the node is gone');
    await begin(pod('b', 'job-2'));
    expect(record.overlaps).toEqual([]);
  });
});
