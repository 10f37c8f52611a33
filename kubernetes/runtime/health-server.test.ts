import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HealthServer, startHealthServer, stuckReflectors } from './health-server.ts';
import { createLogger } from './logger.ts';
import { createRuntimeMetrics } from './metrics.ts';
import { createWorkQueue } from './work-queue.ts';

describe('the health server', () => {
  let unhealthy: string[];
  let notReady: string[];
  let server: HealthServer;
  const metrics = createRuntimeMetrics();
  beforeEach(async () => {
    [unhealthy, notReady] = [[], []];
    server = await startHealthServer({ port: 0, host: '127.0.0.1', unhealthy: () => unhealthy, notReady: () => notReady, metrics });
  });
  afterEach(() => server.close());
  const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('reports alive but not ready while the process waits for its first lists', async () => {
    notReady = ['the first list of jobs'];
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([503, 'the first list of jobs\n']);
    notReady = [];
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
  });

  it('reports not alive when a reflector hangs', async () => {
    unhealthy = [...stuckReflectors({ jobs: { quietMs: () => 700_000 }, pods: { quietMs: () => 300_000 } })];
    expect(await get('/healthz')).toEqual([503, 'the reflector of jobs has shown no activity for 700 s\n']);
  });

  it('answers no other path and no other method', async () => {
    expect((await get('/'))[0]).toBe(404);
    expect((await get('/healthz', 'POST'))[0]).toBe(405);
  });

  it('shows what was counted, without labels that grow with the number of objects', async () => {
    metrics.reconciled({ ok: true, seconds: 0.01 });
    metrics.queueWaited(20);
    metrics.apiRequest({ verb: 'create', group: 'batch', resource: 'jobs', code: 201, seconds: 0.02 });
    metrics.leading(true);
    const queue = createWorkQueue();
    metrics.followEvents({ written: 3, lost: 0, waiting: 0 });
    metrics.followQueue(createWorkQueue());
    metrics.followQueue(queue);
    queue.add('team/wrist');
    metrics.followReflector('jobs', { stats: { lists: 1, watches: 2, events: 3, relists: 4, repairs: 5, errors: 6 }, size: 7 });
    metrics.followEvents({ written: 11, lost: 1, waiting: 0 });
    const [, page] = await get('/metrics');
    const [, again] = await get('/metrics');
    for (const line of [
      'carpal_reconcile_total{result="ok"} 1',
      'carpal_reconcile_duration_seconds_count{result="ok"} 1',
      'carpal_api_requests_total{verb="create",resource="jobs",code="201"} 1',
      'carpal_leader 1',
      'carpal_queue_depth 1',
      'carpal_reflector_repairs_total{resource="jobs"} 5',
      'carpal_reflector_objects{resource="jobs"} 7',
      'carpal_events_total{outcome="written"} 14',
    ]) {
      expect(page.split('\n')).toContain(line);
      expect(again.split('\n')).toContain(line);
    }
    expect(page).toContain('# TYPE carpal_reflector_repairs_total counter');
    expect(page).toContain('process_resident_memory_bytes');
    expect(page).not.toContain('wrist');
  });
});

describe('the logger', () => {
  it('writes one JSON object per line, with its extra fields, the cause of an error, and no secret', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => lines.push(line) } }).child({ experiment: 'team/wrist' });
    logger.debug({}, 'not shown');
    logger.error(
      { error: new Error('outer', { cause: new Error('inner') }), token: 'abc', request: { headers: { authorization: 'abc' } } },
      'failed',
    );
    expect(lines.length).toBe(1);
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    expect(line).toMatchObject({ level: 'error', experiment: 'team/wrist', msg: 'failed', token: '[hidden]' });
    expect(JSON.stringify(line)).toContain('inner');
    expect(lines[0]).not.toContain('abc');
  });
});
