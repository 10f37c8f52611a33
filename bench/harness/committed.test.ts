import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { benchmarkPage } from './page.ts';
import { type Committed, type Measured, merged } from './committed.ts';
import { operatorOutcome } from '../operator/outcome.ts';
import type { Outcome } from './outcome.ts';

const HERE: Measured = { revision: 'abc1234', machine: 'two cores' };

const outcome = (name: string, ratio: number): Outcome & Measured => ({
  ...HERE,
  name,
  what: 'something',
  item: 'image',
  ours: { seconds: [0.001], items: 1, peakMb: 100 },
  peer: { seconds: [0.001 * ratio], items: 1, peakMb: 200 },
  ratio,
  goal: 1,
});

describe('committed figures', () => {
  it('stand on the committed page as in the committed data', () => {
    const docs = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
    expect(benchmarkPage(JSON.parse(docs('benchmarks.json')) as Committed)).toBe(docs('benchmarks.md'));
  });

  it('are a page that tells the machine, the revision and both sides', () => {
    const page = benchmarkPage({ ratios: [outcome('feed', 3)], alone: [], operator: [] });
    expect(page).toContain('on two cores');
    expect(page).toContain('| feed | something | 1.00 ms (1.00–1.00) | 3.00 ms (3.00–3.00) | **3.00×** | ≥ 1× | 100 / 200 | abc1234 |');
  });

  it('say of each row which machine it is of where there are several', () => {
    const page = benchmarkPage({ ratios: [outcome('feed', 3), { ...outcome('vote', 3), machine: 'four cores' }], alone: [], operator: [] });
    expect(page).toContain('on two cores (A); four cores (B).');
    expect(page).toMatch(/^\| feed .* \| abc1234 \(A\) \|$/m);
    expect(page).toMatch(/^\| vote .* \| abc1234 \(B\) \|$/m);
  });

  it('name every promise, and mark those that are missed', () => {
    const promised = { goal: 0.9, withinMs: 10, memoryGoal: 0.4 };
    const page = benchmarkPage({ ratios: [{ ...outcome('step-A-256', 0.8), ...promised }], alone: [], operator: [] });
    expect(page).toContain('| **0.80×** | ≥ 0.9× (missed), ≤ 10 ms, memory ≤ 0.4× (missed) | 100 / 200 |');
    expect(page).toContain('- more memory than promised: 1 of 1 rows');
  });

  it('say where other work kept cores busy meanwhile', () => {
    const rows = [
      { ...outcome('feed', 3), busyCores: 0.1 },
      { ...outcome('vote', 3), busyCores: 1.34 },
    ];
    const page = benchmarkPage({ ratios: rows, alone: [], operator: [] });
    expect(page).toContain('| 100 / 200 | abc1234 |');
    expect(page).toContain('| 100 / 200 | abc1234; 1.3 cores busy |');
    expect(page).toContain('other work kept so many cores busy');
    expect(benchmarkPage({ ratios: [outcome('feed', 3)], alone: [], operator: [] })).not.toContain('cores busy');
  });

  it('show every way in which a peer was run, with a gap for one that failed and a word for one that was not tried, and the median over the networks', () => {
    const figure = (milliseconds: number) => ({ seconds: [milliseconds / 1000], items: 1 });
    const page = benchmarkPage({
      ratios: [
        { ...outcome('step-A-256', 1.2), peers: [{ name: 'NCHW', figure: figure(2) }] },
        {
          ...outcome('step-B-256', 1.4),
          refused: ['torch.compile, channels_last'],
          peers: [
            { name: 'NCHW', figure: figure(3) },
            { name: 'torch.compile', figure: figure(4) },
          ],
        },
      ],
      alone: [],
      operator: [],
    });
    expect(page).toContain('- float32 at 256 px: 1.30× (promised ≥ 1.15×), the lowest 1.20×, 2 networks\n');
    expect(page).toContain('| name | carpal | NCHW | torch.compile | torch.compile, channels_last |');
    expect(page).toContain('| step-A-256 | 1.00 ms (1.00–1.00), 100 MB | 2.00 ms (2.00–2.00) | not tried | not tried |');
    expect(page).toContain('| step-B-256 | 1.00 ms (1.00–1.00), 100 MB | 3.00 ms (3.00–3.00) | 4.00 ms (4.00–4.00) | – |');
  });

  it('keep the figures that were not measured again, in the order of the benchmarks, and drop those of benchmarks that are no more', () => {
    const before = [outcome('vote', 2), outcome('gone', 9), outcome('feed', 3)];
    const rows = merged(before, [outcome('feed', 4), outcome('new', 1)], ['feed', 'vote', 'new', 'never']);
    expect(rows.map(({ name, ratio }) => [name, ratio])).toEqual([
      ['feed', 4],
      ['vote', 2],
      ['new', 1],
    ]);
  });

  it('tell of the operator what was promised and what was missed', () => {
    const measures = [
      { what: 'Jobs a second', value: 20, unit: '/s', atLeast: 25, peer: 25 },
      { what: 'memory', value: 210, unit: 'MB', atMost: 300 },
    ];
    const page = benchmarkPage({
      ratios: [],
      alone: [],
      operator: [{ ...operatorOutcome('operator-200', 'many at once', measures), ...HERE }],
    });
    expect(page).toContain('| Jobs a second | 20 /s | ≥ 25 (missed) | 25 |');
    expect(page).toContain('| memory | 210 MB | ≤ 300 |  |');
  });

  it('tell what was promised and what was missed of what has no peer', () => {
    const measures = [
      { what: 'memory', value: 510, unit: 'MB', atMost: 500 },
      { what: 'rows', value: 8352, unit: '' },
    ];
    const row = { name: 'vote-large', what: 'a large vote', measures, ...HERE };
    const page = benchmarkPage({ ratios: [], alone: [row, { ...row, name: 'other', busyCores: 1.5 }], operator: [] });
    expect(page).toContain('### vote-large\n\na large vote. At revision abc1234 on two cores.\n');
    expect(page).toContain('on two cores; other work kept 1.5 cores busy.');
    expect(page).toContain('| memory | 510 MB | ≤ 500 (missed) |\n| rows | 8352  |  |');
  });
});
