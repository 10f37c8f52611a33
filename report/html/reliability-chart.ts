import type { ReliabilityBin } from '../statistics/calibration.ts';
import { escapeHtml } from './html.ts';

export type ReliabilityLine = { readonly label: string; readonly bins: readonly ReliabilityBin[] };
export type ReliabilityChart = {
  readonly title: string;
  /** The thick line. */
  readonly main: ReliabilityLine;
  /** Thin lines behind it. */
  readonly others: readonly ReliabilityLine[];
};

const SIDE = 240;
const PLOT = { left: 34, right: SIDE - 8, top: 8, bottom: SIDE - 34 };
const TICKS = [0, 0.25, 0.5, 0.75, 1];

const placeX = (value: number): string => (PLOT.left + value * (PLOT.right - PLOT.left)).toFixed(1);
const placeY = (value: number): string => (PLOT.bottom - value * (PLOT.bottom - PLOT.top)).toFixed(1);

/** Predicted probability across, share of bone up, both 0 to 1; what is well calibrated lies on the dashed diagonal. Inline SVG. */
export function reliabilityChart({ title, main, others }: ReliabilityChart): string {
  const parts = [
    ...TICKS.map((tick) => {
      const text = String(tick);
      const line = `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${placeY(tick)}" y2="${placeY(tick)}"/>`;
      const left = `<text class="tick" x="${PLOT.left - 5}" y="${placeY(tick)}" text-anchor="end" dominant-baseline="central">${text}</text>`;
      return `${line}${left}<text class="tick" x="${placeX(tick)}" y="${PLOT.bottom + 14}" text-anchor="middle">${text}</text>`;
    }),
    `<text class="tick" x="${PLOT.right}" y="${SIDE - 4}" text-anchor="end">predicted</text>`,
    `<line class="diagonal" x1="${placeX(0)}" y1="${placeY(0)}" x2="${placeX(1)}" y2="${placeY(1)}"/>`,
    ...others.map((line) => curve(line, 'thin')),
    curve(main, 'thick'),
    ...main.bins.map(({ predicted, observed, pixels }) => {
      const words = `${pixels} pixels: predicted ${predicted.toFixed(3)}, bone ${observed.toFixed(3)}`;
      return `<circle class="thick" cx="${placeX(predicted)}" cy="${placeY(observed)}" r="3"><title>${words}</title></circle>`;
    }),
  ];
  const told = main.bins.map(({ predicted, observed }) => `${predicted.toFixed(2)} predicted, ${observed.toFixed(2)} bone`).join('; ');
  const label = escapeHtml(`${title}. ${told}`);
  return `<figure class="chart"><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${label}">${parts.join('')}</svg></figure>`;
}

function curve({ label, bins }: ReliabilityLine, kind: 'thin' | 'thick'): string {
  const path = bins.map(({ predicted, observed }) => `${placeX(predicted)},${placeY(observed)}`).join(' ');
  return `<polyline class="${kind}" points="${path}"><title>${escapeHtml(label)}</title></polyline>`;
}
