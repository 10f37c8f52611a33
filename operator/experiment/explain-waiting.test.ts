import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, PREPARE, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { HeldStart } from './observed.ts';
import { type Plan, plan } from './plan.ts';

const ONE = experimentWith({ startDeadline: '1h' });
const QUOTA = 'jobs.batch "wrist-prepare-1" is forbidden: exceeded quota: jobs, used: 5';
const INVALID = 'Job.batch "wrist-prepare-1" is invalid: spec.template.spec.nodeSelector: Invalid value';
const hold = (message = QUOTA): HeldStart => ({ ...PREPARE, attempt: 1, message, againMs: 20_000, cause: 'denied' });
const refusal: HeldStart = { ...hold(INVALID), cause: 'refused' };
const first = plan(ONE, seen([]), at(0)).status;
const hindered = (seconds: number, status: ExperimentStatus = first, held: readonly HeldStart[] = [hold()]): Plan =>
  plan(ONE, { ...seen([], status), held }, at(seconds));
const message = (status: ExperimentStatus, type: string): string | undefined => status.conditions.find((one) => one.type === type)?.message;

describe('an attempt that cannot be started', () => {
  it('is explained in its stage, in the condition and in the summary, with the time of the first failed start', () => {
    const { status } = hindered(1);
    expect(status.prepare).toEqual({
      state: 'Starting',
      attempts: 1,
      failures: 0,
      disruptions: 0,
      activeSeconds: 0,
      heldSince: at(1).toISOString(),
      reason: 'StageDenied',
      message: QUOTA,
    });
    expect(message(status, 'Prepared')).toBe(QUOTA);
    expect([status.state, status.reason]).toEqual(['Pending', 'StageDenied']);
  });

  it('is not started again in the same step, but is started again after the delay', () => {
    expect(hindered(1)).toMatchObject({ start: [], requeueAfterMs: 20_000 });
    expect(plan(ONE, seen([], hindered(1).status), at(2)).start).toMatchObject([{ name: 'wrist-prepare-1', again: true }]);
  });

  it('causes one warning per message, ignoring the numbers in it', () => {
    const warnings = (planned: Plan): readonly string[] => planned.events.filter(({ type }) => type === 'Warning').map(({ note }) => note);
    const reported = hindered(1);
    expect(warnings(reported)).toEqual([`prepare, attempt 1, cannot be started: ${QUOTA}`]);
    const again = hindered(2, reported.status, [hold(QUOTA.replace('5', '6'))]);
    expect([again.events, again.status]).toEqual([[], reported.status]);
    const other = hindered(3, reported.status, [hold('namespace "gone" is being terminated')]);
    expect(warnings(other)).toEqual(['prepare, attempt 1, cannot be started: namespace "gone" is being terminated']);
    expect(other.status.prepare.heldSince).toBe(at(1).toISOString());
  });

  it('fails its stage at the start deadline if its Job is refused, and names the cause', () => {
    const reported = hindered(1, first, [refusal]).status;
    expect(reported.prepare).toMatchObject({ state: 'Starting', reason: 'InvalidManifest', message: INVALID });
    expect(hindered(3600, reported, [refusal])).toMatchObject({ requeueAfterMs: 1000 });
    const { status } = hindered(3601, reported, [refusal]);
    expect([status.state, status.reason]).toEqual(['Failed', 'StartDeadlineExceeded']);
    expect(message(status, 'Failed')).toContain(`prepare did not start within run.startDeadline (1h): ${INVALID}`);
    expect(status.prepare.heldSince).toBeUndefined();
  });

  it('is tried once more after the start deadline if the operator was away', () => {
    expect(plan(ONE, seen([], hindered(1, first, [refusal]).status), at(9999))).toMatchObject({
      status: { prepare: { state: 'Starting' } },
      start: [{ name: 'wrist-prepare-1' }],
    });
  });

  it('loses the message once its Job exists', () => {
    const { prepare } = plan(ONE, seen([attempt(PREPARE, 1, { state: 'pending' })], hindered(1).status), at(30)).status;
    expect(prepare).toEqual({ state: 'Pending', attempts: 1, failures: 0, disruptions: 0, activeSeconds: 0 });
  });

  it('loses the message once the attempt has failed, and when the next attempt starts', () => {
    const failed = attempt(PREPARE, 1, { state: 'failed', exitCode: 1, finishedAt: at(30).toISOString() });
    const waiting = plan(ONE, seen([failed], hindered(1).status), at(30)).status;
    expect(waiting.prepare).toMatchObject({ state: 'Waiting', failures: 1 });
    expect(waiting.prepare).not.toHaveProperty('heldSince');
    expect(plan(ONE, seen([failed], hindered(1).status), at(9999)).status.prepare).toMatchObject({ state: 'Starting', attempts: 2 });
    expect(plan(ONE, seen([failed], hindered(1).status), at(9999)).status.prepare).not.toHaveProperty('heldSince');
  });

  it('is stopped without using a budget when the experiment is suspended', () => {
    const suspended = experimentWith({ suspend: true });
    const stopping = plan(suspended, seen([], hindered(1).status), at(2)).status;
    expect(stopping.prepare).not.toHaveProperty('heldSince');
    expect(plan(suspended, seen([], stopping), at(3)).status.prepare).toMatchObject({ state: 'Stopped', failures: 0, disruptions: 0 });
  });

  it('changes nothing in the status while its namespace is being deleted', () => {
    const planned = hindered(1, first, [{ ...hold('because it is being terminated'), cause: 'terminating' }]);
    expect([planned.status, planned.events, planned.start, planned.requeueAfterMs]).toEqual([first, [], [], 20_000]);
  });

  it('is counted next to the finished folds and does not block other folds', () => {
    const begun = plan(experimentWith(), seen([prepared()]), at(1)).status;
    const held: HeldStart[] = [1, 2].map((index) => ({ ...fold(index), attempt: 1, message: 'exceeded quota', againMs: 5 }));
    const { status, start } = plan(experimentWith(), { ...seen([prepared(), attempt(fold(0), 1, {})], begun), held }, at(2));
    expect([start, status.state, message(status, 'Training')]).toEqual([[], 'Training', '0 of 3 folds finished, 2 wait: exceeded quota']);
  });
});

describe('the position of a queued attempt', () => {
  /** The message in the status after each of these messages of the queue. */
  function shown(...messages: readonly string[]): readonly (string | undefined)[] {
    let status = plan(ONE, seen([prepared()]), at(1)).status;
    return messages.map((text, index) => {
      status = plan(ONE, seen([prepared(), attempt(fold(0), 1, { state: 'queued', message: text })], status), at(index + 2)).status;
      return status.folds[0]?.message;
    });
  }
  const waits = (position: number, of: number, needed = 1): string =>
    `position ${position} of ${of} in ClusterQueue team; ${needed} more needed`;

  it('is shown again whenever it changes near the front, but not if only other numbers change', () => {
    expect(shown(waits(3, 7), waits(3, 9, 2), waits(2, 9), waits(1, 8))).toEqual([waits(3, 7), waits(3, 7), waits(2, 9), waits(1, 8)]);
  });

  it('is shown again far behind only if it has changed by a tenth', () => {
    expect(shown(waits(500, 900), waits(451, 900), waits(450, 900), waits(500, 900))).toEqual([
      waits(500, 900),
      waits(500, 900),
      waits(450, 900),
      waits(500, 900),
    ]);
  });
});
