/**
 * A program with the stage commands, for tests of the substrate: `stand-in-stage/main.ts FOLDER prepare|fold|ensemble … [--fold N]`. FOLDER
 * contains `script.json`: for each stage what each attempt does; the last entry is for all further attempts. The program writes its journal
 * to `<stage>.log` in FOLDER.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { identify, isAlive } from '@carpal/operator/local/process-identity.ts';

/**
 * `hang`: works until SIGTERM, then exits with 75; `stubborn`: ignores SIGTERM; a number: exits with this code; an object: exits with the
 * code when another stage has begun.
 */
export type Part = 'hang' | 'stubborn' | 'kill-self' | 'report-and-fail' | number | { readonly exit: number; readonly whenBegun: string };
/** What an attempt gets: its number, and the spec of the experiment. */
export type Given = { readonly attempt: number; readonly spec: SegmentationExperiment['spec'] };
export type Script = Readonly<Record<string, readonly Part[]>>;

const [world = '', stage = '', ...rest] = process.argv.slice(2);
const option = (name: string): string => rest[rest.indexOf(name) + 1] ?? '';
const key = stage === 'fold' ? `fold-${option('--fold')}` : stage;
const journal = join(world, `${key}.log`);
const writer = join(world, `${key}.writer`);
const note = (text: string): void => appendFileSync(journal, `${text}\n`);
const done = (code: number): never => {
  rmSync(writer, { force: true });
  process.exit(code);
};

const experiment = JSON.parse(readFileSync(option('--experiment'), 'utf8')) as SegmentationExperiment;

function failWithReport(): void {
  const { namespace, name, uid = '' } = experiment.metadata;
  const folder = join(option('--artifacts'), 'experiments', namespace, name, uid, key.replace('fold-', 'folds/'));
  mkdirSync(folder, { recursive: true });
  const error = { code: 'image-unreadable', message: 'x.png is cut short', remedy: 'Replace it.' };
  const report = { stage, fold: Number(option('--fold')), state: 'failed', updatedAt: new Date().toISOString(), error };
  writeFileSync(join(folder, 'progress.json'), JSON.stringify(report));
  done(65);
}

const attempts = existsSync(journal)
  ? readFileSync(journal, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('begin')).length
  : 0;
const parts = (JSON.parse(readFileSync(join(world, 'script.json'), 'utf8')) as Script)[key] ?? [0];
const part = parts[Math.min(attempts, parts.length - 1)] ?? 0;
if (existsSync(writer) && isAlive(identify(Number(readFileSync(writer, 'utf8'))))) note('two writers');
writeFileSync(writer, String(process.pid));
process.on('SIGTERM', () => {
  note('asked to stop');
  if (part === 'stubborn') return;
  note('checkpoint');
  done(75);
});
note(`begin ${process.pid}`);
const given: Given = { attempt: Number(option('--attempt')), spec: experiment.spec };
note(`given ${JSON.stringify(given)}`);
process.stdout.write(`working on ${key}\n`);
if (typeof part === 'number') {
  if (part !== 0) process.stderr.write('the last words\n');
  done(part);
} else if (part === 'kill-self') process.kill(process.pid, 'SIGKILL');
else if (part === 'report-and-fail') failWithReport();
else if (typeof part === 'object') {
  const { exit, whenBegun } = part;
  setInterval(() => existsSync(join(world, `${whenBegun}.log`)) && done(exit), 10);
} else setInterval(() => undefined, 1000);
