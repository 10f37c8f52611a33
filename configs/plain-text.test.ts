import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from './plain-text.ts';

describe('plainText', () => {
  it.each([
    ['colours', '\u001b[31mTypeError\u001b[0m', 'TypeError'],
    ['a colour as one C1 character', '\u009b31mTypeError\u009b0m', 'TypeError'],
    ['private modes', '\u001b[?1049h\u001b[>4;2mtext', 'text'],
    ['a title that BEL ends', 'a\u001b]0;new title\u0007b', 'ab'],
    ['a link that ST ends', '\u001b]8;;https://example.com\u001b\\here\u001b]8;;\u001b\\', 'here'],
    ['the clipboard, with C1 characters', 'a\u009d52;c;cm0gLXJmIC8=\u009cb', 'ab'],
    ['a payload without an end, up to the end of the line', 'a\u001b]52;c;cm0g\nb', 'a\nb'],
    ['DCS, SOS, PM and APC', 'a \u001bP$q"p\u001b\\b \u001bXc\u001b\\d \u001b^e\u001b\\f \u001b_g\u001b\\h', 'a b d f h'],
    ['a character set and a full reset', '\u001b(0abc\u001bc', 'abc'],
    ['a sequence that the end of the text cuts', 'abc\u001b[3', 'abc'],
    ['a lone escape', 'a\u001b\u001b[1mb', 'ab'],
    ['other control characters', 'a\u0000b\u0007c\u0008d\u007fe\u0085f', 'abcdef'],
    ['overridden directions', 'file \u202egnp.exe \u2066x\u2069', 'file gnp.exe x'],
  ])('removes %s', (_, text, plain) => {
    expect(plainText(text)).toBe(plain);
  });

  it('keeps tabs and lines, and starts a line at a carriage return', () => {
    expect(plainText('a\tb\n 1 %\r 2 %\r\nÄ 骨 🦴 é')).toBe('a\tb\n 1 %\n 2 %\nÄ 骨 🦴 é');
  });

  const introducer = fc.constantFrom(
    '\u001b',
    '\u001b[',
    '\u001b]',
    '\u001bP',
    '\u009b',
    '\u009d',
    '\u0090',
    '\u0007',
    '\u001b\\',
    '\u009c',
  );
  const anything = fc.array(fc.oneof(introducer, fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('\n', '\r', '8;;', '31m')));

  it('leaves no control character, whatever the text, and changes nothing when it is applied again', () => {
    fc.assert(
      fc.property(anything, (parts) => {
        const plain = plainText(parts.join(''));
        expect(plain).not.toMatch(/(?![\n\t])\p{Cc}|\p{Bidi_Control}/u);
        expect(plainText(plain)).toBe(plain);
      }),
      { numRuns: 2000 },
    );
  });

  const word = fc.stringMatching(/^[a-z骨é0-9 ;:]{1,8}$/);
  const sequence = fc.oneof(
    fc.tuple(fc.constantFrom('\u001b[', '\u009b'), fc.stringMatching(/^[0-9;?]{0,6}[ -/]?[@-~]$/)).map(([start, rest]) => start + rest),
    fc
      .tuple(
        fc.constantFrom('\u001b]', '\u009d', '\u001bP', '\u0090', '\u001b_', '\u001b^', '\u001bX'),
        fc.stringMatching(/^[ -~]{0,12}$/),
        fc.constantFrom('\u0007', '\u001b\\', '\u009c'),
      )
      .map((parts) => parts.join('')),
    fc.constantFrom('\u001bc', '\u001b7', '\u001b(B', '\u0007', '\u0008', '\u202e'),
  );

  it('keeps every word between sequences', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(sequence, word)), (pairs) => {
        expect(plainText(pairs.map(([control, text]) => control + text).join(''))).toBe(pairs.map(([, text]) => text).join(''));
      }),
      { numRuns: 2000 },
    );
  });
});
