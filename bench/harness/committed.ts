/** docs/benchmarks.json: the last figures of every case, with the machine and the revision that they were measured on. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { type Committed, figuresText, type Measured, type OperatorOutcome, type Outcome, type StandaloneOutcome } from './outcome.ts';
import { benchmarkPage } from './page.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const DATA = join(DOCS, 'benchmarks.json');
const PAGE = join(DOCS, 'benchmarks.md');

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: DOCS, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** This machine and the checked-out revision. The revision is marked as changed if files outside docs/ differ from it. */
export function measuredHere(): Measured {
  const revision = git('rev-parse', '--short', 'HEAD') ?? 'unknown';
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', ':(top)', ':(top,exclude)docs') ?? '';
  const processor = cpus()[0]?.model.trim() ?? 'an unknown processor';
  return {
    revision: changes === '' ? revision : `${revision}, changed`,
    machine: `${availableParallelism()} cores of ${processor}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  };
}

/** The committed figures; none if the file does not exist yet. */
export function readCommitted(): Committed {
  return existsSync(DATA) ? (JSON.parse(readFileSync(DATA, 'utf8')) as Committed) : { ratios: [], standalone: [], operator: [] };
}

/**
 * The rows of `before`, replaced by the rows of `fresh` with the same name, in the order of `names`. Rows whose name is not in `names` are
 * dropped.
 */
export function merged<Row extends { readonly name: string }>(
  before: readonly Row[],
  fresh: readonly Row[],
  names: readonly string[],
): readonly Row[] {
  return names.flatMap((name) => fresh.find((row) => row.name === name) ?? before.find((row) => row.name === name) ?? []);
}

/** Figures that were just measured. */
export type Fresh = {
  readonly ratios?: readonly Outcome[];
  readonly standalone?: readonly StandaloneOutcome[];
  readonly operator?: readonly OperatorOutcome[];
};

/** Writes the figures into the data and generates the page from it. `names` are the names of all cases in the order of the page. */
export async function writeCommitted(fresh: Fresh, names: readonly string[]): Promise<void> {
  const here = measuredHere();
  const before = readCommitted();
  const withPlace = <Row>(rows: readonly Row[] = []): readonly (Row & Measured)[] => rows.map((row) => ({ ...row, ...here }));
  const committed: Committed = {
    ratios: merged(before.ratios, withPlace(fresh.ratios), names),
    standalone: merged(before.standalone, withPlace(fresh.standalone), names),
    operator: merged(before.operator, withPlace(fresh.operator), names),
  };
  const text = figuresText(committed);
  // The page shows the rounded figures of the data, so that it can be generated again.
  await writeFileAtomically(PAGE, benchmarkPage(JSON.parse(text) as Committed));
  await writeFileAtomically(DATA, text);
}

/** Generates the page again from the committed data. */
export async function writePage(): Promise<void> {
  await writeFileAtomically(PAGE, benchmarkPage(readCommitted()));
}
