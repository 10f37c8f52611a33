export type Bar = { readonly label: string; readonly value: number };

const BAR_WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Values between 0 and 1 as text: a line each with label, value and a bar. */
export function barChart(bars: readonly Bar[]): string {
  const width = Math.max(0, ...bars.map((bar) => bar.label.length));
  return bars.map((bar) => `  ${bar.label.padEnd(width)}  ${bar.value.toFixed(4)}  ${barOf(bar.value)}\n`).join('');
}

function barOf(value: number): string {
  const eighths = Math.round(Math.min(Math.max(value, 0), 1) * BAR_WIDTH * 8);
  return '█'.repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? '');
}
