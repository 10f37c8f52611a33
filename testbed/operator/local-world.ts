/** Local runs for tests: a temporary folder, real processes, and what they left behind. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Step } from '@carpal/operator/experiment/reconcile.ts';
import { type RunOptions, type RunResult, runExperiment } from '@carpal/operator/local/run-experiment.ts';
import { experimentWith } from './builders.ts';
import type { Given, Script } from './stand-in-stage/main.ts';

const STAGE = fileURLToPath(new URL('./stand-in-stage/main.ts', import.meta.url));

/** Creates a folder with the script that its stages follow. */
export async function makeWorld(script: Script): Promise<string> {
  const world = await mkdtemp(join(tmpdir(), 'carpal-run-'));
  await writeFile(join(world, 'script.json'), JSON.stringify(script));
  return world;
}

type Overrides = Partial<Pick<RunOptions, 'stop' | 'kill' | 'fresh' | 'graceMs'>> & {
  readonly run?: Parameters<typeof experimentWith>[0];
  /** Other parts of the spec. */
  readonly spec?: Partial<SegmentationExperiment['spec']>;
  readonly onStep?: (step: Step) => void;
  readonly onNotice?: (line: string) => void;
};

/** Runs the folder's experiment in this process, with almost immediate retries. */
export function runHere(world: string, { run, spec, onStep, onNotice, ...overrides }: Overrides = {}): Promise<RunResult> {
  const experiment = withoutUid(experimentWith({ folds: [0, 1], ...run }, join(world, 'data')));
  return runExperiment({
    experiment: { ...experiment, spec: { ...experiment.spec, ...spec } },
    workFolder: join(world, 'work'),
    fresh: false,
    program: [STAGE, world],
    provenance: { carpal: 'test', node: process.version },
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    now: () => new Date(),
    view: {
      begin: async () => undefined,
      show: async (step) => onStep?.(step),
      notice: (line) => onNotice?.(line),
      stopping: () => undefined,
    },
    graceMs: 5000,
    retry: { baseMs: 10, longestMs: 20, healthyAfterMs: 600_000, infrastructure: { baseMs: 10, longestMs: 20 } },
    ...overrides,
  });
}

function withoutUid(experiment: SegmentationExperiment): SegmentationExperiment {
  const { uid: _uid, ...metadata } = experiment.metadata;
  return { ...experiment, metadata };
}

/** The journal lines of a stage. */
export function journal(world: string, stage: string): readonly string[] {
  const path = join(world, `${stage}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

/** The process ID of each attempt of a stage, in order. */
export function pidsOf(world: string, stage: string): readonly number[] {
  return journal(world, stage).flatMap((line) => (line.startsWith('begin ') ? [Number(line.slice(6))] : []));
}

/** What each attempt of a stage got: its number, and the spec of the experiment. */
export function givenTo(world: string, stage: string): readonly Given[] {
  return journal(world, stage).flatMap((line) => (line.startsWith('given ') ? [JSON.parse(line.slice(6)) as Given] : []));
}

/** The stages that ever had two processes at work concurrently. */
export async function stagesWithTwoWriters(world: string): Promise<readonly string[]> {
  const stages = (await readdir(world)).filter((name) => name.endsWith('.log')).map((name) => name.replace('.log', ''));
  return stages.filter((stage) => journal(world, stage).includes('two writers'));
}
