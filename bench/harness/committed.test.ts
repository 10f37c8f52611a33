import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { merged } from './committed.ts';
import { type Committed, type Measured, type Outcome, operatorOutcome } from './outcome.ts';
import { benchmarkPage } from './page.ts';

const HERE: Measured = { revision: 'abc1234', machine: 'two cores' };
const NONE: Committed = { ratios: [], standalone: [], operator: [] };

const outcome = (name: string, ratio: number): Outcome & Measured => ({
  ...HERE,
  name,
  what: 'something',
  item: 'image',
  against: 'another program',
  ours: { seconds: [0.001], items: 1, peakMb: 100 },
  baseline: { seconds: [0.001 * ratio], items: 1, peakMb: 200 },
  ratio,
  goal: 1,
});
const pageOf = (...ratios: readonly (Outcome & Measured)[]): string => benchmarkPage({ ...NONE, ratios });

describe('the committed page', () => {
  it('is generated from the committed data', () => {
    const docs = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
    expect(benchmarkPage(JSON.parse(docs('benchmarks.json')) as Committed)).toBe(docs('benchmarks.md'));
  });
});

describe('benchmarkPage', () => {
  it('shows the machine, the revision and both sides', () => {
    const page = pageOf(outcome('feed', 3));
    expect(page).toContain('on two cores');
    expect(page).toContain(
      '| feed | something | another program | 1.00 ms (1.00–1.00) | 3.00 ms (3.00–3.00) | **3.00×** | ≥ 1× | 100 / 200 | abc1234 |',
    );
  });

  it('marks the machine of each row if there are several', () => {
    const page = pageOf(outcome('feed', 3), { ...outcome('vote', 3), machine: 'four cores' });
    expect(page).toContain('on two cores (A); four cores (B).');
    expect(page).toMatch(/^\| feed .* \| abc1234 \(A\) \|$/m);
    expect(page).toMatch(/^\| vote .* \| abc1234 \(B\) \|$/m);
  });

  it('shows every goal and marks missed ones', () => {
    const page = pageOf({ ...outcome('feed', 0.8), goal: 0.9, withinMs: 10, memoryGoal: 0.4 });
    expect(page).toContain('| **0.80×** | ≥ 0.9× (missed), ≤ 10 ms, memory ≤ 0.4× (missed) | 100 / 200 |');
  });

  it('shows how many cores other programs kept busy', () => {
    const page = pageOf({ ...outcome('feed', 3), busyCores: 0.1 }, { ...outcome('vote', 3), busyCores: 1.34 });
    expect(page).toContain('| 100 / 200 | abc1234 |');
    expect(page).toContain('| 100 / 200 | abc1234; 1.3 cores busy |');
    expect(page).toContain('other programs were running');
    expect(pageOf(outcome('feed', 3))).not.toContain('cores busy');
  });

  it('shows every way of a baseline, with a dash for one that failed and a remark for one that was not tried', () => {
    const figure = (milliseconds: number) => ({ seconds: [milliseconds / 1000], items: 1 });
    const page = pageOf(
      { ...outcome('step-A-256', 1.2), ways: [{ name: 'NCHW', figure: figure(2) }] },
      {
        ...outcome('step-B-256', 1.4),
        failedWays: ['torch.compile, channels_last'],
        ways: [
          { name: 'NCHW', figure: figure(3) },
          { name: 'torch.compile', figure: figure(4) },
        ],
      },
    );
    expect(page).toContain('- float32 at 256 px: 1.30× (goal ≥ 1.15×), the lowest 1.20×, 2 networks\n');
    expect(page).toContain('| case | carpal | NCHW | torch.compile | torch.compile, channels_last | revision |');
    expect(page).toContain('| step-A-256 | 1.00 ms (1.00–1.00), 100 MB | 2.00 ms (2.00–2.00) | not tried | not tried | abc1234 † |');
    expect(page).toContain('| step-B-256 | 1.00 ms (1.00–1.00), 100 MB | 3.00 ms (3.00–3.00) | 4.00 ms (4.00–4.00) | – | abc1234 † |');
  });

  it('shows goals, missed goals and published figures of the operator', () => {
    const measures = [
      { what: 'Jobs per second', value: 20, unit: '/s', atLeast: 25, published: 25 },
      { what: 'memory', value: 210, unit: 'MB', atMost: 300 },
    ];
    const page = benchmarkPage({ ...NONE, operator: [{ ...operatorOutcome('operator-200', 'many together', measures), ...HERE }] });
    expect(page).toContain('| Jobs per second | 20 /s | ≥ 25 (missed) | 25 |');
    expect(page).toContain('| memory | 210 MB | ≤ 300 |  |');
  });

  it('shows goals and missed goals of cases without a baseline', () => {
    const measures = [
      { what: 'memory', value: 510, unit: 'MB', atMost: 500 },
      { what: 'rows', value: 8352, unit: '' },
    ];
    const row = { name: 'vote-large', what: 'a large vote', measures, ...HERE };
    const page = benchmarkPage({ ...NONE, standalone: [row, { ...row, name: 'other', busyCores: 1.5 }] });
    expect(page).toContain('### vote-large\n\na large vote. At revision abc1234 on two cores.\n');
    expect(page).toContain('on two cores; other programs kept 1.5 cores busy.');
    expect(page).toContain('| memory | 510 MB | ≤ 500 (missed) |\n| rows | 8352 |  |');
  });
});

describe('merged', () => {
  it('keeps figures that were not measured again, in the order of the cases, and drops those of removed cases', () => {
    const before = [outcome('vote', 2), outcome('gone', 9), outcome('feed', 3)];
    const rows = merged(before, [outcome('feed', 4), outcome('new', 1)], ['feed', 'vote', 'new', 'never']);
    expect(rows.map(({ name, ratio }) => [name, ratio])).toEqual([
      ['feed', 4],
      ['vote', 2],
      ['new', 1],
    ]);
  });
});
