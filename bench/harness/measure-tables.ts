/** The parts of docs/benchmarks.md that hold values and absolute promises. */
import { busyText } from './busy-cores.ts';
import type { Measured } from './committed.ts';
import { boundText, isKept, type Measure, numberText } from './measures.ts';
import type { OperatorOutcome } from '../operator/outcome.ts';
import type { AloneOutcome } from './run-alone.ts';

function cells(measure: Measure): string[] {
  const bound = boundText(measure);
  return [measure.what, `${numberText(measure.value)} ${measure.unit}`, isKept(measure) ? bound : `${bound} (missed)`];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((row, index) => (index === 1 ? `|${row.join('|')}|` : `| ${row.join(' | ')} |`))
    .join('\n');
}

function section(title: string, introduction: string, tables: readonly string[]): string {
  return tables.length === 0 ? '' : `\n## ${title}\n\n${introduction}\n\n${tables.join('\n\n')}\n`;
}

/** What the operator was measured at, beside what was published of JobSet. */
export function operatorTables(outcomes: readonly (OperatorOutcome & Measured)[]): string {
  const tables = outcomes.map(({ name, what, measures, load, revision, machine }) => {
    const rows = measures.map((measure) => [...cells(measure), measure.peer === undefined ? '' : numberText(measure.peer)]);
    const place = `At revision ${revision} on ${machine}; load of the machine at its end ${load.toFixed(1)}.`;
    return `### ${name}\n\n${what}. ${place}\n\n${table(['what', 'carpal', 'promised', 'JobSet, published'], rows)}`;
  });
  const introduction =
    "Beside a real control plane on the same machine. What JobSet's makers published is of 200 JobSets of 5 Jobs each on 2 cores.";
  return section('The operator', introduction, tables);
}

/** What was measured of carpal without a peer. */
export function aloneTables(outcomes: readonly (AloneOutcome & Measured)[]): string {
  const tables = outcomes.map(({ name, what, measures, busyCores, revision, machine }) => {
    const busy = busyText(busyCores);
    const place = `At revision ${revision} on ${machine}${busy === '' ? '' : `; other work kept ${busy}`}.`;
    return `### ${name}\n\n${what}. ${place}\n\n${table(['what', 'carpal', 'promised'], measures.map(cells))}`;
  });
  return section('Without a peer', 'What carpal promises whatever others do.', tables);
}
