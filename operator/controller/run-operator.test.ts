import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { createLogger } from '@carpal/kubernetes/runtime/logger.ts';
import { useControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { stageSettings } from '../jobs/stage-settings.ts';
import { createMetrics } from './metrics.ts';
import { runOperator } from './run-operator.ts';

const cluster = useControlPlane();
const folder = await mkdtemp(join(tmpdir(), 'carpal-operator-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an operator whose settings make no valid Job and whose image is a tag', () => {
  it('reports both problems at its start and ends, before an experiment fails because of them', async () => {
    const { client, namespace } = cluster();
    const store = openStore(folder);
    const lines: string[] = [];
    const running = runOperator({
      connection: client,
      settings: {
        stages: stageSettings({ image: 'carpal', artifactsUri: store.uri, sharedMemory: 'plenty' }),
        workers: 1,
        watchNamespace: namespace,
        provenance: { carpal: '0', node: process.version },
      },
      store,
      identity: 'operator',
      lease: { namespace, name: 'carpal-operator' },
      metrics: createMetrics(),
      log: createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } }),
      now: () => new Date(),
      random: () => 0.5,
      signal: AbortSignal.timeout(40_000),
    });
    expect(lines.filter((line) => line.includes('is not a digest'))).toHaveLength(1);
    await expect(running).rejects.toMatchObject({ code: 'stage-settings-refused', message: expect.stringContaining('quantit') });
  });
});
