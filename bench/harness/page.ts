/** docs/benchmarks.md, made from the committed figures. */
import { busyText } from './busy-cores.ts';
import type { Committed, Measured } from './committed.ts';
import { machineMarks } from './machine-marks.ts';
import { aloneTables, operatorTables } from './measure-tables.ts';
import type { Outcome } from './outcome.ts';
import { peerTables } from './ways-tables.ts';
import { promisesText } from './promises.ts';
import { ratioTable } from './ratio-table.ts';
import { memoryAbovePromise, stepMedians } from './step-medians.ts';

/** What is found and promised of the networks together. */
function networksTogether(rows: readonly (Outcome & Measured)[]): string {
  const lines = stepMedians(rows).map(({ kind, median, lowest, networks, goal, isKept, revisions }) => {
    const promised = goal === undefined ? '' : ` (promised ${promisesText([{ text: `≥ ${goal}×`, isKept }])})`;
    const spread = revisions.length < 2 ? '' : `; measured at several revisions: ${revisions.join(', ')}`;
    return `- ${kind}: ${median.toFixed(2)}×${promised}, the lowest ${lowest.toFixed(2)}×, ${networks} networks${spread}`;
  });
  if (lines.length === 0) return '';
  const memory = memoryAbovePromise(rows);
  if (memory.rows > 0) lines.push(`- more memory than promised: ${memory.above} of ${memory.rows} rows`);
  return `\n## Training steps, the median over the networks\n\n${lines.join('\n')}\n`;
}

/** How the table of ratios is to be read. */
function introduction(rows: readonly (Outcome & Measured)[]): string {
  const machines = Array.from(machineMarks(rows), ([machine, mark]) => `${machine}${mark}`).join('; ');
  const lines = [
    `Made by \`./carpal bench NAME… --write\` on ${machines}. Each row's peer was measured in the same run as carpal: medians with their quartiles,`,
    'milliseconds an item. `./carpal bench NAME… --check` compares the ratios of today with these, and with what is promised. GPUs are untested.',
  ];
  if (rows.some(({ memoryGoal }) => memoryGoal !== undefined))
    lines.push("Memory is resident memory at its highest, promised as a part of the peer's.");
  if (rows.some(({ busyCores }) => busyText(busyCores) !== ''))
    lines.push('After a revision stands where other work kept so many cores busy when the row began or ended.');
  return lines.join('\n');
}

/** The page: ratios, medians over the networks, every peer, what has no peer, the operator. */
export function benchmarkPage({ ratios, alone, operator }: Committed): string {
  const page = `# Benchmarks\n\n${introduction(ratios)}\n\n${ratioTable(ratios)}\n`;
  return [page, networksTogether(ratios), peerTables(ratios), aloneTables(alone), operatorTables(operator)].join('');
}
