/** Where progress goes; `process.stderr` is one. */
export type ProgressStream = { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };

const BAR_WIDTH = 24;

/**
 * A bar that is redrawn in its line in a terminal, and elsewhere (a log, a pipe) one plain line for each tenth of the way.
 * Drawn at most ten times a second by the clock given, and always at the end.
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
