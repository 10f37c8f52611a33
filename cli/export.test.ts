/** `carpal export`, and the recipe of docs/export.md on what it writes. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { temporaryFolder } from '@carpal/report/dataset/testing/small-dataset.ts';
import { encodeSafetensors } from '@carpal/trainer/engine/safetensors.ts';
import { exportNetwork } from '@carpal/trainer/infer/export-network.ts';
import { openNetwork } from '@carpal/trainer/infer/networks.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { readWeights } from '@carpal/trainer/models/weights.ts';
import { describe, expect, it } from 'vitest';
import { pythonEnvironment } from '../bench/baseline/python.ts';
import { cacheFolder } from '../setup/env.ts';

const ROOT = join(import.meta.dirname, '..');
const classes = ['Radius', 'Ulna', 'Lunate'];

/** A weights file of an untrained network. */
function weightsFile(folder: string, name: string, options: object): string {
  const model = buildModel({ name, options, classes: classes.length, seed: 3 });
  const arrays = readWeights(model);
  model.dispose();
  const path = join(folder, `${name}.safetensors`);
  const metadata = { model: name, options: JSON.stringify(options), classes: JSON.stringify(classes), inputSize: '64' };
  writeFileSync(path, encodeSafetensors(arrays, metadata));
  return path;
}

const images = Float32Array.from({ length: 64 * 64 }, (_, index) => ((index * 7919) % 256) / 255);

describe('carpal export', () => {
  it.each([
    ['SlimUNet', { width: 4, depth: 3 }],
    ['CustomUNet', { width: 4 }],
    ['SegFormer', { variant: 'B0', divisor: 4 }],
  ])(
    'writes %s for TensorFlow and for the ONNX recipe, with the same logits',
    async (name, options) => {
      const folder = await temporaryFolder();
      const weights = weightsFile(folder, name, options);
      const exported = join(folder, 'exported');
      const text = execFileSync(join(ROOT, 'carpal'), ['export', '--weights', weights, '--out', exported], { encoding: 'utf8' });
      expect(text).toContain('images [1, 64, 64, 1] in 0..1 to logits [1, 64, 64, 3]');
      expect(JSON.parse(readFileSync(join(exported, 'carpal.json'), 'utf8'))).toMatchObject({
        ...{ model: name, options, classes, inputSize: 64, signature: 'serving_default' },
        shapes: { images: [1, 64, 64, 1], logits: [1, 64, 64, 3] },
      });

      const network = openNetwork(readFileSync(weights), weights);
      const logits = network.predictor.run(images, 1, 64);
      network.dispose();
      const [imagesFile, logitsFile, onnx] = ['images', 'logits', 'network.onnx'].map((file) => join(folder, file));
      writeFileSync(imagesFile ?? '', images);
      writeFileSync(logitsFile ?? '', logits);
      const python = pythonEnvironment(cacheFolder(), join(ROOT, 'setup/onnx/requirements.txt'));
      const convert = ['-m', 'tf2onnx.convert', '--saved-model', exported, '--output', onnx ?? '', '--opset', '18'];
      execFileSync(python, convert, { stdio: ['ignore', 'ignore', 'pipe'] });
      const compare = [join(ROOT, 'setup/onnx/compare.py'), exported, onnx ?? '', imagesFile ?? '', logitsFile ?? ''];
      const found: unknown = JSON.parse(execFileSync(python, compare, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      expect(found).toEqual({ savedModel: expect.any(Number), onnx: expect.any(Number), largest: expect.any(Number) });
      const { savedModel, onnx: inOnnx, largest } = found as Record<string, number>;
      expect(largest).toBeGreaterThan(0.1);
      expect(savedModel).toBeLessThan(1e-4);
      expect(inOnnx).toBeLessThan(1e-4);
    },
    600_000,
  );

  it('writes another batch and size, and refuses a size that the network does not accept', async () => {
    const folder = await temporaryFolder();
    const weights = weightsFile(folder, 'SlimUNet', { width: 4, depth: 3 });
    const request = { weights, out: join(folder, 'exported') };
    const { shapes } = await exportNetwork({ ...request, batch: 2, size: 128 });
    expect(shapes).toEqual({ images: [2, 128, 128, 1], logits: [2, 128, 128, 3] });
    const refused = exportNetwork({ ...request, batch: 1, size: 130 });
    await expect(refused).rejects.toMatchObject({
      code: 'usage-invalid',
      where: '--size',
      message: 'SlimUNet accepts no images of 130 px',
    });
    await expect(refused).rejects.toBeInstanceOf(CarpalError);
  });

  it('is described by docs/export.md with the commands that the test runs', () => {
    const page = readFileSync(join(ROOT, 'docs/export.md'), 'utf8');
    expect(page).toContain('onnx/bin/pip install -r setup/onnx/requirements.txt');
    expect(page).toContain('-m tf2onnx.convert --saved-model exported --output network.onnx --opset 18');
  });
});
