import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { ensembleKey, reportKey } from '@carpal/configs/names.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { publishOutputs } from './publish-outputs.ts';

describe('publishing', () => {
  it('replaces earlier outputs with complete ones and leaves other files in the folder unchanged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'carpal-out-'));
    const store = openStore(join(folder, 'store'));
    const experiment = experimentWith();
    const out = join(folder, 'out');
    await mkdir(join(out, 'overlays'), { recursive: true });
    await writeFile(join(out, 'overlays', 'former.png'), 'former');
    await writeFile(join(out, 'notes.txt'), 'mine');
    await store.write(`${ensembleKey(experiment)}/submission.csv`, 'image_name,class,rle\n');
    await store.write(`${ensembleKey(experiment)}/out-of-fold.json`, '{}');
    await store.write(`${reportKey(experiment)}/report.html`, '<html>');
    await store.write(`${reportKey(experiment)}/overlays/a.png`, 'a');

    const published = await publishOutputs(store, experiment, out);
    const names = ['submission.csv', 'report.html', 'out-of-fold.json', 'overlays'];
    expect(published.map(({ path }) => path)).toEqual(names.map((name) => join(out, name)));
    expect((await readdir(out)).sort()).toEqual([...names, 'notes.txt'].sort());
    expect(await readdir(join(out, 'overlays'))).toEqual(['a.png']);
    expect(await readFile(join(out, 'submission.csv'), 'utf8')).toBe('image_name,class,rle\n');
  });

  it('names a folder that cannot be written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'carpal-out-'));
    await writeFile(join(folder, 'out'), 'a file');
    const published = publishOutputs(openStore(join(folder, 'store')), experimentWith(), join(folder, 'out'));
    await expect(published).rejects.toMatchObject({ code: 'folder-unwritable', where: join(folder, 'out') });
  });
});
