import { open } from 'node:fs/promises';
import { logLines } from '@carpal/artifacts/logs.ts';

/** The last lines of a log, without colours, blank lines and TensorFlow's greetings; '' for a log that is not there. Reads no more than 16 KiB. */
export async function logTail(path: string, lines: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 16_384);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return logLines(buffer.toString('utf8', 0, bytesRead))
      .slice(-lines)
      .join('\n');
  } finally {
    await file.close();
  }
}
