import { describe, expect, it } from 'vitest';
import { endMessage } from './retry-policy.ts';

const LOG = 'I0000 greeting\nepoch 3\n\u001b[31mTypeError: x is not a function\u001b[0m\n\n';
const LINES = 'epoch 3\nTypeError: x is not a function';

describe('the message about the end of an attempt', () => {
  it.each([
    ['empty if nothing is known', {}, ''],
    ['the message of the substrate', { message: 'killed' }, 'killed'],
    ['the readable last lines of its log', { lastLines: LOG }, LINES],
    ['both if both are known', { message: 'killed', lastLines: LOG }, `killed; its last lines: ${LINES}`],
    [
      'the message of the substrate about a disruption, which the log does not explain',
      { message: 'node gpu-1: drained', lastLines: LOG, disrupted: true },
      'node gpu-1: drained',
    ],
    ['the last lines of the log of a disruption that the substrate does not explain', { lastLines: LOG, disrupted: true }, LINES],
  ])('is %s', (_, run, message) => {
    expect(endMessage(run)).toBe(message);
  });

  it('contains only the end of a long log', () => {
    expect(endMessage({ lastLines: `${'x'.repeat(900)}\nthe end` })).toBe(`…${'x'.repeat(491)}\nthe end`);
    const lines = Array.from({ length: 40 }, (_, line) => `line ${line}`);
    expect(endMessage({ lastLines: lines.join('\n') })).toBe(lines.slice(-12).join('\n'));
  });
});
