/** Whatever a stage writes into its report, the API server accepts the status that results from it. */

import { parseProgress } from '@carpal/artifacts/progress.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { statusSchema } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plan } from './plan.ts';

const FIGURES = ['epoch', 'epochs', 'step', 'stepsPerEpoch', 'loss', 'dice', 'bestDice', 'etaSeconds', 'done', 'total'] as const;
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -1, 1.5, 1e18, 1e308, Number.MIN_VALUE, 0.999_999_999_999),
  fc.nat(100),
);
const figures = fc.record(Object.fromEntries(FIGURES.map((name) => [name, fc.option(number)])), { requiredKeys: [] });

function statusOf(reports: readonly object[]): ExperimentStatus {
  const folds = reports.flatMap((fields, index) => {
    const text = JSON.stringify({ stage: 'fold', fold: index, state: 'running', updatedAt: at(5).toISOString(), ...fields });
    return parseProgress(Buffer.from(text)) ?? [];
  });
  const runs = [0, 1, 2].map((index) => attempt(fold(index), 1, {}));
  return plan(experimentWith(), seen([prepared(), ...runs], undefined, folds), at(10)).status;
}

describe('a report with implausible figures', () => {
  it('never leads to a status that the API server refuses', () => {
    fc.assert(
      fc.property(fc.array(figures, { minLength: 3, maxLength: 3 }), (reports) => {
        const status = statusOf(reports);
        expect(statusSchema.safeParse(status).error).toBeUndefined();
        if (status.estimatedCompletionTime !== undefined) expect(status.estimatedCompletionTime).toMatch(/^\d{4}-/);
      }),
      { numRuns: 500 },
    );
  });

  it('counts whole epochs and gives no completion time that is too far away', () => {
    const [first] = statusOf([{ epoch: 1.5, epochs: 9 }]).folds;
    expect(first).toMatchObject({ epoch: 1, epochs: 9 });
    expect(statusOf([0, 1, 2].map(() => ({ epoch: 1, epochs: 9, etaSeconds: 1e18 })))).not.toHaveProperty('estimatedCompletionTime');
    expect(statusOf([0, 1, 2].map(() => ({ epoch: 1, epochs: 9, etaSeconds: 60 })))).toHaveProperty('estimatedCompletionTime');
  });
});
