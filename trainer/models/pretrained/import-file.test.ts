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
