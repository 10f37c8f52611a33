import type { Compared } from './figure.ts';
import type { Measure } from './measures.ts';
import type { Albumentations, Peer, PyTorch } from '../baseline/python.ts';
import type { Promises } from './promises.ts';

/** Where a benchmark gets its material: a scratch folder that lasts, phantoms in it, and the peer's Python. */
export type Bench = {
  readonly scratch: string;
  /** A folder of phantom hands at 2048², made once. */
  readonly phantoms: string;
  readonly classes: readonly string[];
  readonly peer: Peer;
  readonly albumentations: Albumentations;
  readonly pytorch: PyTorch;
  /** Whether torch.compile is left out, which takes up to a minute for each network. */
  readonly quick: boolean;
};

/** What carpal promises whatever others do. */
export type AloneBenchmark = {
  readonly name: string;
  readonly what: string;
  readonly run: (material: Pick<Bench, 'scratch' | 'phantoms' | 'classes'>) => Promise<readonly Measure[]>;
};

/** One comparison, and what carpal promises of it; the peer is measured in the same run on the same machine. */
export type Benchmark = Promises & {
  readonly name: string;
  /** What an item is: image, mask, row. */
  readonly item: string;
  readonly what: string;
  readonly run: (bench: Bench) => Promise<Compared>;
};
