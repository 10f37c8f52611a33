/** docs/benchmarks.json: every figure as it was measured last, with where and at which revision. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { benchmarkPage } from './page.ts';
import { figuresText } from './figures-text.ts';
import type { OperatorOutcome } from '../operator/outcome.ts';
import type { Outcome } from './outcome.ts';
import type { AloneOutcome } from './run-alone.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const DATA = join(DOCS, 'benchmarks.json');
const PAGE = join(DOCS, 'benchmarks.md');
/** Where and at which revision a figure was measured; both sides of a ratio in one run. */
export type Measured = { readonly revision: string; readonly machine: string };
/** What is committed: figures that a machine has not measured again stay as they were. */
export type Committed = {
  readonly ratios: readonly (Outcome & Measured)[];
  /** What has no peer. */
  readonly alone: readonly (AloneOutcome & Measured)[];
  readonly operator: readonly (OperatorOutcome & Measured)[];
};

function git(...words: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', words, { cwd: DOCS, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** This machine and the revision checked out, which says so where files outside docs/ differ from it. */
export function measuredHere(): Measured {
  const revision = git('rev-parse', '--short', 'HEAD') ?? 'unknown';
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', ':(top)', ':(top,exclude)docs') ?? '';
  const processor = cpus()[0]?.model.trim() ?? 'an unknown processor';
  return {
    revision: changes === '' ? revision : `${revision}, changed`,
    machine: `${availableParallelism()} cores of ${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

/** What is committed; nothing where there is no file yet. */
export function readCommitted(): Committed {
  return existsSync(DATA) ? (JSON.parse(readFileSync(DATA, 'utf8')) as Committed) : { ratios: [], alone: [], operator: [] };
}

/** The rows with new ones in the place of those of their name, in the order of `names`; rows of benchmarks that are no more go. */
export function merged<Row extends { readonly name: string }>(
  before: readonly Row[],
  fresh: readonly Row[],
  names: readonly string[],
): readonly Row[] {
  return names.flatMap((name) => fresh.find((row) => row.name === name) ?? before.find((row) => row.name === name) ?? []);
}

/** Figures measured just now. */
export type Fresh = {
  readonly ratios?: readonly Outcome[];
  readonly alone?: readonly AloneOutcome[];
  readonly operator?: readonly OperatorOutcome[];
};

/** Puts the figures into the data and makes the page of it. `names` are all benchmarks that there are, in the order of the page. */
export async function writeCommitted(fresh: Fresh, names: readonly string[]): Promise<void> {
  const here = measuredHere();
  const before = readCommitted();
  const withPlace = <Row>(rows: readonly Row[] = []): readonly (Row & Measured)[] => rows.map((row) => ({ ...row, ...here }));
  const committed: Committed = {
    ratios: merged(before.ratios, withPlace(fresh.ratios), names),
    alone: merged(before.alone, withPlace(fresh.alone), names),
    operator: merged(before.operator, withPlace(fresh.operator), names),
  };
  const text = figuresText(committed);
  // The page is made of what stands in the data, so that it can be made again.
  await writeFileAtomically(PAGE, benchmarkPage(JSON.parse(text) as Committed));
  await writeFileAtomically(DATA, text);
}

/** Makes the page of the data as it stands. */
export async function writePage(): Promise<void> {
  await writeFileAtomically(PAGE, benchmarkPage(readCommitted()));
}
