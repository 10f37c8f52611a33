/** Training steps of docs/benchmarks.md: medians over the networks, and matrices of network × size × precision. */
import { EARLIER_METHOD, SHORTCUTS, STEP_METHOD, STEP_METHOD_TEXT, shortcutsOf } from '../baseline/step-method.ts';
import { medianOf } from './figure.ts';
import { meetsMemoryGoal } from './goals.ts';
import type { Measured, Outcome } from './outcome.ts';
import { table } from './outcome.ts';

export type Precision = 'float32' | 'bfloat16';
export type StepShape = { readonly network: string; readonly size: number; readonly precision: Precision; readonly count: number };

/** The name of a step's row: `step-NETWORK-SIZE[-bfloat16][-batchN]`. */
export function stepName({ network, size, precision, count }: StepShape): string {
  return ['step', network, size, ...(precision === 'float32' ? [] : [precision]), ...(count === 1 ? [] : [`batch${count}`])].join('-');
}

/** The shape that a row's name states; undefined if the row is not a step. */
export function stepShape(name: string): StepShape | undefined {
  const [, network, size, precision = 'float32', count = '1'] = /^step-(.+?)-(\d+)(?:-(bfloat16))?(?:-batch(\d+))?$/.exec(name) ?? [];
  return network === undefined ? undefined : { network, size: Number(size), precision: precision as Precision, count: Number(count) };
}

/** Columns of the matrices, and the goal of the median over the networks in each, for single images. */
const COLUMNS = [
  { size: 256, precision: 'float32', goal: 1.15 },
  { size: 256, precision: 'bfloat16', goal: 1.05 },
  { size: 512, precision: 'float32' },
  { size: 512, precision: 'bfloat16', goal: 1.05 },
] as const;
const titleOf = ({ size, precision }: Pick<StepShape, 'size' | 'precision'>): string => `${precision} at ${size} px`;

/** The ratios of all networks at one size and precision. */
export type StepMedian = {
  readonly kind: string;
  readonly median: number;
  readonly lowest: number;
  readonly networks: number;
  readonly goal?: number;
  readonly isMet: boolean;
  /** The revisions of the rows, each once. */
  readonly revisions: readonly string[];
};

/** The median over the networks for each size and precision that has rows. Batches of one image only. */
export function stepMedians(rows: readonly (Pick<Outcome, 'name' | 'ratio'> & Partial<Measured>)[]): readonly StepMedian[] {
  return COLUMNS.flatMap((column) => {
    const members = rows.filter(({ name }) => {
      const shape = stepShape(name);
      return shape?.count === 1 && shape.size === column.size && shape.precision === column.precision;
    });
    if (members.length === 0) return [];
    const ratios = members.map(({ ratio }) => ratio);
    const median = medianOf(ratios);
    const goal = 'goal' in column ? column.goal : undefined;
    return {
      kind: titleOf(column),
      median,
      lowest: Math.min(...ratios),
      networks: members.length,
      ...(goal === undefined ? {} : { goal }),
      isMet: goal === undefined || median >= goal,
      revisions: [...new Set(members.flatMap(({ revision = [] }) => revision))],
    };
  });
}

/** How many rows have a goal for memory, and how many of these miss it. */
export function memoryAboveGoal(rows: readonly Outcome[]): { readonly above: number; readonly rows: number } {
  const met = rows.flatMap((row) => (row.memoryGoal === undefined ? [] : [meetsMemoryGoal(row, row.memoryGoal)]));
  return { above: met.filter((one) => !one).length, rows: met.length };
}

function medianLines(rows: readonly (Outcome & Measured)[]): string {
  const lines = stepMedians(rows).map(({ kind, median, lowest, networks, goal, isMet, revisions }) => {
    const goalText = goal === undefined ? '' : ` (goal ≥ ${goal}×${isMet ? '' : ', missed'})`;
    const spread = revisions.length < 2 ? '' : `; measured at several revisions: ${revisions.join(', ')}`;
    return `- ${kind}: ${median.toFixed(2)}×${goalText}, the lowest ${lowest.toFixed(2)}×, ${networks} networks${spread}`;
  });
  const memory = memoryAboveGoal(rows);
  if (memory.rows > 0) lines.push(`- more peak memory than the goal: ${memory.above} of ${memory.rows} rows`);
  return lines.join('\n');
}

