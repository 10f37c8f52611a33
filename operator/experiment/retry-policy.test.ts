import { describe, expect, it } from 'vitest';
import { endMessage } from './retry-policy.ts';

const LOG = 'I0000 greeting\nepoch 3\n\u001b[31mTypeError: x is not a function\u001b[0m\n\n';
const LINES = 'epoch 3\nTypeError: x is not a function';

describe('what is said of the end of an attempt', () => {
  it.each([
    ['nothing where nobody says anything', {}, ''],
    ['the substrate’s words', { message: 'killed' }, 'killed'],
    ['the last lines of its log, readable', { lastLines: LOG }, LINES],
    ['both, where both are known', { message: 'killed', lastLines: LOG }, `killed; its last lines: ${LINES}`],
    [
      'who took it away, which its log does not tell',
      { message: 'node gpu-1: drained', lastLines: LOG, disrupted: true },
      'node gpu-1: drained',
    ],
    ['its last lines where nobody says who took it away', { lastLines: LOG, disrupted: true }, LINES],
  ])('is %s', (_, run, words) => {
    expect(endMessage(run)).toBe(words);
  });

  it('is the end of a log that is long', () => {
    expect(endMessage({ lastLines: `${'x'.repeat(900)}\nthe end` })).toBe(`…${'x'.repeat(491)}\nthe end`);
    const lines = Array.from({ length: 40 }, (_, line) => `line ${line}`);
    expect(endMessage({ lastLines: lines.join('\n') })).toBe(lines.slice(-12).join('\n'));
  });
});
