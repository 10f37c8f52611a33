import type { StageProgress } from '@carpal/configs/schema/progress.ts';

const MOST = 1_000_000_000;
/** Nobody waits longer for a stage, and times beyond the year 9999 have a form of their own. */
const TEN_YEARS_S = 315_360_000;

type Figure = number | null | undefined;

/** The figure if it lies between these two, else null, as one that is not known. */
function within(value: Figure, least: number, most: number): Figure {
  return value === undefined || value === null || (value >= least && value <= most) ? value : null;
}

function count(value: Figure): Figure {
  const known = within(value, 0, MOST);
  return typeof known === 'number' ? Math.floor(known) : known;
}

/** A report with figures that cannot be taken for unknown: a status must have room for them, and estimates come of them. */
export function plausibleReport(report: StageProgress): StageProgress {
  const { epoch, epochs, step, stepsPerEpoch, done, total, loss, dice, bestDice, etaSeconds } = report;
  return {
    ...report,
    epoch: count(epoch),
    epochs: count(epochs),
    step: count(step),
    stepsPerEpoch: count(stepsPerEpoch),
    done: count(done),
    total: count(total),
    // A loss may be anything that still is a number when it is rounded.
    loss: within(loss, -1e300, 1e300),
    dice: within(dice, 0, 1),
    bestDice: within(bestDice, 0, 1),
    etaSeconds: within(etaSeconds, 0, TEN_YEARS_S),
  };
}
