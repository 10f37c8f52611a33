import { open } from 'node:fs/promises';

/** What TensorFlow says at every start. */
const NOISE = /^(WARNING: All log messages before absl|I\d{4} )/;

/** The last lines of a log, without colours, blank lines and TensorFlow's greetings; '' for a log that is not there. Reads no more than 16 KiB. */
export async function logTail(path: string, lines: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 16_384);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString('utf8', 0, bytesRead);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with an escape
    const plain = text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '\n');
    return plain
      .split('\n')
      .filter((line) => line.trim() !== '' && !NOISE.test(line))
      .slice(-lines)
      .join('\n');
  } finally {
    await file.close();
  }
}
