import type { ReliabilityBin } from '../statistics/calibration.ts';
import { escapeHtml } from './page.ts';

/** Colours of folds and runs, distinguishable on a light and on a dark background. */
const COLOURS = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#a855f7', '#06b6d4', '#ec4899', '#84cc16'];

type Point = { readonly x: number; readonly y: number };
export type Series = { readonly label: string; readonly colour: string; readonly points: readonly Point[]; readonly dashed?: boolean };
export type LineChart = {
  readonly title: string;
  readonly series: readonly Series[];
  readonly xLabel: string;
  readonly fromZero?: boolean;
};

const WIDTH = 560;
const HEIGHT = 280;
const PLOT = { left: 56, right: WIDTH - 12, top: 14, bottom: HEIGHT - 42 };
const TICKS = 5;

/**
 * A line chart as an inline SVG figure that takes its text colour from the page. Points that are not finite are omitted; without points the
 * figure says so.
 */
export function lineChart(chart: LineChart): string {
  const series = chart.series.map((line) => ({
    ...line,
    points: line.points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const points = series.flatMap((line) => line.points);
  const caption = `<figcaption>${escapeHtml(chart.title)}</figcaption>`;
  if (points.length === 0) return `<figure class="chart">${caption}<p class="dim">No data yet.</p></figure>`;
  const x = ticksOf(Math.min(...points.map((point) => point.x)), Math.max(...points.map((point) => point.x)), true);
  const low = chart.fromZero ? 0 : Math.min(...points.map((point) => point.y));
  const y = ticksOf(low, Math.max(...points.map((point) => point.y)), false);
  const placeX = (value: number): number => place(value, x, PLOT.left, PLOT.right);
  const placeY = (value: number): number => place(value, y, PLOT.bottom, PLOT.top);
  const parts = [
    ...y.ticks.map((tick) => {
      const at = placeY(tick).toFixed(1);
      const line = `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/>`;
      return `${line}<text class="tick" x="${PLOT.left - 8}" y="${at}" text-anchor="end" dominant-baseline="central">${tickText(tick, y.step)}</text>`;
    }),
    ...x.ticks.map(
      (tick) =>
        `<text class="tick" x="${placeX(tick).toFixed(1)}" y="${PLOT.bottom + 18}" text-anchor="middle">${tickText(tick, x.step)}</text>`,
    ),
    `<text class="tick" x="${PLOT.right}" y="${HEIGHT - 3}" text-anchor="end">${escapeHtml(chart.xLabel)}</text>`,
    ...series.map((line) => curve(line, placeX, placeY)),
  ];
  const label = escapeHtml([chart.title, ...series.map(ending)].join('; '));
  return `<figure class="chart">${caption}<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">${parts.join('')}</svg></figure>`;
}

/** The last value of a series, for readers who cannot see the line. */
function ending({ label, points }: Series): string {
  const last = points.at(-1);
  return last === undefined ? `${label}: no data yet` : `${label}: ${Number(last.y.toPrecision(4))} at ${last.x}`;
}

function curve(line: Series, placeX: (x: number) => number, placeY: (y: number) => number): string {
  if (line.points.length === 0) return '';
  const title = `<title>${escapeHtml(line.label)}</title>`;
  const [first] = line.points;
  if (line.points.length === 1 && first) {
    return `<circle cx="${placeX(first.x).toFixed(1)}" cy="${placeY(first.y).toFixed(1)}" r="3" fill="${line.colour}">${title}</circle>`;
  }
  const path = line.points.map(({ x, y }) => `${placeX(x).toFixed(1)},${placeY(y).toFixed(1)}`).join(' ');
  const dash = line.dashed ? ' stroke-dasharray="5 4" opacity="0.75"' : '';
  return `<polyline points="${path}" fill="none" stroke="${line.colour}" stroke-width="2" stroke-linejoin="round"${dash}>${title}</polyline>`;
}

type Ticks = { readonly low: number; readonly high: number; readonly step: number; readonly ticks: readonly number[] };

/** Round numbers that span low to high, in steps of 1, 2 or 5 times a power of ten. */
function ticksOf(low: number, high: number, isInteger: boolean): Ticks {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  const step = isInteger ? Math.max(1, Math.round(factor * power)) : factor * power;
  const first = isInteger ? Math.ceil(low / step) : Math.floor(low / step);
  const last = isInteger ? Math.floor(high / step) : Math.ceil(high / step);
  const ticks = Array.from({ length: Math.max(1, last - first + 1) }, (_, index) => (first + index) * step);
  if (isInteger) return { low, high: high === low ? low + 1 : high, step, ticks: ticks.filter((tick) => tick >= low && tick <= high) };
  return { low: first * step, high: last === first ? first * step + step : last * step, step, ticks };
}

function place(value: number, { low, high }: Ticks, from: number, to: number): number {
  return from + ((value - low) / (high - low)) * (to - from);
}

function tickText(value: number, step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return value.toFixed(Math.min(digits, 6));
}

type ReliabilityLine = { readonly label: string; readonly bins: readonly ReliabilityBin[] };
type ReliabilityChart = {
  readonly title: string;
  /** The thick line. */
  readonly main: ReliabilityLine;
  /** Thin lines behind it. */
  readonly others: readonly ReliabilityLine[];
};

const SIDE = 240;
const SQUARE = { left: 34, right: SIDE - 8, top: 8, bottom: SIDE - 34 };
const SHARES = [0, 0.25, 0.5, 0.75, 1];

const acrossAt = (value: number): string => (SQUARE.left + value * (SQUARE.right - SQUARE.left)).toFixed(1);
const upAt = (value: number): string => (SQUARE.bottom - value * (SQUARE.bottom - SQUARE.top)).toFixed(1);

/**
 * A reliability diagram as an inline SVG figure: predicted probability on the x axis, observed fraction of bone on the y axis, both 0 to 1.
 * Perfect calibration is the dashed diagonal.
 */
export function reliabilityChart({ title, main, others }: ReliabilityChart): string {
  const parts = [
    ...SHARES.map((tick) => {
      const text = String(tick);
      const line = `<line class="grid" x1="${SQUARE.left}" x2="${SQUARE.right}" y1="${upAt(tick)}" y2="${upAt(tick)}"/>`;
      const left = `<text class="tick" x="${SQUARE.left - 5}" y="${upAt(tick)}" text-anchor="end" dominant-baseline="central">${text}</text>`;
      return `${line}${left}<text class="tick" x="${acrossAt(tick)}" y="${SQUARE.bottom + 14}" text-anchor="middle">${text}</text>`;
    }),
    `<text class="tick" x="${SQUARE.right}" y="${SIDE - 4}" text-anchor="end">predicted</text>`,
    `<line class="diagonal" x1="${acrossAt(0)}" y1="${upAt(0)}" x2="${acrossAt(1)}" y2="${upAt(1)}"/>`,
    ...others.map((line) => reliabilityLine(line, 'thin')),
    reliabilityLine(main, 'thick'),
    ...main.bins.map(({ predicted, observed, pixels }) => {
      const pointText = `${pixels} pixels: predicted ${predicted.toFixed(3)}, bone ${observed.toFixed(3)}`;
      return `<circle class="thick" cx="${acrossAt(predicted)}" cy="${upAt(observed)}" r="3"><title>${pointText}</title></circle>`;
    }),
  ];
  const description = main.bins
    .map(({ predicted, observed }) => `${predicted.toFixed(2)} predicted, ${observed.toFixed(2)} bone`)
    .join('; ');
  const label = escapeHtml(`${title}. ${description}`);
  return `<figure class="chart"><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${label}">${parts.join('')}</svg></figure>`;
}

function reliabilityLine({ label, bins }: ReliabilityLine, kind: 'thin' | 'thick'): string {
  const path = bins.map(({ predicted, observed }) => `${acrossAt(predicted)},${upAt(observed)}`).join(' ');
  return `<polyline class="${kind}" points="${path}"><title>${escapeHtml(label)}</title></polyline>`;
}

/** The colour of a fold or run by index. Colours repeat after eight. */
export const runColour = (index: number): string => COLOURS[index % COLOURS.length] ?? '#888888';
