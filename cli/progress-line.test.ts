import { expect, it } from 'vitest';
import { type ProgressStream, progressLine } from './progress-line.ts';

function recorded(isTTY: boolean): ProgressStream & { readonly text: string } {
  let text = '';
  return {
    isTTY,
    columns: 60,
    write: (more) => {
      text += more;
    },
    get text() {
      return text;
    },
  };
}

it('progressLine writes one plain line per tenth outside a terminal, including the last one', () => {
  const stream = recorded(false);
  const draw = progressLine('prepare', stream, () => 0);
  for (let done = 0; done <= 40; done++) draw(done, 40, done > 0 ? '3.0 images/s' : '');
  const lines = stream.text.split('\n');
  expect(lines).toHaveLength(12);
  expect([lines[0], lines[1], lines[10]]).toEqual(['prepare 0/40', 'prepare 4/40 3.0 images/s', 'prepare 40/40 3.0 images/s']);
});

it('progressLine redraws one line at most ten times per second in a terminal, and always draws the end', () => {
  const stream = recorded(true);
  let nowMs = 0;
  const draw = progressLine('prepare', stream, () => nowMs);
  draw(0, 3);
  draw(1, 3);
  nowMs = 200;
  draw(2, 3);
  draw(3, 3);
  const drawn = stream.text.split('\r').slice(1);
  expect(drawn).toHaveLength(3);
  expect(drawn[2]).toBe(`\u001b[2Kprepare ${'█'.repeat(24)} 3/3 \n`);
});
