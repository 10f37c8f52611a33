import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFigures } from '@carpal/report/statistics/testing/run-figures.ts';
import { scoredImages } from '@carpal/report/statistics/testing/scored-images.ts';
import { carpal, type Ending, run } from '@carpal/testbed/cli/run-cli.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder = '';
const call = (...words: string[]): Promise<Ending> => run(carpal('compare', ...words), folder);

async function leaveRun(place: string, better: number, people = 5): Promise<void> {
  const { outOfFold, curves } = runFigures(place.replaceAll('/', '-'), scoredImages({ people, better }));
  await mkdir(join(folder, place), { recursive: true });
  await writeFile(join(folder, place, 'out-of-fold.json'), JSON.stringify(outOfFold));
  await writeFile(join(folder, place, 'learning-curves.json'), JSON.stringify(curves));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-compare-'));
  await leaveRun('out/a', 0);
  await leaveRun('experiments/default/b/u1/ensemble', 0.02);
  await leaveRun('out/no-curves', 0);
  await rm(join(folder, 'out/no-curves/learning-curves.json'));
  await leaveRun('out/damaged', 0);
  await writeFile(join(folder, 'out/damaged/out-of-fold.json'), '{"version":1,"images":');
  await leaveRun('out/newer', 0);
  await writeFile(join(folder, 'out/newer/learning-curves.json'), '{"version":2,"folds":[]}');
  await mkdir(join(folder, 'empty'));
  await mkdir(join(folder, 'experiments/default/c/u2'), { recursive: true });
  await writeFile(join(folder, 'experiments/default/c/u2/experiment.json'), '{}');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('carpal compare', () => {
  it('compares an experiment in the artifacts with an out folder, as a table, as JSON and as a page', async () => {
    const words = ['out/a', 'experiments/default/b/u1'];
    const [text, json] = [await call(...words, '--html', 'page.html'), await call(...words, '--json')];
    expect([text.code, text.stderr, json.code, json.stderr]).toEqual([0, '', 0, '']);
    expect(text.stdout).toMatch(/^out-a .*\n.* \+0\.0[12]\d{2} .* 0\.063 /m);
    expect(JSON.parse(json.stdout).runs.map(({ place }: { place: string }) => place)).toEqual(words);
    expect(await readFile(join(folder, 'page.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  it.concurrent.for([
    ['a single run', ['out/a'], 64, 'usage-invalid: a comparison needs at least two runs, not 1'],
    ['a folder that does not exist', ['out/a', 'out/x'], 65, 'artifact-missing: there is no such folder (out/x)'],
    ['a folder that is not a run', ['out/a', 'empty'], 65, 'artifact-missing: the run does not have this file (empty/out-of-fold.json)'],
    [
      'an experiment without an ensemble',
      ['out/a', 'experiments/default/c/u2'],
      65,
      '(experiments/default/c/u2/ensemble/out-of-fold.json)',
    ],
    [
      'a run without its curves',
      ['out/a', 'out/no-curves'],
      65,
      'artifact-missing: the run does not have this file (out/no-curves/learning-curves.json)',
    ],
    ['a damaged file', ['out/a', 'out/damaged'], 65, 'run-unreadable: it is not JSON (out/damaged/out-of-fold.json)'],
    ['a file of another version', ['out/a', 'out/newer'], 65, 'run-unreadable: version: '],
  ] as const)('refuses %s', async ([, words, code, message]) => {
    const ending = await call(...words);
    expect([ending.code, ending.stdout]).toEqual([code, '']);
    expect(ending.stderr).toContain(message);
  });
});
