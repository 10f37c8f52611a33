/** Figures as the table and the plain lines show them: few characters, never more than fit. */

/** `45s`, `3m20s`, `2h05m`, `3d04h`. */
export function shortDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor((whole % 86_400) / 3600))}h`;
}

/** A loss or a Dice with three decimals, or `–` where it is not known. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return Math.abs(value) < 1000 ? value.toFixed(3) : value.toExponential(1);
}

/** Images a second: one decimal while small. */
export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < 100 ? value.toFixed(1) : String(Math.round(value));
}

/** A bar of `cells` characters, in eighths of one. `fraction` is cut to 0..1. */
export function bar(fraction: number, cells: number): string {
  const eighths = Math.round(Math.min(Math.max(fraction, 0), 1) * cells * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const part = eighths % 8 === 0 ? '' : String.fromCodePoint(0x2590 - (eighths % 8));
  return (full + part).padEnd(cells, '░');
}
