import type { PlannedEvent } from '@carpal/operator/experiment/events.ts';
import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connect } from '../api/connect.ts';
import { recordEvents } from './event-recorder.ts';
import { joinEvents } from './joined-events.ts';
import { silentLog } from './logger.ts';

const WRIST = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', namespace: 'team', name: 'wrist', uid: 'u1' };
const started = (fold: number, attempt = 1): PlannedEvent => ({
  ...{ stage: 'fold', fold, type: 'Normal', reason: 'StageStarted' },
  note: `fold ${fold}, attempt ${attempt}`,
});

describe('the events of one step', () => {
  const notes = (events: readonly PlannedEvent[]): string[] => joinEvents(events).map(({ note }) => note);

  it('that say the same of several folds are one', () => {
    expect(notes([0, 1, 2, 3, 4].map((fold) => started(fold)))).toEqual(['folds 0–4, attempt 1']);
    expect(notes([4, 0, 2, 3].map((fold) => started(fold)))).toEqual(['folds 0, 2–4, attempt 1']);
    expect(notes([started(3)])).toEqual(['fold 3, attempt 1']);
  });

  it('that say different things for one reason are told in one, each', () => {
    expect(notes([started(0), started(1, 2), started(2)])).toEqual(['folds 0, 2, attempt 1; fold 1, attempt 2']);
  });

  const finished = (stage: 'prepare' | 'ensemble'): PlannedEvent => ({
    ...{ stage, type: 'Normal', reason: 'StageFinished' },
    note: `${stage} finished`,
  });

  it('of other reasons stay apart, but for the end of a stage and what it led to', () => {
    const failed: PlannedEvent = { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' };
    expect(joinEvents([finished('prepare'), started(0), failed, started(1)])).toEqual([
      { type: 'Normal', reason: 'StageStarted', note: 'prepare finished; folds 0–1, attempt 1' },
      { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' },
    ]);
    const complete: PlannedEvent = { type: 'Normal', reason: 'ExperimentComplete', note: 'submission.csv is in the store' };
    expect(joinEvents([finished('ensemble'), complete])).toEqual([
      { type: 'Normal', reason: 'ExperimentComplete', note: 'ensemble finished; submission.csv is in the store' },
    ]);
    expect(joinEvents([finished('prepare'), failed])).toEqual([
      { type: 'Normal', reason: 'StageFinished', note: 'prepare finished' },
      { type: 'Warning', reason: 'StageFailed', note: 'fold 1 failed' },
    ]);
  });

  it('are cut to what the server takes', () => {
    const many = Array.from({ length: 30 }, (_, fold) => ({ ...started(fold), note: `fold ${fold}, ${'x'.repeat(fold + 60)}` }));
    const [note = ''] = notes(many);
    expect(note.length).toBe(1024);
    expect(note.endsWith('…')).toBe(true);
  });
});

describe('an event recorder', () => {
  let server: FakeApiServer;
  let client: Connection;
  beforeEach(async () => {
    server = await FakeApiServer.start();
    client = await connect({ server: server.url });
  });
  afterEach(async () => {
    client.close();
    await server.stop();
  });
  const lines: object[] = [];
  const make = (longestBacklog?: number) =>
    recordEvents({
      log: { ...silentLog, warn: (fields) => void lines.push(fields) },
      ...{ client, component: 'carpal.dev/operator', instance: 'operator-0', now: () => new Date(Date.UTC(2026, 0, 1)) },
      ...(longestBacklog === undefined ? {} : { longestBacklog }),
    });

  it('writes an event of the events API with all that it wants', async () => {
    const recorder = make();
    recorder.record(WRIST, [started(0), started(1)]);
    await recorder.flush();
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /apis/events.k8s.io/v1/namespaces/team/events']);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      ...{
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { namespace: 'team', name: expect.stringMatching(/^wrist\.[0-9a-f]+$/) },
      },
      ...{ eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'carpal.dev/operator', reportingInstance: 'operator-0' },
      ...{ action: 'Reconciling', regarding: WRIST, type: 'Normal', reason: 'StageStarted', note: 'folds 0–1, attempt 1' },
    });
  });

  it('gives every event a name of its own', async () => {
    const recorder = make();
    for (let i = 0; i < 20; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats).toMatchObject({ written: 20, lost: 0, waiting: 0 });
  });

  it('lets nobody wait or fail for an event that cannot be written', async () => {
    server.next('create', fault.refuse(403, 'Forbidden'), fault.cut());
    const recorder = make();
    for (let i = 0; i < 3; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats).toMatchObject({ written: 1, lost: 2 });
    expect(lines).toMatchObject([0, 1].map(() => ({ experiment: 'team/wrist', reason: 'StageStarted' })));
  });

  it('drops events rather than hold more than its backlog', async () => {
    const recorder = make(2);
    for (let i = 0; i < 10; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats.written + recorder.stats.lost).toBe(10);
    expect(recorder.stats.written).toBeLessThanOrEqual(6);
  });
});
