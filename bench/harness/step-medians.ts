import { medianOf } from './figure.ts';
import type { Outcome } from './outcome.ts';
import { keepsMemory } from './promises.ts';

/** Steps of one precision at one size, and the ratio that is promised as the median over the networks, where one is. */
const KINDS = [
  { kind: 'float32 at 256 px', pattern: /^step-.+-256$/, goal: 1.15 },
  { kind: 'bfloat16 at 256 px', pattern: /^step-.+-256-bfloat16$/, goal: 1.05 },
  { kind: 'float32 at 512 px', pattern: /^step-.+-512$/ },
  { kind: 'bfloat16 at 512 px', pattern: /^step-.+-512-bfloat16$/, goal: 1.05 },
] as const;

/** What the networks together show. */
export type StepMedian = {
  readonly kind: string;
  readonly median: number;
  readonly lowest: number;
  readonly networks: number;
  readonly goal?: number;
  readonly isKept: boolean;
  /** Of the rows, each once. */
  readonly revisions: readonly string[];
};

type Row = Pick<Outcome, 'name' | 'ratio'> & { readonly revision?: string };

/** The median over the networks of each kind that there are rows of. */
export function stepMedians(rows: readonly Row[]): readonly StepMedian[] {
  return KINDS.flatMap(({ kind, pattern, ...promised }) => {
    const members = rows.filter(({ name }) => pattern.test(name));
    if (members.length === 0) return [];
    const ratios = members.map(({ ratio }) => ratio);
    const median = medianOf(ratios);
    const { goal } = { goal: undefined, ...promised };
    return {
      kind,
      median,
      lowest: Math.min(...ratios),
      networks: members.length,
      ...promised,
      isKept: goal === undefined || median >= goal,
      revisions: [...new Set(members.flatMap(({ revision = [] }) => revision))],
    };
  });
}

/** How many rows promise something of memory, and how many of them do not keep it. */
export function memoryAbovePromise(rows: readonly Outcome[]): { readonly above: number; readonly rows: number } {
  const kept = rows.flatMap((row) => (row.memoryGoal === undefined ? [] : [keepsMemory(row, row.memoryGoal)]));
  return { above: kept.filter((isKept) => !isKept).length, rows: kept.length };
}
