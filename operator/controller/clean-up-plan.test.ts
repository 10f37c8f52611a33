import { at, attempt, fold } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { cleanUpPlan } from './clean-up-plan.ts';

const URI = 's3://store/experiments/default/wrist/u1';
const ended = { finishedAt: at(0).toISOString(), ttlAfterFinished: '1h' };
const expiring = { ...ended, expiringArtifacts: URI };
const finished = attempt(fold(0), 1, { state: 'succeeded' });

describe('what an ended experiment leaves', () => {
  it('is looked at again when its time has passed', () => {
    expect(cleanUpPlan([finished], ended, at(60))).toEqual({ stop: [], remove: [], nextMs: 3_540_000 });
    expect(cleanUpPlan([], expiring, at(60))).toEqual({ stop: [], remove: [], nextMs: 3_540_000 });
  });

  it('is its attempts alone where its artifacts are to stay', () => {
    expect(cleanUpPlan([finished], ended, at(3600))).toEqual({ stop: [], remove: [finished.name], nextMs: undefined });
    expect(cleanUpPlan([], ended, at(3600))).toEqual({ stop: [], remove: [], nextMs: undefined });
  });

  it('goes attempts first: none is to write to artifacts that are being removed', () => {
    const running = attempt(fold(1), 1, {});
    expect(cleanUpPlan([finished], expiring, at(3600))).toEqual({ stop: [], remove: [finished.name], nextMs: undefined });
    expect(cleanUpPlan([running], expiring, at(3600))).toEqual({ stop: [running.name], remove: [], nextMs: undefined });
    expect(cleanUpPlan([], expiring, at(3600))).toEqual({ stop: [], remove: [], removeArtifacts: URI, nextMs: undefined });
  });

  it('stays where nobody noted when it ended', () => {
    const { finishedAt: _finishedAt, ...undated } = expiring;
    expect(cleanUpPlan([], undated, at(1e9))).toEqual({ stop: [], remove: [], nextMs: undefined });
    expect(cleanUpPlan([finished], undated, at(1e9))).toEqual({ stop: [], remove: [], nextMs: undefined });
  });
});
