import { plainText } from '@carpal/configs/plain-text.ts';
import { withoutCredentials } from './s3-error.ts';

export type LogLimits = {
  /** Bytes of the beginning that are kept. */
  readonly headBytes: number;
  /** Bytes of the end that are kept. */
  readonly tailBytes: number;
};

const LIMITS: LogLimits = { headBytes: 256 * 1024, tailBytes: 768 * 1024 };
/** A longer line is stored as several lines, so that a program that never ends its line fills no memory. */
const LONGEST_LINE = 16 * 1024;

/**
 * The text of a log while it grows: without escape sequences, control characters and credentials, and bounded. The beginning and the end are kept; a line
 * between them says how much was left out.
 */
export class LogText {
  readonly #limits: LogLimits;
  readonly #head: string[] = [];
  #headBytes = 0;
  #tail: string[] = [];
  #tailBytes = 0;
  #omitted = { lines: 0, bytes: 0 };
  #unfinished = '';
  #version = 0;

  constructor(limits: LogLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Grows with each change of the text. */
  get version(): number {
    return this.#version;
  }

  add(chunk: string): void {
    if (chunk === '') return;
    this.#version += 1;
    const lines = `${this.#unfinished}${chunk}`.split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) this.#addLine(line);
    while (this.#unfinished.length > LONGEST_LINE) {
      this.#addLine(this.#unfinished.slice(0, LONGEST_LINE));
      this.#unfinished = this.#unfinished.slice(LONGEST_LINE);
    }
  }

  /** The text so far, including a line that has not ended yet. */
  toString(): string {
    this.#trim();
    const { lines, bytes } = this.#omitted;
    const gap = lines === 0 ? [] : [`[… ${lines} lines (${bytes} bytes) are left out here …]`];
    const last = withoutCredentials(plainText(this.#unfinished));
    const all = [...this.#head, ...gap, ...this.#tail, ...(last === '' ? [] : [last])];
    return all.length === 0 ? '' : `${all.join('\n')}\n`;
  }

  #addLine(raw: string): void {
    // A program that ends lines with "\r\n" or redraws a line must not add an empty one.
    for (const line of withoutCredentials(plainText(raw.replace(/\r$/, ''))).split('\n')) {
      for (let from = 0; from === 0 || from < line.length; from += LONGEST_LINE) this.#keep(line.slice(from, from + LONGEST_LINE));
    }
  }

  #keep(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#tail.length === 0 && this.#omitted.lines === 0 && this.#headBytes + bytes <= this.#limits.headBytes) {
      this.#head.push(line);
      this.#headBytes += bytes;
      return;
    }
    this.#tail.push(line);
    this.#tailBytes += bytes;
    // Not at each line, because removing the first entries moves all others.
    if (this.#tailBytes > 2 * this.#limits.tailBytes) this.#trim();
  }

  #trim(): void {
    let first = 0;
    while (this.#tailBytes > this.#limits.tailBytes) {
      const bytes = Buffer.byteLength(this.#tail[first] ?? '') + 1;
      this.#tailBytes -= bytes;
      this.#omitted = { lines: this.#omitted.lines + 1, bytes: this.#omitted.bytes + bytes };
      first += 1;
    }
    if (first > 0) this.#tail = this.#tail.slice(first);
  }
}
