import { busyText } from './busy-cores.ts';
import { type Figure, millisecondsPerItem } from './figure.ts';
import type { Outcome } from './outcome.ts';
import { promisesOf, promisesText } from './promises.ts';

/** Median with its quartiles. */
export function milliseconds(figure: Figure): string {
  const { median, low, high } = millisecondsPerItem(figure);
  const digits = median < 1 ? 3 : median < 100 ? 2 : 0;
  return `${median.toFixed(digits)} ms (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function memory({ ours, peer }: Outcome): string {
  if (ours.peakMb === undefined || peer.peakMb === undefined) return '';
  return `; memory at its highest ${ours.peakMb.toFixed(0)} and ${peer.peakMb.toFixed(0)} MB`;
}

/** One outcome in a few lines: both medians with their quartiles, every way of the peer, the ratio, and what of the promised is missed. */
export function outcomeLine(outcome: Outcome): string {
  const { name, what, item, ours, peer, peers = [], refused = [], ratio, busyCores } = outcome;
  const busy = busyText(busyCores);
  const lines = [
    `carpal ${milliseconds(ours)} for each ${item}, peer ${milliseconds(peer)}${memory(outcome)}`,
    ...peers.map((way) => `  ${way.name} ${milliseconds(way.figure)}`),
    ...refused.map((way) => `  ${way} does not work`),
    ...(busy === '' ? [] : [`other work kept ${busy}: these are not the figures of a quiet machine`]),
    `ratio ${ratio.toFixed(2)}×, promised ${promisesText(promisesOf(outcome))}`,
  ];
  return [`${name.padEnd(12)} ${what}`, ...lines.map((line) => `${' '.repeat(13)}${line}`)].join('\n');
}
