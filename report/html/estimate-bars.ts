import type { Estimate } from '../statistics/estimates.ts';

/** The values at both ends of a bar. */
export type Scale = { readonly from: number; readonly to: number };

const percent = (value: number, { from, to }: Scale): number => Math.min(100, Math.max(0, ((value - from) / (to - from)) * 100));
const at = (value: number): string => `${value.toFixed(1)}%`;

/** An interval as words: `0.812 to 0.874`, or a dash where there is none. */
export const intervalText = ({ interval }: Estimate, digits = 3): string =>
  interval === undefined ? '–' : `${signless(interval.low, digits)} to ${signless(interval.high, digits)}`;

/** A number with a true minus, and 0 without one. */
export function signless(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** A number with its sign, + or −, unless it is 0. */
export function signed(value: number, digits: number): string {
  const text = signless(value, digits);
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text;
}

/** A bar from the scale's beginning to the mean, in a colour, with a line over its interval. */
export function meanBar(estimate: Estimate, scale: Scale, colour: string): string {
  return track(
    `<i style="width:${at(percent(estimate.mean, scale))};background:${colour}"></i>${intervalLine(estimate, scale)}`,
    `${signless(estimate.mean, 3)}, interval ${intervalText(estimate)}`,
  );
}

/** A dot at the mean with a line over its interval, and a mark at 0; dim where the interval holds 0. */
export function differenceBar(estimate: Estimate, scale: Scale): string {
  const zero = `<u style="left:${at(percent(0, scale))}"></u>`;
  const dot = `<b style="left:${at(percent(estimate.mean, scale))}"></b>`;
  const clear = estimate.interval !== undefined && (estimate.interval.low > 0 || estimate.interval.high < 0);
  const label = `${signed(estimate.mean, 4)}, interval ${intervalText(estimate, 4)}`;
  return track(`${zero}${intervalLine(estimate, scale)}${dot}`, label, clear ? 'open clear' : 'open');
}

function intervalLine({ interval }: Estimate, scale: Scale): string {
  if (!interval) return '';
  const [low, high] = [percent(interval.low, scale), percent(interval.high, scale)];
  return `<s style="left:${at(low)};width:${at(high - low)}"></s>`;
}

const track = (marks: string, label: string, kind = ''): string =>
  `<div class="${`track ${kind}`.trim()}" role="img" aria-label="${label}">${marks}</div>`;
