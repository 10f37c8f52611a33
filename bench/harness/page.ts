/** docs/benchmarks.md, generated from the committed figures. */
import type { Figure } from './figure.ts';
import { boundText, goalsOf, goalsText, isMet, type Measure, numberText } from './goals.ts';
import { busyText, type Committed, type Measured, machineMarks, milliseconds, type Outcome, table } from './outcome.ts';
import { earlierMark, stepSection, stepShape } from './step-matrix.ts';

type Row = Outcome & Measured;
type Place = (row: Row) => string;

const section = (title: string, introduction: string, parts: readonly string[]): string =>
  parts.length === 0 ? '' : `## ${title}\n\n${introduction}\n\n${parts.join('\n\n')}`;

const isStep = ({ name }: Outcome): boolean => stepShape(name) !== undefined;

function introduction(rows: readonly Row[]): string {
  const machines = Array.from(machineMarks(rows), ([machine, mark]) => `${machine}${mark}`).join('; ');
  const lines = [
    `Measured with \`./carpal bench CASE… --write\` on ${machines}. Each baseline was measured in the same run as carpal. Times are medians with`,
    'their quartiles, in milliseconds per item. `./carpal bench CASE… --check` compares new ratios with these and with the goals. GPUs are untested.',
  ];
  if (rows.some(({ memoryGoal }) => memoryGoal !== undefined))
    lines.push("Memory is peak resident memory; its goal is a multiple of the baseline's.");
  if (rows.some(({ busyCores }) => busyText(busyCores) !== ''))
    lines.push('A number of busy cores after a revision means that other programs were running when the case started or ended.');
  return lines.join('\n');
}

const COMPARED_TEXT = [
  'The ratio is how many times faster carpal is. "The original" is the code base that carpal replaces: its baselines keep its method, so they do not take',
  'the shortcuts that the training steps below take on both sides.',
].join('\n');

function ratioTable(rows: readonly Row[], placeOf: Place): string {
  const cells = (outcome: Row): readonly string[] => {
    const { name, what, against, ours, baseline, ratio } = outcome;
    const peak =
      ours.peakMb === undefined || baseline.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} / ${baseline.peakMb.toFixed(0)}`;
    const found = [milliseconds(ours), milliseconds(baseline), `**${ratio.toFixed(2)}×**`];
    return [name, what, against, ...found, goalsText(goalsOf(outcome)), peak, placeOf(outcome)];
  };
  const head = ['case', 'what', 'compared with', 'carpal', 'baseline', 'ratio', 'goal', 'peak MB, carpal / baseline', 'revision'];
  return table(head, rows.map(cells));
}

const wayCell = (figure: Figure): string =>
  `${milliseconds(figure)}${figure.peakMb === undefined ? '' : `, ${figure.peakMb.toFixed(0)} MB`}`;

/** The figures of every way of the baselines, one table per family of cases. Empty if no baseline has several ways. */
function waysSection(rows: readonly Row[], placeOf: Place): string {
  const several = rows.filter(({ ways }) => ways !== undefined);
  const familyOf = ({ name }: Outcome): string => name.split('-')[0] ?? name;
  const tables = [...new Set(several.map(familyOf))].map((family) => {
    const members = several.filter((row) => familyOf(row) === family);
    const names = [...new Set(members.flatMap(({ ways = [], failedWays = [] }) => [...ways.map(({ name }) => name), ...failedWays]))];
    const cellOf = ({ ways = [], failedWays = [] }: Outcome, name: string): string => {
      const way = ways.find((one) => one.name === name);
      if (way) return wayCell(way.figure);
      return failedWays.includes(name) ? '–' : 'not tried';
    };
    return table(
      ['case', 'carpal', ...names, 'revision'],
      members.map((row) => [row.name, wayCell(row.ours), ...names.map((name) => cellOf(row, name)), placeOf(row)]),
    );
  });
  const gap = 'The ratio is to the fastest way. A dash (–) is a way that failed: compilers reject some networks.';
  return section('All ways of the baselines', gap, tables);
}

function measureCells(measure: Measure): string[] {
  const bound = boundText(measure);
  return [measure.what, `${numberText(measure.value)} ${measure.unit}`.trim(), isMet(measure) ? bound : `${bound} (missed)`];
}

function standaloneSection({ standalone }: Committed): string {
  const parts = standalone.map(({ name, what, measures, busyCores, revision, machine }) => {
    const busy = busyText(busyCores);
    const place = `At revision ${revision} on ${machine}${busy === '' ? '' : `; other programs kept ${busy}`}.`;
    return `### ${name}\n\n${what}. ${place}\n\n${table(['what', 'carpal', 'goal'], measures.map(measureCells))}`;
  });
  return section('Without a baseline', 'Cases with absolute goals.', parts);
}

function operatorSection({ operator }: Committed): string {
  const parts = operator.map(({ name, what, measures, load, revision, machine }) => {
    const rows = measures.map((measure) => [
      ...measureCells(measure),
      measure.published === undefined ? '' : numberText(measure.published),
    ]);
    const place = `At revision ${revision} on ${machine}; load average ${load.toFixed(1)} at the end.`;
    return `### ${name}\n\n${what}. ${place}\n\n${table(['what', 'carpal', 'goal', 'JobSet, published'], rows)}`;
  });
  const introduction =
    'Measured while a real control plane runs on the same machine. The published figures of JobSet are for 200 JobSets of 5 Jobs each on 2 cores.';
  return section('The operator', introduction, parts);
}

/** The whole page. */
export function benchmarkPage(committed: Committed): string {
  const { ratios } = committed;
  const marks = machineMarks(ratios);
  const placeOf: Place = (row) => {
    const busy = busyText(row.busyCores);
    return `${row.revision}${marks.get(row.machine) ?? ''}${earlierMark(row)}${busy === '' ? '' : `; ${busy}`}`;
  };
  const others = ratios.filter((row) => !isStep(row));
  const sections = [
    `# Benchmarks\n\n${introduction(ratios)}`,
    section('Compared with a baseline', COMPARED_TEXT, others.length === 0 ? [] : [ratioTable(others, placeOf)]),
    stepSection(ratios),
    waysSection(ratios, placeOf),
    standaloneSection(committed),
    operatorSection(committed),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}
