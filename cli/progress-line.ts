/** A stream to which progress is written, such as `process.stderr`. */
export type ProgressStream = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };

const BAR_WIDTH = 24;

/**
 * Returns a function that draws the progress. In a terminal it redraws a bar in one line, at most ten times per second of the given clock,
 * and always at the end. In a log or a pipe it writes one plain line per tenth of the work.
 */
export function progressLine(
  label: string,
  stream: ProgressStream,
  clock: () => number,
): (done: number, total: number, note?: string) => void {
  let drawnMs = Number.NEGATIVE_INFINITY;
  let tenth = -1;
  return (done, total, note = '') => {
    const share = total === 0 ? 1 : done / total;
    const isLast = done >= total;
    if (stream.isTTY) {
      if (!isLast && clock() - drawnMs < 100) return;
      drawnMs = clock();
      const filled = Math.round(share * BAR_WIDTH);
      const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${done}/${total} ${note}`;
      stream.write(`\r\u001b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}${isLast ? '\n' : ''}`);
      return;
    }
    if (Math.floor(share * 10) <= tenth) return;
    tenth = Math.floor(share * 10);
    stream.write(`${label} ${done}/${total} ${note}`.trimEnd().concat('\n'));
  };
}
