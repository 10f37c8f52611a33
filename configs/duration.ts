/** Durations as people and Kubernetes write them: whole numbers with units in any order: `90m`, `2h`, `14d`, `1h30m`, `500ms`. */
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** At most five parts of at most six digits, so that the sum is a safe integer. */
export const DURATION_PATTERN = /^([0-9]{1,6}(ms|s|m|h|d)){1,5}$/;

export const DURATION_FORM = 'a duration such as 90m, 2h, 14d or 1h30m';

/** The milliseconds of a duration. Throws a RangeError for any other text; manifests are checked earlier. */
export function durationMs(text: string): number {
  if (!DURATION_PATTERN.test(text)) throw new RangeError(`"${text}" is not ${DURATION_FORM}`);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)) total += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return total;
}

/** The exact duration in the fewest parts: 5400000 → `1h30m`, 0 → `0s`. `ms` is a whole number of at least 0. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNIT_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNIT_MS[unit];
  }
  return text === '' ? '0s' : text;
}
