/** A stream of bytes cut into lines. */

/** No object of the API comes near this (etcd takes 1.5 MiB); a server that sends more without an end of line is none. */
const LONGEST_LINE = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;

/**
 * The lines of what is pushed, without their ends and without empty ones. Cuts bytes, not text, so a character split over two chunks stays
 * whole; keeps the pieces of a long line apart until its end, so its cost stays linear.
 */
export class LineCutter {
  #pieces: Buffer[] = [];
  #length = 0;

  /** The lines that end in `chunk`. Throws a RangeError for a line beyond 16 MiB. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = this.#take(chunk.subarray(start, end)).trim();
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** Bytes of a line whose end has not come. */
  get rest(): number {
    return this.#length;
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > LONGEST_LINE) throw new RangeError(`a line of more than ${LONGEST_LINE} bytes`);
    this.#pieces.push(piece);
  }

  #take(last: Buffer): string {
    if (this.#pieces.length === 0) return last.toString('utf8');
    const line = Buffer.concat([...this.#pieces, last]).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}
