/** docs/benchmarks.md and its data: the figures that a revision was committed with, and whether today's ratios still agree with them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { type Figure, medianOf } from './figure.ts';
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

/** A cell with a median, its quartiles and its memory. */
function cell(figure: Figure | undefined): string {
  if (!figure) return '–';
  return `${milliseconds(figure)}${figure.peakMb === undefined ? '' : `, ${figure.peakMb.toFixed(0)} MB`}`;
}

/** Every way in which a peer was run, a table for each kind of benchmark. A way that failed for one network leaves a gap. */
function peerTables(outcomes: readonly Outcome[]): string {
  const several = outcomes.filter(({ peers }) => peers !== undefined);
  const kinds = [...new Set(several.map(kindOf))];
  const tables = kinds.map((kind) => {
    const members = several.filter((outcome) => kindOf(outcome) === kind);
    const ways = [...new Set(members.flatMap(({ peers = [] }) => peers.map(({ name }) => name)))];
    const rows = members.map(({ name, ours, peers = [] }) => {
      const figures = ways.map((way) => cell(peers.find((peer) => peer.name === way)?.figure));
      return `| ${[name, cell(ours), ...figures].join(' | ')} |`;
    });
    return [`| ${['name', 'carpal', ...ways].join(' | ')} |`, `|${'---|'.repeat(ways.length + 2)}`, ...rows].join('\n');
  });
  return tables.length === 0 ? '' : `\n## All peers\n\n${tables.join('\n\n')}\n`;
}

/** The part of a benchmark's name that it shares with those of its kind. */
function kindOf({ name }: Outcome): string {
  return name.split('-')[0] ?? name;
}

/** What is promised of the networks together. */
function stepMedians(outcomes: readonly Outcome[]): string {
  const kinds = [
    ['float32 at 256 px', /^step-.+-256$/],
    ['bfloat16 at 256 px', /^step-.+-256-bfloat16$/],
    ['float32 at 512 px', /^step-.+-512$/],
    ['bfloat16 at 512 px', /^step-.+-512-bfloat16$/],
  ] as const;
  const lines = kinds.flatMap(([kind, pattern]) => {
    const ratios = outcomes.filter(({ name }) => pattern.test(name)).map(({ ratio }) => ratio);
    if (ratios.length === 0) return [];
    return [`- ${kind}: ${medianOf(ratios).toFixed(2)}×, the lowest ${Math.min(...ratios).toFixed(2)}×, ${ratios.length} networks`];
  });
  return lines.length === 0 ? '' : `\n## Training steps, the median over the networks\n\n${lines.join('\n')}\n`;
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
${stepMedians(outcomes)}${peerTables(outcomes)}`;
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
