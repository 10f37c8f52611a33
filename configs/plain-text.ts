/**
 * Escape sequences of terminals (ECMA-48): OSC, DCS, SOS, PM and APC with their payload, up to BEL, ST or the end of the line; CSI; and all
 * others. Then control characters other than newline and tab, including C1, and the characters that change the direction of text.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it finds
  /(?:\u001b[P\]X^_]|[\u0090\u0098\u009d-\u009f])[^\n\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The text without terminal control: what remains is safe to print. A carriage return becomes a newline. */
export function plainText(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(UNPRINTABLE, '');
}
