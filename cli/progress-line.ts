/** Where progress is written; `process.stderr` is one. */
export type ProgressStream = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };

const BAR_WIDTH = 24;

/**
 * In a terminal: a bar that is redrawn in one line. Elsewhere (a log, a pipe): one plain line per tenth of the work. Drawn at most ten
 * times per second of the given clock, and always at the end.
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
