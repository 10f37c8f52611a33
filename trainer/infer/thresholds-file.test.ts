import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readThresholdsFile } from './thresholds-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-thresholds-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'thresholds.json');
const classes = ['Radius', 'Ulna'];

describe('readThresholdsFile', () => {
  it('gives the cuts in class order, and reads plain numbers as earlier versions wrote them', async () => {
    writeFileSync(path, JSON.stringify({ Ulna: 0.3, Radius: { threshold: 0.45, cleaning: 'largest+fill' } }));
    expect(await readThresholdsFile(path, classes)).toEqual([
      { threshold: 0.45, cleaning: 'largest+fill' },
      { threshold: 0.3, cleaning: 'none' },
    ]);
  });

  it.each<[string, string, string]>([
    ['text that is not JSON', '{', 'the file is not a JSON object of classes'],
    ['a list', '[0.5, 0.5]', 'the file is not a JSON object of classes'],
    ['a threshold of 0', '{"Radius": 0, "Ulna": 0.5}', 'Radius has the threshold 0, which is not between 0 and 1'],
    ['a threshold of 1', '{"Radius": 0.5, "Ulna": {"threshold": 1}}', 'Ulna has the threshold 1, which is not between 0 and 1'],
    ['a threshold in quotes', '{"Radius": "0.5", "Ulna": 0.5}', 'Radius has the threshold "0.5", which is not between 0 and 1'],
    ['a threshold that is null', '{"Radius": null, "Ulna": 0.5}', 'Radius has the threshold null, which is not between 0 and 1'],
    [
      'an unknown cleaning',
      '{"Radius": {"threshold": 0.5, "cleaning": "soap"}, "Ulna": 0.5}',
      'Radius has the cleaning "soap", which is none of none, largest, fill, largest+fill',
    ],
    ['classes of another list', '{"Radius": 0.5, "Elbow": 0.5}', 'Elbow is no class of the network; Ulna is missing'],
  ])('refuses %s', async (_, text, message) => {
    writeFileSync(path, text);
    await expect(readThresholdsFile(path, classes)).rejects.toMatchObject({ code: 'thresholds-invalid', where: path, message });
  });

  it('says that there is no such file', async () => {
    const none = join(folder, 'none.json');
    await expect(readThresholdsFile(none, classes)).rejects.toMatchObject({ where: none, message: 'there is no such file' });
  });
});
