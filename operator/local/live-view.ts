/** The run as a table that is redrawn in place. Each redraw is one write, framed as a synchronized update, so that nothing flickers. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Step } from '../experiment/reconcile.ts';
import { type Colours, tableLines } from './live-table.ts';
import type { RunView } from './run-experiment.ts';
import { notableLines } from './view-text.ts';

/** The part of a terminal that is used. */
export type Terminal = { write(text: string): unknown; readonly columns?: number; readonly rows?: number };

const REDRAW_EVERY_MS = 200;
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export type LiveView = RunView & { close(): void };

/** A view for a terminal. `close` keeps the last table on the screen. */
export function createLiveView(terminal: Terminal, colours: Colours, now: () => Date): LiveView {
  let drawn = 0;
  let tick = 0;
  let latest: Step | undefined;
  let experiment: SegmentationExperiment | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** Redraws the table below `above`: lines that stay on the screen. */
  const draw = (above: readonly string[] = []): void => {
    const width = Math.max(20, (terminal.columns ?? 80) - 1);
    const { name = '' } = experiment?.metadata ?? {};
    const parallelism = experiment?.spec.run.parallelism ?? 1;
    const all = latest === undefined ? [] : tableLines(latest, { name, parallelism, width, now: now(), tick, colours });
    // A table taller than the terminal could not be overwritten.
    const lines = all.slice(0, Math.max(1, (terminal.rows ?? 24) - 1));
    // The cursor must also return to the start of the line: the terminal may have written to it, for example ^C when a person stops the
    // run.
    const up = drawn === 0 ? '\r' : `\r\u001b[${drawn}A`;
    const text = [...above, ...lines].map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('');
    terminal.write(`${BEGIN_UPDATE}${up}${text}${CLEAR_BELOW}${END_UPDATE}`);
    drawn = lines.length;
  };

  return {
    async begin(begun) {
      experiment = begun;
      terminal.write(HIDE_CURSOR);
      timer = setInterval(() => {
        tick += 1;
        draw();
      }, REDRAW_EVERY_MS);
    },
    async show(step) {
      latest = step;
      draw(notableLines(step).map(({ line, isWarning }) => (isWarning ? colours.red : colours.yellow)(line)));
    },
    notice: (line) => draw([colours.yellow(line)]),
    stopping: () => draw([colours.yellow('stopping: waiting for checkpoints (press Ctrl-C again to kill)')]),
    close() {
      clearInterval(timer);
      if (experiment !== undefined) draw();
      terminal.write(SHOW_CURSOR);
    },
  };
}
