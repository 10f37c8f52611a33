/** A cost estimate as a table for people. */
import { formatDuration } from '@carpal/configs/duration.ts';
import type { CostEstimate } from './estimate-cost.ts';

/** Rows of figures in right-aligned columns, one line per row. The first row determines the number of columns. */
export function figureTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')}\n`).join('');
}

const hoursText = (hours: number): string => hours.toFixed(hours < 10 ? 2 : 1);
const MINUTE_HOURS = 1 / 60;

/** Whole minutes, or seconds below one minute. */
function span(hours: number): string {
  const unitMs = hours < MINUTE_HOURS ? 1000 : 60_000;
  return formatDuration(Math.ceil((hours * 3_600_000) / unitMs - 1e-6) * unitMs);
}

/** The table, a line with the wall-clock time, and the assumptions. */
export function costText(
  { folds, total, currency, wallClockHours }: CostEstimate,
  parallelism: number,
  assumptions: readonly string[],
): string {
  const money = (amount: number | undefined): string => (amount === undefined ? 'no price' : amount.toFixed(2));
  const row = (title: string, images: string, cost: CostEstimate['total']): readonly string[] => [
    title,
    images,
    String(cost.steps),
    String(cost.validations),
    hoursText(cost.hours),
    hoursText(cost.gpuHours),
    money(cost.onDemand),
    money(cost.spot),
  ];
  const text = figureTable([
    ['FOLD', 'IMAGES', 'STEPS', 'VALIDATIONS', 'HOURS', 'GPU HOURS', `ON-DEMAND ${currency}`, `SPOT ${currency}`],
    ...folds.map((fold) => row(String(fold.fold), String(fold.train), fold)),
    row('all', '', total),
  ]);
  const atATime = Math.min(parallelism, folds.length);
  const clock = `wall clock with ${atATime} ${atATime === 1 ? 'fold' : 'folds'} at a time: ${span(wallClockHours)}\n`;
  return `${text}\n${clock}\nassumed:\n${assumptions.map((line) => `- ${line}\n`).join('')}`;
}
