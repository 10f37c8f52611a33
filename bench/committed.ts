/** docs/benchmarks.md and its data: the figures that a revision was committed with, and whether today's ratios still agree with them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { milliseconds, type Outcome, promise } from './run-benchmarks.ts';

const DOCS = join(import.meta.dirname, '../docs');
const DATA = join(DOCS, 'benchmarks.json');
const PAGE = join(DOCS, 'benchmarks.md');
/** How far a ratio may fall below the committed one: two runs on one machine differ by so much. */
const TOLERANCE = 0.15;

type Committed = { readonly name: string; readonly ratio: number };

function revision(): string {
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: DOCS, encoding: 'utf8' });
  return git.status === 0 ? git.stdout.trim() : 'unknown';
}

/** The outcomes as a page, with the machine and the revision they were measured on. */
export function benchmarkPage(outcomes: readonly Outcome[], machine: string, at: string): string {
  const rows = outcomes.map((outcome) => {
    const { name, what, ours, peer, ratio } = outcome;
    const peak = ours.peakMb === undefined || peer.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} / ${peer.peakMb.toFixed(0)}`;
    return `| ${name} | ${what} | ${milliseconds(ours)} | ${milliseconds(peer)} | **${ratio.toFixed(2)}×** | ${promise(outcome)} | ${peak} |`;
  });
  return `# Benchmarks

Made by \`./carpal bench all --write\` at revision ${at} on ${machine}. Every peer was measured in the same run on the same machine: medians with
their quartiles, milliseconds an item; \`carpal bench --check\` compares the ratios of today with these. GPUs are untested.

| name | what | carpal | peer | ratio | promised | peak MB, carpal / peer |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** Writes the page and the data that `differences` reads. */
export async function writeCommitted(outcomes: readonly Outcome[]): Promise<void> {
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  await writeFileAtomically(PAGE, benchmarkPage(outcomes, machine, revision()));
  const data: Committed[] = outcomes.map(({ name, ratio }) => ({ name, ratio: Math.round(ratio * 1000) / 1000 }));
  await writeFileAtomically(DATA, `${JSON.stringify(data, null, 2)}\n`);
}

/** A line for each ratio that has fallen by more than the tolerance; undefined where nothing is committed. */
export function differences(
  outcomes: readonly Outcome[],
  text = existsSync(DATA) ? readFileSync(DATA, 'utf8') : undefined,
): string[] | undefined {
  if (text === undefined) return undefined;
  const before = new Map((JSON.parse(text) as Committed[]).map(({ name, ratio }) => [name, ratio]));
  return outcomes.flatMap(({ name, ratio }) => {
    const committed = before.get(name);
    if (committed === undefined || ratio >= committed * (1 - TOLERANCE)) return [];
    return [`${name}: ${ratio.toFixed(2)}×, was ${committed.toFixed(2)}×`];
  });
}