const EARLIER = '†';

/** Marks a step that was measured with an earlier method of the baseline. */
export const earlierMark = ({ name, method }: Pick<Outcome, 'name' | 'method'>): string =>
  stepShape(name) === undefined || method === STEP_METHOD ? '' : ` ${EARLIER}`;

/** One matrix. A cell is empty if its step was not measured. */
function matrix(rows: readonly Outcome[], count: number, cell: (row: Outcome) => string): string {
  const networks = [...new Set(rows.flatMap(({ name }) => stepShape(name)?.network ?? []))];
  const cellOf = (network: string, column: (typeof COLUMNS)[number]): string => {
    const row = rows.find(({ name }) => name === stepName({ network, ...column, count }));
    return row === undefined ? '' : `${cell(row)}${earlierMark(row)}`;
  };
  const numbers = Object.keys(SHORTCUTS);
  const notesOf = (network: string): string =>
    shortcutsOf(network)
      .map((name) => numbers.indexOf(name) + 1)
      .join(', ');
  return table(
    ['network', ...COLUMNS.map(titleOf), 'notes'],
    networks.map((network) => [network, ...COLUMNS.map((column) => cellOf(network, column)), notesOf(network)]),
  );
}

const missed = (isMissed: boolean): string => (isMissed ? ' (missed)' : '');
const speedCell = ({ ratio, goal }: Outcome): string => `${ratio.toFixed(2)}×${missed(!(ratio >= goal))}`;

function memoryCell(row: Outcome): string {
  const { ours, baseline, memoryGoal } = row;
  if (ours.peakMb === undefined || baseline.peakMb === undefined) return '–';
  return `${(ours.peakMb / baseline.peakMb).toFixed(2)}×${missed(memoryGoal !== undefined && !meetsMemoryGoal(row, memoryGoal))}`;
}

/** The section about training steps; empty without steps. */
export function stepSection(ratios: readonly (Outcome & Measured)[]): string {
  const rows = ratios.filter(({ name }) => stepShape(name) !== undefined);
  if (rows.length === 0) return '';
  const counts = [...new Set(rows.map(({ name }) => stepShape(name)?.count ?? 1))].sort((a, b) => a - b);
  const notMeasured = [1, 2, 4].filter((count) => !counts.includes(count));
  const matrices = counts.flatMap((count) => {
    const members = rows.filter(({ name }) => stepShape(name)?.count === count);
    const batch = count === 1 ? 'single images' : `batches of ${count}`;
    return [
      `### Speed, ${batch}\n\ncarpal's speed as a multiple of the baseline's.\n\n${matrix(members, count, speedCell)}`,
      `### Peak memory, ${batch}\n\ncarpal's peak resident memory as a multiple of the baseline's.\n\n${matrix(members, count, memoryCell)}`,
    ];
  });
  const earlier = rows.filter((row) => earlierMark(row) !== '');
  const revisions = [...new Set(earlier.map(({ revision }) => revision))].join(', ');
  return [
    '## Training steps compared with PyTorch',
    STEP_METHOD_TEXT,
    ...(earlier.length === 0 ? [] : [`${EARLIER} Measured with an earlier baseline, at revisions ${revisions}: ${EARLIER_METHOD}`]),
    ...(notMeasured.length === 0 ? [] : [`Not measured yet: batches of ${notMeasured.join(' and ')}.`]),
    `The median of the speed ratio over the networks, single images${earlier.length === 0 ? '' : ` (${earlier.length === rows.length ? 'all' : 'some'} ${EARLIER})`}:\n\n${medianLines(rows)}`,
    ...matrices,
    `### Notes\n\nWhere carpal does less work than the published definition of a network, for the same numbers. The baseline does the same since its current method.\n\n${Object.values(
      SHORTCUTS,
    )
      .map((text, index) => `${index + 1}. ${text}`)
      .join('\n')}`,
  ].join('\n\n');
}
