/** Every case by name, the groups of cases, and the table of cases that the help and the README show. */
import type { ComparedCase, StandaloneCase } from '../harness/case.ts';
import { augment, augmentBending } from './augment.ts';
import { cocoDecode, cocoDice, cocoEncode } from './coco.ts';
import { feed, feedStall, feedStallCrops, prepare } from './data-path.ts';
import { EPOCHS } from './epoch.ts';
import { INFERENCES } from './infer.ts';
import { steps2000 } from './memory-growth.ts';
import { outOfFold1024 } from './out-of-fold.ts';
import { rleDecode, rleEncode } from './rle.ts';
import { STARTS } from './start.ts';
import { STEP_GROUPS, STEPS } from './step.ts';
import { vote, voteLarge } from './vote.ts';

/** The cases of a run without names. The others need PyTorch, which is a large download, or take minutes. */
const DEFAULT: readonly ComparedCase[] = [
  prepare,
  feed,
  augment,
  augmentBending,
  rleEncode,
  rleDecode,
  vote,
  cocoEncode,
  cocoDecode,
  cocoDice,
];
/** The cases with a baseline. */
export const COMPARED: readonly ComparedCase[] = [...DEFAULT, ...STEPS, ...INFERENCES, ...EPOCHS, ...STARTS];
export const STANDALONE: readonly StandaloneCase[] = [voteLarge, feedStall, feedStallCrops, steps2000, outOfFold1024];
/** They need `make cluster-tools` and no Python, and take minutes. Their code is loaded only when they run. */
const OPERATOR: readonly string[] = ['operator-200', 'operator-1000', 'operator-rest'];
const SOAK = 'soak';
/** docs/results.md: the Dice of networks and choices. */
const RESULTS = 'results';
/** The part of docs/results.md that compares carpal with the original's definitions. */
const QUALITY = 'quality';
/** The part of docs/results.md on classes that are never found. */
const COLLAPSE = 'collapse';

const namesOf = (cases: readonly { readonly name: string }[]): readonly string[] => cases.map(({ name }) => name);
const stepsOf = (isMeant: (count: number) => boolean): readonly string[] =>
  namesOf(STEP_GROUPS.filter(({ count }) => isMeant(count)).flatMap(({ cases }) => cases));

/** Every row of docs/benchmarks.md, in its order. */
export const ROWS: readonly string[] = [...namesOf(COMPARED), ...namesOf(STANDALONE), ...OPERATOR, SOAK];

/** Names that select several cases. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  step: stepsOf((count) => count === 1),
  'step-batches': stepsOf((count) => count > 1),
  ...Object.fromEntries(STEP_GROUPS.map(({ name, cases }) => [name, namesOf(cases)])),
  infer: namesOf(INFERENCES),
  epochs: namesOf(EPOCHS),
  start: namesOf(STARTS),
  standalone: namesOf(STANDALONE),
  operator: OPERATOR,
  all: [...namesOf(COMPARED), ...namesOf(STANDALONE)],
};

/** Cases of the same kind can run together, cases of different kinds cannot. */
export type Kind = 'measured' | 'operator' | 'soak' | 'results' | 'quality' | 'collapse';

/** The kind of a case; undefined for an unknown name. */
export function kindOf(name: string): Kind | undefined {
  if (name === SOAK || name === RESULTS || name === QUALITY || name === COLLAPSE) return name;
  if (OPERATOR.includes(name)) return 'operator';
  return ROWS.includes(name) ? 'measured' : undefined;
}

/** Every name that a command line can hold. */
export const NAMES: readonly string[] = [...ROWS, RESULTS, QUALITY, COLLAPSE, ...Object.keys(GROUPS)];

export const DEFAULT_NAMES: readonly string[] = namesOf(DEFAULT);

/** A row of the table of cases. */
export type CaseRow = {
  readonly id: string;
  readonly what: string;
  readonly baseline: string;
  /** The names that the row covers, if they differ from `id`. */
  readonly covers?: readonly string[];
};

const NO_BASELINE = 'none: absolute goals';
const rowOf = ({ name, what, against }: ComparedCase): CaseRow => ({ id: name, what, baseline: against });

/** One row per case; the steps have one row together. */
export const CASE_TABLE: readonly CaseRow[] = [
  ...DEFAULT.map(rowOf),
  {
    id: 'step-NETWORK-SIZE[-bfloat16][-batchN]',
    what: 'a training step of any network that `carpal models` lists, at 256 or 512 px, in batches of 1, 2 or 4',
    baseline: 'PyTorch in four ways: two memory layouts, eager and torch.compile',
    covers: namesOf(STEPS),
  },
  ...[...INFERENCES, ...EPOCHS, ...STARTS].map(rowOf),
  ...STANDALONE.map(({ name, what }) => ({ id: name, what, baseline: NO_BASELINE })),
  ...[200, 1000].map((count) => ({
    id: `operator-${count}`,
    what: `the operator under load: ${count} experiments posted together, on a real control plane`,
    baseline: 'published figures of JobSet, and absolute goals',
  })),
  { id: 'operator-rest', what: 'the operator at rest with 10000 finished experiments, and its restart', baseline: NO_BASELINE },
  { id: SOAK, what: 'two operators under random faults for some minutes', baseline: 'none: nothing may be lost or left over' },
  { id: RESULTS, what: 'Dice of every network and of the choices around it, in about an hour', baseline: 'none: effects and intervals' },
  {
    id: QUALITY,
    what: "Dice and seconds of the original's eight networks, with its recipe and with carpal's default, in about two hours",
    baseline: "the original's definitions in PyTorch",
  },
  {
    id: COLLAPSE,
    what: 'classes that each loss leaves undetected, for the first weights of the heads and for other ones, in about two hours',
    baseline: 'the first weights of earlier heads',
  },
];
