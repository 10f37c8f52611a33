import type { Estimate } from '../statistics/estimates.ts';

/** The values at the two ends of a bar. */
export type Scale = { readonly from: number; readonly to: number };

const percent = (value: number, { from, to }: Scale): number => Math.min(100, Math.max(0, ((value - from) / (to - from)) * 100));
const at = (value: number): string => `${value.toFixed(1)}%`;

/** An interval as text, `0.812 to 0.874`, or a dash without an interval. */
export const intervalText = ({ interval }: Estimate, digits = 3): string =>
  interval === undefined ? '–' : `${numberText(interval.low, digits)} to ${numberText(interval.high, digits)}`;

/** A number with a true minus sign; 0 never has a sign. */
export function numberText(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−');
}

/** A number with its sign, + or −; 0 never has a sign. */
export function signed(value: number, digits: number): string {
  const text = numberText(value, digits);
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text;
}

/** A coloured bar from the start of the scale to the mean, with a line for the interval. */
export function meanBar(estimate: Estimate, scale: Scale, colour: string): string {
  return track(
    `<i style="width:${at(percent(estimate.mean, scale))};background:${colour}"></i>${intervalLine(estimate, scale)}`,
    `${numberText(estimate.mean, 3)}, interval ${intervalText(estimate)}`,
  );
}

/** A dot at the mean with a line for the interval and a mark at 0; dim if the interval includes 0. */
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
