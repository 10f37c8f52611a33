import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseThresholdSums, readThresholdsFile, thresholdSumsText, thresholdsText } from './thresholds.ts';

const folder = mkdtempSync(join(tmpdir(), 'carpal-thresholds-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'thresholds.json');
const classes = ['Radius', 'Ulna'];

describe('readThresholdsFile', () => {
  it('reads what thresholdsText writes', async () => {
    const cuts = [
      { threshold: 0.45, cleaning: 'fill' },
      { threshold: 0.3, cleaning: 'none' },
    ] as const;
    writeFileSync(path, thresholdsText(classes, cuts));
    expect(await readThresholdsFile(path, classes)).toEqual(cuts);
  });

  it('returns the cuts in class order, and reads bare numbers as earlier versions wrote them', async () => {
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
      'Radius has the cleaning "soap", which is not one of none, largest, fill, largest+fill',
    ],
    ['classes of another list', '{"Radius": 0.5, "Elbow": 0.5}', 'Elbow is not a class of the network; Ulna is missing'],
  ])('refuses %s', async (_, text, message) => {
    writeFileSync(path, text);
    await expect(readThresholdsFile(path, classes)).rejects.toMatchObject({ code: 'thresholds-invalid', where: path, message });
  });

  it('refuses a file that does not exist', async () => {
    const none = join(folder, 'none.json');
    await expect(readThresholdsFile(none, classes)).rejects.toMatchObject({ where: none, message: 'there is no such file' });
  });
});

describe('parseThresholdSums', () => {
  const group = {
    group: 3,
    images: 3,
    dice: [[1, 2, 2.123456789]],
    cleaned: { largest: [[1, 2]], fill: [[1, 2]], 'largest+fill': [[1, 2]] },
  };
  const sums = { thresholds: [0.3, 0.5, 0.7], cleanedThresholds: [0.3, 0.7], groups: [group, { ...group, group: 7 }] };

  it('reads what a fold writes, to eight digits', () => {
    const text = thresholdSumsText(sums);
    const rounded = sums.groups.map((one) => ({ ...one, dice: [[1, 2, 2.12345679]] }));
    expect(parseThresholdSums(text)).toEqual({ ...sums, groups: rounded });
    expect(text.split('\n').length).toBe(5);
  });

  it.each([
    ['text that is not JSON', '{'],
    ['the form of earlier versions', JSON.stringify({ thresholds: [0.3, 0.5], perClassDiceSum: [[1, 2]], images: 3 })],
    ['rows of another length', JSON.stringify({ ...sums, groups: [{ ...group, dice: [[1]] }] })],
    ['cleaned rows of another length', JSON.stringify({ ...sums, groups: [{ ...group, cleaned: { ...group.cleaned, fill: [[1]] } }] })],
    ['cleaned sums of other classes', JSON.stringify({ ...sums, groups: [{ ...group, cleaned: { ...group.cleaned, fill: [] } }] })],
    ['groups of other classes', JSON.stringify({ ...sums, groups: [group, { ...group, dice: [] }] })],
    ['a way of cleaning without sums', JSON.stringify({ ...sums, groups: [{ ...group, cleaned: { largest: [[1, 2]] } }] })],
    ['a threshold outside 0 to 1', JSON.stringify({ ...sums, thresholds: [0, 0.3, 0.7] })],
    ['a cleaned threshold that was not tried', JSON.stringify({ ...sums, cleanedThresholds: [0.3, 0.6] })],
    ['no count of images', JSON.stringify({ ...sums, groups: [{ ...group, images: null }] })],
    ['more groups than a fold writes', JSON.stringify({ ...sums, groups: Array.from({ length: 101 }, () => group) })],
  ])('refuses %s', (_, text) => {
    expect(parseThresholdSums(text)).toBeUndefined();
  });
});
