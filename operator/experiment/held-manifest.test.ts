import { statusSchema } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { eventsOf } from './events.ts';
import { heldManifestStatus } from './held-manifest.ts';
import { plan } from './plan.ts';
import { statusDiff } from './status-diff.ts';

const FINDING = { path: ['spec', 'dataset', 'classes'], message: 'there is no class list "x"', fix: 'Write one of hand-bones.' };
const MESSAGE = 'nothing new is started: spec.dataset.classes there is no class list "x" (Write one of hand-bones.)';
const { placement } = experimentWith().spec;

const done = attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(5).toISOString() });
const running = [prepared(), done, attempt(fold(1), 1, {})];
const before = plan(
  experimentWith(),
  seen(running, undefined, [report(1, { epoch: 1, epochs: 9, etaSeconds: 60, updatedAt: at(5).toISOString() })]),
  at(6),
).status;

describe('a manifest that the operator does not understand', () => {
  it('is explained in the condition Held if nothing has begun', () => {
    const status = heldManifestStatus([FINDING], { generation: 2 }, undefined, at(9));
    expect(status).toMatchObject({ state: 'Pending', reason: 'ManifestNotUnderstood', progress: '0%', folds: [], foldsFinished: '0/0' });
    expect(status.conditions).toEqual([
      {
        ...{ type: 'Held', status: 'True', reason: 'ManifestNotUnderstood', message: MESSAGE },
        ...{ lastTransitionTime: at(9).toISOString(), observedGeneration: 2 },
      },
    ]);
    expect(statusSchema.safeParse(status).error).toBeUndefined();
  });

  it('adds only the condition to a status, and takes away the estimate that is no longer updated', () => {
    expect(before.estimatedCompletionTime).toBeDefined();
    const { conditions, ...status } = heldManifestStatus([FINDING], {}, before, at(9));
    const { conditions: conditionsBefore, estimatedCompletionTime: _time, ...kept } = before;
    expect(status).toEqual(kept);
    expect(conditions.slice(0, -1)).toEqual(conditionsBefore);
    expect(conditions.at(-1)).toMatchObject({ type: 'Held', status: 'True' });
  });

  it('gives the same status again while it stays the same', () => {
    const held = heldManifestStatus([FINDING], { generation: 2 }, before, at(9));
    expect(heldManifestStatus([FINDING], { generation: 2 }, held, at(99))).toEqual(held);
  });

  it('lists at most ten findings and counts the others', () => {
    const { conditions } = heldManifestStatus(
      Array.from({ length: 12 }, () => ({ ...FINDING, fix: 'Fix.' })),
      {},
      undefined,
      at(9),
    );
    expect(conditions[0]?.message.split('; ')).toHaveLength(11);
    expect(conditions[0]?.message).toMatch(/; and 2 more$/);
  });

  it('changes nothing of an experiment that has ended, also one that an older operator ended as invalid', () => {
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 65, finishedAt: at(5).toISOString() });
    const ended = plan(experimentWith({ onFoldFailure: 'stop' }), seen([prepared(), failed]), at(6)).status;
    expect(ended.state).toBe('Failed');
    expect(heldManifestStatus([FINDING], { generation: 2 }, ended, at(9))).toBe(ended);
    const invalid = { ...ended, reason: 'InvalidManifest' as const };
    expect(heldManifestStatus([FINDING], { generation: 2 }, invalid, at(9))).toBe(invalid);
    expect(plan(experimentWith({ onFoldFailure: 'stop' }), seen([], invalid), at(10)).status).toBe(invalid);
  });
});

describe('a manifest that the operator understands again', () => {
  it('is planned as before, without the condition Held, with an event for each change', () => {
    const held = heldManifestStatus([FINDING], {}, before, at(9));
    expect(eventsOf(statusDiff(before, held), placement)).toEqual([{ type: 'Warning', reason: 'ManifestNotUnderstood', note: MESSAGE }]);
    const { status, events } = plan(experimentWith(), seen(running, held), at(20));
    expect(status.conditions.map(({ type }) => type)).not.toContain('Held');
    expect(status.folds).toEqual(before.folds);
    expect(events).toEqual([{ type: 'Normal', reason: 'ManifestUnderstood', note: 'the operator understands the manifest' }]);
    expect(plan(experimentWith(), seen(running, status), at(21)).events).toEqual([]);
  });
});
