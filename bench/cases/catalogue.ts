/** Every benchmark there is, by name. */
import { augment, augmentBending } from './augment.ts';
import type { AloneBenchmark, Benchmark } from '../harness/case.ts';
import { cocoDecode, cocoDice, cocoEncode } from './coco.ts';
import { feed, prepare } from './data-path.ts';
import { EPOCHS } from './epoch.ts';
import { feedStall } from './feed-stall.ts';
import { steps2000 } from './memory-growth.ts';
import { INFERENCES } from './infer.ts';
import { rleDecode, rleEncode } from './rle.ts';
import { STARTS } from './start.ts';
import { STEPS } from './step.ts';
import { vote } from './vote.ts';
import { voteLarge } from './vote-large.ts';

/** What is measured where nothing is named: the others need PyTorch, a large download, or minutes. */
const USUAL: readonly Benchmark[] = [prepare, feed, augment, augmentBending, rleEncode, rleDecode, vote, cocoEncode, cocoDecode, cocoDice];
/** Those with a peer. */
export const COMPARED: readonly Benchmark[] = [...USUAL, ...STEPS, ...INFERENCES, ...EPOCHS, ...STARTS];
export const ALONE: readonly AloneBenchmark[] = [voteLarge, feedStall, steps2000];
/** Of the operator: they need `make cluster-tools` and no Python, and take minutes. Their code is loaded when they are asked for. */
const OF_THE_OPERATOR: readonly string[] = ['operator-200', 'operator-1000', 'operator-rest'];
const SOAK = 'soak';
/** docs/results.md: what networks and choices are worth in Dice. */
const RESULTS = 'results';

const namesOf = (benchmarks: readonly { readonly name: string }[]): readonly string[] => benchmarks.map(({ name }) => name);
const stepsEndingWith = (end: string): readonly string[] => namesOf(STEPS).filter((name) => name.endsWith(end));

/** Every row of docs/benchmarks.md, in its order. */
export const ROWS: readonly string[] = [...namesOf(COMPARED), ...namesOf(ALONE), ...OF_THE_OPERATOR, SOAK];

/** Words for several benchmarks at once. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  step: namesOf(STEPS),
  'step-256': stepsEndingWith('-256'),
  'step-256-bfloat16': stepsEndingWith('-256-bfloat16'),
  'step-512': stepsEndingWith('-512'),
  'step-512-bfloat16': stepsEndingWith('-512-bfloat16'),
  infer: namesOf(INFERENCES),
  epochs: namesOf(EPOCHS),
  start: namesOf(STARTS),
  alone: namesOf(ALONE),
  operator: OF_THE_OPERATOR,
  all: [...namesOf(COMPARED), ...namesOf(ALONE)],
};

/** Benchmarks that are run together; of different kinds each by a command of its own. */
export type Kind = 'measured' | 'operator' | 'soak' | 'results';

/** The kind of a benchmark; undefined where there is none of that name. */
export function kindOf(name: string): Kind | undefined {
  if (name === SOAK || name === RESULTS) return name;
  if (OF_THE_OPERATOR.includes(name)) return 'operator';
  return ROWS.includes(name) ? 'measured' : undefined;
}

/** What can be asked for: benchmarks and groups. */
export const WORDS: readonly string[] = [...ROWS, RESULTS, ...Object.keys(GROUPS)];

export const USUAL_NAMES: readonly string[] = namesOf(USUAL);

/** The benchmarks as a person reads them: names that differ by a network, a size or a precision only stand once. */
export const FAMILIES: readonly { readonly names: readonly string[]; readonly says: string; readonly covers?: readonly string[] }[] = [
  { names: USUAL_NAMES, says: "beside the original's method, albumentations, pycocotools; all of these where nothing is named" },
  {
    names: ['step-NETWORK-SIZE[-bfloat16]'],
    says: 'a training step beside PyTorch, of any network that carpal models lists, at 256 or 512 px',
    covers: namesOf(STEPS),
  },
  { names: namesOf(INFERENCES), says: 'an image file to RLE text, beside PyTorch' },
  { names: namesOf(EPOCHS), says: "an epoch beside the original's pipeline in PyTorch, and without its second pass" },
  { names: namesOf(STARTS), says: 'from the start of a process, beside one that imports torch' },
  { names: namesOf(ALONE), says: 'what carpal promises without a peer' },
  { names: OF_THE_OPERATOR, says: 'apart from the others; need make cluster-tools' },
  { names: [SOAK], says: 'alone: the operator under random faults' },
  { names: [RESULTS], says: 'alone: Dice of every network and of the choices around it, in about an hour' },
];
