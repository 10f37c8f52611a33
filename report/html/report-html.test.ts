import { describe, expect, it } from 'vitest';
import { scoredImages } from '../statistics/testing/scored-images.ts';
import { reportHtml, worstCases } from './report-html.ts';
import { pageFaults } from './testing/parse-html.ts';
import { reportData } from './testing/report-data.ts';

const headings = (page: string): string[] => [...page.matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, text = '']) => text);
const chartTitles = (page: string): string[] => [...page.matchAll(/<figcaption>([^<]*)<\/figcaption>/g)].map(([, text = '']) => text);

describe('reportHtml', () => {
  it('returns a well-formed page with named tables and charts and all sections', () => {
    const page = reportHtml(reportData());
    expect(pageFaults(page)).toEqual([]);
    expect(headings(page)).toEqual(['Training', 'Dice per class', 'Worst cases', 'Calibration', 'Test images', 'Experiment']);
    expect(
      chartTitles(page)
        .slice(0, 4)
        .map((title) => title.split(' ')[0]),
    ).toEqual(['Dice', 'Loss:', 'Seconds', 'Memory']);
    expect(page).toContain('a &lt;b&gt; &amp; &quot;c&quot;');
  });

  it('shows Dice with an interval and the calibration error of each class', () => {
    const page = reportHtml(reportData());
    expect(page).toMatch(/<th scope="row"><span[^>]*><\/span>Radius<\/th><td>0\.\d{3}<\/td><td>0\.\d{3} to 0\.\d{3}<\/td>/);
    expect(page.match(/aria-label="0\.\d{3}, interval 0\.\d{3} to [01]\.\d{3}"/g)?.length).toBe(29 + 7 + 1);
    expect(page).toContain('<th scope="col">ECE</th>');
    expect(chartTitles(page)).toContainEqual(expect.stringMatching(/^Carpals: ECE 0\.\d{3}, overconfident by 0\.\d{3}$/));
  });

  it('lists the worst mask first', () => {
    const images = scoredImages({ people: 6, classes: 29 }).map((image, index) =>
      index === 7 ? { ...image, perClass: image.perClass.with(4, 0.0123) } : image,
    );
    const page = reportHtml(reportData({ images }));
    const row = page.slice(page.indexOf('aria-label="Worst cases"')).match(/<tbody><tr>(.*?)<\/tr>/)?.[1];
    expect(row).toContain('image007.png');
    expect(row).toContain('0.0123');
    expect(row).toContain('ID004');
  });

  it('counts the people of the scored images, not of the whole training half', () => {
    const page = reportHtml(reportData({ images: scoredImages({ people: 2, classes: 29 }), trainImages: 12 }));
    expect(page).toContain('<b>4</b><span>images scored, 2 people</span>');
  });

  it('escapes names that look like HTML', () => {
    const hostile = '"><script>alert(1)</script>&';
    const images = scoredImages({ people: 3, classes: 2 }).map((image) => ({ ...image, imageName: hostile, group: hostile }));
    const picture = { title: hostile, caption: hostile, jpeg: Buffer.of(1) };
    const page = reportHtml(reportData({ images, classes: [hostile, 'Radius'], worst: [picture], environment: { [hostile]: hostile } }));
    expect(pageFaults(page)).toEqual([]);
    expect(page).not.toContain('<script');
  });

  it('lists the warnings of the stages first, and has no such section without them', () => {
    const page = reportHtml(reportData({ warnings: [{ stage: 'fold 0', message: 'a <class> is empty' }] }));
    expect(pageFaults(page)).toEqual([]);
    expect(headings(page)[0]).toBe('Warnings');
    expect(page).toContain('<li><b>fold 0</b>: a &lt;class&gt; is empty</li>');
    expect(headings(reportHtml(reportData()))).not.toContain('Warnings');
  });

  it('omits the calibration of folds that have no counts', () => {
    const page = reportHtml(reportData({ calibration: undefined }));
    expect(pageFaults(page)).toEqual([]);
    expect(headings(page)).not.toContain('Calibration');
    expect(page).not.toContain('ECE');
  });

  it.each([
    ['one person', scoredImages({ people: 1, classes: 29 })],
    ['no images', []],
  ])('returns a complete page for %s', (_, images) => {
    expect(pageFaults(reportHtml(reportData({ images })))).toEqual([]);
  });
});

describe('worstCases', () => {
  it('lists masks by ascending Dice, then in the order of images and classes', () => {
    const image = (imageName: string, perClass: number[]) => ({ imageName, group: 'ID001', fold: 0, truth: '', perClass });
    const cases = worstCases([image('a', [0.9, 0.2]), image('b', [0.2, 0.1, 1])], 3);
    expect(cases.map(({ imageName, classIndex, dice }) => [imageName, classIndex, dice])).toEqual([
      ['b', 1, 0.1],
      ['a', 1, 0.2],
      ['b', 0, 0.2],
    ]);
  });
});
