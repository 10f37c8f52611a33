import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connect } from '../api/connect.ts';
import { type LostEvent, type ObjectEvent, recordEvents } from './event-recorder.ts';

const WRIST = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', namespace: 'team', name: 'wrist', uid: 'u1' };
const started = (fold: number): ObjectEvent => ({ type: 'Normal', reason: 'StageStarted', note: `fold ${fold}, attempt 1` });

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
  const lost: LostEvent[] = [];
  const make = (longestBacklog?: number) =>
    recordEvents({
      onLost: (one) => void lost.push(one),
      ...{ client, component: 'carpal.dev/operator', instance: 'operator-0', now: () => new Date(Date.UTC(2026, 0, 1)) },
      ...(longestBacklog === undefined ? {} : { longestBacklog }),
    });

  it('writes an event of the events API with all required fields', async () => {
    const recorder = make();
    recorder.record(WRIST, [started(0)]);
    await recorder.flush();
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /apis/events.k8s.io/v1/namespaces/team/events']);
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      ...{
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { namespace: 'team', name: expect.stringMatching(/^wrist\.[0-9a-f]+$/) },
      },
      ...{ eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'carpal.dev/operator', reportingInstance: 'operator-0' },
      ...{ action: 'Reconciling', regarding: WRIST, type: 'Normal', reason: 'StageStarted', note: 'fold 0, attempt 1' },
    });
  });

  it('cuts notes to the length that the server accepts', async () => {
    const recorder = make();
    recorder.record(WRIST, [{ ...started(0), note: 'x'.repeat(2000) }]);
    await recorder.flush();
    const { note } = JSON.parse(server.requests[0]?.body ?? '') as ObjectEvent;
    expect([note.length, note.endsWith('…')]).toEqual([1024, true]);
  });

  it('gives every event its own name', async () => {
    const recorder = make();
    for (let i = 0; i < 20; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats).toMatchObject({ written: 20, lost: 0, waiting: 0 });
  });

  it('counts and reports events that cannot be written', async () => {
    server.next('create', fault.reject(403, 'Forbidden'), fault.cut());
    const recorder = make();
    for (let i = 0; i < 3; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats).toMatchObject({ written: 1, lost: 2 });
    expect(lost).toMatchObject([0, 1].map(() => ({ regarding: WRIST, event: { reason: 'StageStarted' } })));
  });

  it('drops events that do not fit into its backlog', async () => {
    const recorder = make(2);
    for (let i = 0; i < 10; i++) recorder.record(WRIST, [started(i)]);
    await recorder.flush();
    expect(recorder.stats.written + recorder.stats.lost).toBe(10);
    expect(recorder.stats.written).toBeLessThanOrEqual(6);
  });
});
