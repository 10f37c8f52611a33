import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelOptions, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { completeSpec } from '@carpal/configs/schema/options.ts';
import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRun, openRun } from './run-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-run-'));
});
afterEach(() => rm(folder, { recursive: true }));

function customUNet(options: ModelOptions): SegmentationExperiment {
  const { spec, ...rest } = experimentWith({});
  return { ...rest, spec: completeSpec({ ...spec, model: { name: 'CustomUNet', options } }) };
}

/** Makes the run in the folder one that version 0.1 began: its CustomUNet had no variant. */
async function asVersion01(): Promise<void> {
  const path = join(folder, 'run.json');
  const stored = JSON.parse(await readFile(path, 'utf8')) as { spec: { model: { options: { variant?: string } } } };
  delete stored.spec.model.options.variant;
  await writeFile(path, JSON.stringify(stored));
}

const variantOf = async (options: ModelOptions) => (await findRun(folder, customUNet(options))).spec.model.options.variant;

describe('a run with a CustomUNet', () => {
  it('that version 0.1 began continues with the network that it had, with the same uid', async () => {
    const { metadata } = await openRun(folder, customUNet({ width: 8 }), false);
    await asVersion01();
    const found = await openRun(folder, customUNet({ width: 8 }), false);
    expect(found.spec.model.options).toEqual({ width: 8, variant: 'improved' });
    expect(found.metadata.uid).toBe(metadata.uid);
    await expect(variantOf({ width: 16 })).rejects.toThrow('spec.model.options.width');
  });

  it('that begins now keeps the variant of its manifest and refuses another', async () => {
    await openRun(folder, customUNet({ width: 8 }), false);
    expect(await variantOf({ width: 8 })).toBe('published');
    await expect(variantOf({ width: 8, variant: 'improved' })).rejects.toThrow('was "published", is "improved"');
  });
});
