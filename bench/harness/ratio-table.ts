import { busyText } from './busy-cores.ts';
import type { Measured } from './committed.ts';
import { machineMarks } from './machine-marks.ts';
import type { Outcome } from './outcome.ts';
import { milliseconds } from './outcome-line.ts';
import { promisesOf, promisesText } from './promises.ts';

function row(outcome: Outcome & Measured, mark: string): string {
  const { name, what, ours, peer, ratio, busyCores } = outcome;
  const peak = ours.peakMb === undefined || peer.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} / ${peer.peakMb.toFixed(0)}`;
  const busy = busyText(busyCores);
  const revision = `${outcome.revision}${mark}`;
  const place = busy === '' ? revision : `${revision}; ${busy}`;
  const found = [milliseconds(ours), milliseconds(peer), `**${ratio.toFixed(2)}×**`];
  return `| ${[name, what, ...found, promisesText(promisesOf(outcome)), peak, place].join(' | ')} |`;
}

/** Both sides of every comparison, what is promised of it and where that is missed; the machine where there are several. */
export function ratioTable(rows: readonly (Outcome & Measured)[]): string {
  const marks = machineMarks(rows);
  return [
    '| name | what | carpal | peer | ratio | promised | peak MB, carpal / peer | revision |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map((outcome) => row(outcome, marks.get(outcome.machine) ?? '')),
  ].join('\n');
}
