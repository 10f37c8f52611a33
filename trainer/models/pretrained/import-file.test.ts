import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../engine/safetensors.ts';
import { importWeightsFile } from './import-file.ts';
import { archive, dictionary, floats, global, reduce, tensor, text } from './testing/torch-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-import-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('importing a published file', () => {
  it('writes a safetensors file and reports what it holds and the SHA-256 of the published file', async () => {
    const weights = tensor({ key: '0', count: 2, shape: [2], strides: [1] });
    const file = archive(dictionary([['w', weights]]), { 0: floats(1, 2) });
    const [path, out] = [join(folder, 'net.pth'), join(folder, 'net.safetensors')];
    await writeFile(path, file);
    const sha256 = createHash('sha256').update(file).digest('hex');
    expect(await importWeightsFile(path, { out })).toEqual({ out, arrays: 1, values: 2, dropped: [], sha256 });
    expect([...(decodeSafetensors(await readFile(out)).arrays.get('w')?.data ?? [])]).toEqual([1, 2]);
  });

  // The fixtures hold the state_dict of a 1×1 convolution with the weights 0 to 5 and a fresh BatchNorm2d(3), and an epoch, saved by
  // PyTorch 2 with and without _use_new_zipfile_serialization.
  it.each(['archive', 'before-1.6'])('reads %s.pth as PyTorch wrote it', async (name) => {
    const out = join(folder, `${name}.safetensors`);
    const { dropped } = await importWeightsFile(join(import.meta.dirname, `fixtures/${name}.pth`), { out });
    expect(dropped).toEqual(['1.num_batches_tracked']);
    const { arrays } = decodeSafetensors(await readFile(out));
    expect([...arrays].map(([key, { shape, data }]) => [key, shape, [...data]])).toEqual([
      ['0.weight', [3, 2, 1, 1], [0, 1, 2, 3, 4, 5]],
      ['1.weight', [3], [1, 1, 1]],
      ['1.bias', [3], [0, 0, 0]],
      ['1.running_mean', [3], [0, 0, 0]],
      ['1.running_var', [3], [1, 1, 1]],
    ]);
  });

  it('writes nothing if the file is refused', async () => {
    const path = join(folder, 'hostile.pth');
    await writeFile(path, archive(reduce(global('os', 'system'), text('true')), {}));
    await expect(importWeightsFile(path, { out: join(folder, 'hostile.safetensors') })).rejects.toMatchObject({
      code: 'weights-invalid',
      where: path,
      message: 'the file asks for os.system, which is not part of a tensor',
    });
    expect(await readdir(folder)).not.toContain('hostile.safetensors');
  });

  it.each(['missing.pth', '.'])('names the path %s that is not a file', async (name) => {
    const path = join(folder, name);
    await expect(importWeightsFile(path, { out: join(folder, 'none') })).rejects.toMatchObject({ code: 'weights-invalid', where: path });
  });
});
