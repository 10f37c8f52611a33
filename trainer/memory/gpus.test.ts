import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpuList, parseGpu, readGpus } from './gpus.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-gpus-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** In the format of driver 550. */
const information = (model: string, minor: number): string =>
  `Model: \t\t ${model}\nIRQ:   \t\t 35\nGPU UUID: \t GPU-5f2c\nBus Type: \t PCIe\nBus Location: \t 0000:00:1e.0\nDevice Minor: \t ${minor}\nGPU Firmware: \t 550.54\n`;

async function give(slot: string, model: string, minor: number, device = true): Promise<void> {
  const folder = join(root, 'proc/driver/nvidia/gpus', slot);
  await mkdir(folder, { recursive: true });
  await mkdir(join(root, 'dev'), { recursive: true });
  await writeFile(join(folder, 'information'), information(model, minor));
  if (device) await writeFile(join(root, 'dev', `nvidia${minor}`), '');
}

describe('the GPUs of a process', () => {
  it('are those whose devices it can access, not all GPUs of the node', async () => {
    await give('0000:00:1b.0', 'Tesla V100-SXM2-16GB', 0, false);
    await give('0000:00:1c.0', 'Tesla V100-SXM2-16GB', 1);
    expect(await readGpus(root)).toBe('Tesla V100-SXM2-16GB');
    await give('0000:00:1d.0', 'Tesla V100-SXM2-16GB', 2);
    await give('0000:00:1e.0', 'NVIDIA L4', 3);
    expect(await readGpus(root)).toBe('2 × Tesla V100-SXM2-16GB, NVIDIA L4');
  });

  it('are undefined without a driver', async () => {
    expect(await readGpus(root)).toBeUndefined();
  });

  it('are undefined if the driver reports too little', () => {
    expect(parseGpu('Model: NVIDIA L4\n')).toBeUndefined();
    expect(gpuList([])).toBeUndefined();
  });
});
