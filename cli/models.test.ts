import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const carpal = (...words: string[]) =>
  spawnSync(process.execPath, [resolve(import.meta.dirname, '../cli.ts'), ...words], { encoding: 'utf8' });

describe('carpal models', () => {
  it('lists every network with its parameters and output shape', () => {
    const { stdout, status } = carpal('models');
    expect(status).toBe(0);
    expect(stdout).toMatch(/UNet +23,382,941 +512×512×29 +16 /);
    expect(stdout).toMatch(/SlimUNet +1,226,493 +512×512×29 +16 +width 16, depth 5/);
  });

  it('prints the same as JSON, for other classes and sizes', () => {
    const { stdout } = carpal('models', '--json', '--classes', '3', '--size', '64');
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ name: 'UNet', parameters: 23_382_941 - 26 * 65, outputShape: [64, 64, 3] }),
    );
  });

  it('shows no output for a size that a network does not accept, and shows the accepted sizes', () => {
    const { stdout } = carpal('models', '--size', '112');
    expect(stdout).toMatch(/^NAME +PARAMETERS +OUTPUT +MULTIPLE +OPTIONS/);
    expect(stdout).toMatch(/^UNet +23,382,941 +112×112×29 +16 /m);
    expect(stdout).toMatch(/^SegFormer +27,368,925 +not at 112 +32 /m);
    const models = JSON.parse(carpal('models', '--size', '112', '--json').stdout) as { name: string; outputShape: unknown }[];
    expect(models).toContainEqual(expect.objectContaining({ name: 'SegFormer', outputShape: null, sizeMultiple: 32 }));
  });

  it('refuses an invalid number of classes', () => {
    expect(carpal('models', '--classes', '0')).toMatchObject({ status: 64, stdout: '' });
  });
});
