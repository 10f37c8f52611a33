import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { writeError } from '@carpal/configs/file-errors.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { formatRle } from '@carpal/masks/rle-text.ts';
import { SUBMISSION_HEADER } from './submission-file.ts';

/**
 * Writes a submission row by row under a temporary name and renames it when everything is on disk. On failure nothing exists under the
 * final name. Throws disk-full or folder-unwritable.
 */
export class SubmissionWriter {
  private readonly path: string;
  private readonly partial: string;
  private readonly stream: WriteStream;
  private failure: unknown;

  private constructor(path: string, partial: string, stream: WriteStream) {
    this.path = path;
    this.partial = partial;
    this.stream = stream;
    stream.on('error', (error) => {
      this.failure = error;
    });
  }

  static async create(path: string): Promise<SubmissionWriter> {
    const partial = `${path}.partial-${process.pid}`;
    try {
      await makeFolder(dirname(path), path);
      const stream = createWriteStream(partial, { highWaterMark: 1024 * 1024 });
      await once(stream, 'open');
      const writer = new SubmissionWriter(path, partial, stream);
      await writer.text(`${SUBMISSION_HEADER}\n`);
      return writer;
    } catch (cause) {
      throw writeError(cause, path);
    }
  }

  async write(imageName: string, className: string, mask: RleMask): Promise<void> {
    await this.writeRle(imageName, className, formatRle(mask));
  }

  async writeRle(imageName: string, className: string, rle: string): Promise<void> {
    await this.text(`${quoted(imageName)},${quoted(className)},${rle}\n`);
  }

  private async text(text: string): Promise<void> {
    if (this.failure === undefined && !this.stream.write(text)) await once(this.stream, 'drain').catch(() => undefined);
    if (this.failure !== undefined) throw writeError(this.failure, this.path);
  }

  /** Closes the file and renames it to its final name. */
  async finish(): Promise<void> {
    try {
      this.stream.end();
      await finished(this.stream);
      await rename(this.partial, this.path);
    } catch (cause) {
      await this.abandon();
      throw writeError(cause, this.path);
    }
  }

  /** Removes the unfinished file. */
  async abandon(): Promise<void> {
    this.stream.destroy();
    await rm(this.partial, { force: true });
  }
}

/** Opens a writer, passes it to `fill` and finishes the file. If `fill` throws, no file remains. */
export async function writeSubmission(path: string, fill: (writer: SubmissionWriter) => Promise<void>): Promise<void> {
  const writer = await SubmissionWriter.create(path);
  try {
    await fill(writer);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  await writer.finish();
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
