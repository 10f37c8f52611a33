/** Figures as the text that is committed: six digits of a measured number are more than it deserves; counts stay whole. */
export function figuresText(figures: unknown): string {
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
  return `${JSON.stringify(figures, rounded, 1)}\n`;
}
