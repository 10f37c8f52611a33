import type { Segment } from './clip-segment.ts';
import type { RowLists } from './row-lists.ts';
import { packSpan } from './row-span.ts';

/**
 * Adds to each row the columns that a line covers: Bresenham's line with 8-connected steps, drawn from its left end, as OpenCV's
 * LineIterator does; where the exact line passes midway between two pixels the side depends on that direction.
 */
export function traceSegment(segment: Segment, spans: RowLists): void {
  const leftFirst = segment.x0 <= segment.x1;
  const x = leftFirst ? segment.x0 : segment.x1;
  const y = leftFirst ? segment.y0 : segment.y1;
  const across = Math.abs(segment.x1 - segment.x0);
  const down = leftFirst ? segment.y1 - segment.y0 : segment.y0 - segment.y1;
  if (Math.abs(down) > across) traceSteep(x, y, across, down, spans);
  else traceFlat(x, y, across, down, spans);
}

/** At least as wide as high: a step to the right each time, and a span for each row. */
function traceFlat(left: number, top: number, across: number, down: number, spans: RowLists): void {
  const rise = Math.abs(down);
  const step = down < 0 ? -1 : 1;
  let y = top;
  let from = left;
  let error = across - 2 * rise;
  if (rise > 0) {
    for (let x = left; x < left + across; x++) {
      if (error < 0) {
        spans.add(y, packSpan(from, x));
        y += step;
        from = x + 1;
        error += 2 * across;
      }
      error -= 2 * rise;
    }
  }
  spans.add(y, packSpan(from, left + across));
}

/** Higher than wide: one pixel in each row. */
function traceSteep(left: number, top: number, across: number, down: number, spans: RowLists): void {
  const rise = Math.abs(down);
  const step = down < 0 ? -1 : 1;
  let x = left;
  let error = rise - 2 * across;
  for (let y = top, rest = rise; rest >= 0; rest--, y += step) {
    spans.add(y, packSpan(x, x));
    if (error < 0) {
      x++;
      error += 2 * rise;
    }
    error -= 2 * across;
  }
}
