import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeSafetensors } from '../../engine/safetensors.ts';
import { MODELS } from '../registry.ts';

const stored = join(import.meta.dirname, 'stored');

it('every network of the registry is compared with a PyTorch network', () => {
  const drawn = JSON.parse(readFileSync(join(import.meta.dirname, 'drawn/cases.json'), 'utf8')) as { network: string }[];
  const fixtures = readdirSync(stored).filter((file) => file.endsWith('.safetensors'));
  const held = new Set([
    ...drawn.map(({ network }) => network),
    ...fixtures.map((file) => decodeSafetensors(readFileSync(join(stored, file)), file).metadata['network']),
  ]);
  expect(MODELS.map(({ name }) => name).filter((name) => !held.has(name))).toEqual([]);
});
