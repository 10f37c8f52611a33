import { describe, expect, it } from 'vitest';
import { compareRuns } from '../statistics/compare-runs.ts';
import { runFigures } from '../statistics/testing/run-figures.ts';
import { scoredImages } from '../statistics/testing/scored-images.ts';
import { comparisonHtml, differenceScale } from './comparison-html.ts';
import { comparisonJson, comparisonText } from './comparison-text.ts';
import { pageFaults } from './testing/parse-html.ts';

const comparison = compareRuns([
  runFigures('first', scoredImages({ people: 6 })),
  runFigures('second', scoredImages({ people: 6, better: 0.02 })),
  runFigures('fewer', scoredImages({ people: 5, seed: 2 })),
]);

describe('a comparison of runs', () => {
  it('becomes a well-formed page with named tables and charts and a section for each run after the first', () => {
    const page = comparisonHtml(comparison);
    expect(pageFaults(page)).toEqual([]);
    const headings = [...page.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, text]) => text);
    expect(headings).toEqual(['Runs', 'Training', 'second minus first', 'fewer minus first']);
    expect(page.match(/<polyline/g)?.length).toBe(4 * 3);
  });

  it('escapes names that look like HTML in the page', () => {
    const hostile = '"><script>alert(1)</script>&';
    const images = scoredImages({ people: 3, classes: 1 });
    const run = runFigures(hostile, images, [hostile]);
    const page = comparisonHtml(compareRuns([run, { ...run, outOfFold: { ...run.outOfFold, network: hostile } }]));
    expect(pageFaults(page)).toEqual([]);
    expect(page).not.toContain('<script');
  });

  it('becomes a text with one line per run and a note on what is compared', () => {
    const lines = comparisonText(comparison).split('\n');
    expect(lines[0]).toMatch(/^RUN +NETWORK +SIZE +IMAGES +DICE +95 % +DIFFERENCE +95 % +P +TRAINING +MEMORY$/);
    expect(lines[1]).toMatch(/^first +UNet +512 +12 of 6 people +0\.\d{4} +0\.\d{4} to 0\.\d{4} +3\.0 min +640 MB$/);
    expect(lines[2]).toMatch(/^second +UNet .* \+0\.0\d{3} +0\.0\d{3} to 0\.0\d{3} +0\.031 +3\.0 min/);
    expect(lines.join('\n')).toMatch(/ {2}second: (finger-1|Radius|Pisiform) \+0\.0\d{3}, /);
    expect(lines.join('\n')).toContain('fewer: the difference is over the 10 images in common with first.');
  });

  it('reports how many images are left out because their truth changed', () => {
    const images = scoredImages({ people: 6 });
    const changed = images.map((image, index) => (index === 3 ? { ...image, truth: 'changed' } : image));
    const text = comparisonText(compareRuns([runFigures('first', images), runFigures('changed', changed)]));
    expect(text).toContain(
      'over the 11 images in common with first. 1 image is left out because the true masks under the same name differ.',
    );
  });

  it('becomes JSON with plain numbers, without a difference for the first run', () => {
    const json = JSON.parse(JSON.stringify(comparisonJson(comparison)));
    expect(json.reference).toBe('first');
    expect(json.runs[0].difference).toBeUndefined();
    expect(json.runs[1].difference).toMatchObject({ images: 12, people: 6, p: 2 / 64, interval: [expect.any(Number), expect.any(Number)] });
    expect(Object.keys(json.runs[2].difference.perClass)).toEqual(['finger-1', 'Radius', 'Pisiform']);
  });
});

it.each([
  [[], 0.001],
  [[{ mean: 0.011, interval: { low: -0.013, high: 0.02 } }], 0.02],
  [[{ mean: -0.3, interval: undefined }], 0.5],
])('the scale of %j extends to %f on both sides', (estimates, reach) => {
  expect(differenceScale(estimates)).toEqual({ from: -reach, to: reach });
});
