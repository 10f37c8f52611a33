import { busyText } from './busy-cores.ts';
import type { Measured } from './committed.ts';
import type { Outcome } from './outcome.ts';
import { milliseconds } from './outcome-line.ts';
import { promisesOf, promisesText } from './promises.ts';

function row(outcome: Outcome & Measured): string {
  const { name, what, ours, peer, ratio, revision, busyCores } = outcome;
  const peak = ours.peakMb === undefined || peer.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} / ${peer.peakMb.toFixed(0)}`;
  const busy = busyText(busyCores);
  const place = busy === '' ? revision : `${revision}; ${busy}`;
  const found = [milliseconds(ours), milliseconds(peer), `**${ratio.toFixed(2)}×**`];
  return `| ${[name, what, ...found, promisesText(promisesOf(outcome)), peak, place].join(' | ')} |`;
}

/** Both sides of every comparison, what is promised of it and where that is missed. */
export function ratioTable(rows: readonly (Outcome & Measured)[]): string {
  return [
    '| name | what | carpal | peer | ratio | promised | peak MB, carpal / peer | revision |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(row),
  ].join('\n');
}
