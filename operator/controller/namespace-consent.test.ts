import { PLURAL } from '@carpal/configs/names.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient, KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import { createLogger } from '@carpal/kubernetes/runtime/logger.ts';
import { describe, expect, it } from 'vitest';
import { createNamespaceConsent } from './namespace-consent.ts';

const DENIAL =
  'segmentationexperiments.carpal.dev "wrist" is forbidden: User "system:serviceaccount:carpal-system:carpal-operator" cannot patch resource ' +
  '"segmentationexperiments/status" in API group "carpal.dev" in the namespace "closed"';
const RETRY_MS = 30_000;

/** A step that writes the status of its experiment, in a cluster in which some namespaces refuse that. */
function cluster(...closed: readonly string[]) {
  const refusing = new Set(closed);
  const clock = { ms: 0 };
  const log: string[] = [];
  const written: string[] = [];
  const consent = createNamespaceConsent({
    retryMs: RETRY_MS,
    now: () => clock.ms,
    log: createLogger({ level: 'info', destination: { write: (line) => void log.push(line) } }),
  });
  const client: KubernetesClient = {
    request: async <Answer>({ path }: KubernetesRequest) => {
      written.push(path);
      if ([...refusing].some((namespace) => path.includes(`/${namespace}/`))) throw new ApiError(403, 'Forbidden', DENIAL);
      return {} as Answer;
    },
    watch: () => {
      throw new Error('no watch is expected');
    },
    close: () => undefined,
  };
  const observed = consent.observe(client);
  const writeStatus = async (key: string): Promise<number | undefined> => {
    const [namespace, name] = key.split('/');
    await observed.request({ method: 'PATCH', path: `/apis/carpal.dev/v1alpha1/namespaces/${namespace}/${PLURAL}/${name}/status` });
    return undefined;
  };
  let work = writeStatus;
  return {
    clock,
    log,
    written,
    consent,
    writeStatus,
    optIn: (namespace: string) => refusing.delete(namespace),
    setWork: (next: typeof work) => {
      work = next;
    },
    step: consent.respect((key) => work(key)),
  };
}

describe('a namespace that has not opted in', () => {
  it('is asked by one experiment per half a minute, whatever the number of its experiments, and is reported once', async () => {
    const { clock, log, written, step, consent } = cluster('closed');
    expect(await step('closed/a')).toBe(RETRY_MS);
    for (let second = 1; second <= 95; second += 1) {
      clock.ms = second * 1000;
      for (const name of ['a', 'b', 'c']) expect(await step(`closed/${name}`)).toBeGreaterThan(0);
    }
    expect(written).toHaveLength(4);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('carpal manifests --for-namespace closed');
    expect(consent.isWithheld('closed')).toBe(true);
  });

  it('delays no other namespace', async () => {
    const { step, consent } = cluster('closed');
    await step('closed/a');
    expect(await step('open/a')).toBeUndefined();
    expect([consent.isWithheld('open'), consent.isWithheld('closed')]).toEqual([false, true]);
  });

  it('is free as soon as it accepts a status, for all its experiments', async () => {
    const { clock, log, step, consent, optIn } = cluster('closed');
    await step('closed/a');
    optIn('closed');
    clock.ms = RETRY_MS;
    expect([await step('closed/b'), await step('closed/a')]).toEqual([undefined, undefined]);
    expect(consent.isWithheld('closed')).toBe(false);
    expect(log).toHaveLength(2);
    expect(log[1]).toContain('the namespace has opted in');
  });

  it('stays held after a step that wrote nothing, and the next experiment tries', async () => {
    const { clock, log, step, written, consent, setWork, writeStatus } = cluster('closed');
    await step('closed/a');
    clock.ms = RETRY_MS;
    setWork(async () => 7);
    expect(await step('closed/gone')).toBe(7);
    expect([consent.isWithheld('closed'), log.length]).toEqual([true, 1]);
    setWork(writeStatus);
    expect(await step('closed/b')).toBe(RETRY_MS);
    expect(written).toHaveLength(2);
  });

  it('is not what a policy, a quota, or a namespace that is being deleted refuses', async () => {
    const { step, consent, setWork } = cluster();
    for (const words of ['jobs.batch "x" is forbidden: exceeded quota: jobs', 'admission webhook "w" denied the request']) {
      setWork(async () => {
        throw new ApiError(403, 'Forbidden', words);
      });
      await expect(step('open/a')).rejects.toThrow(words);
    }
    expect(consent.isWithheld('open')).toBe(false);
  });
});
