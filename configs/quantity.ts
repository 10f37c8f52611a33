/** Kubernetes resource quantities: `7`, `500m`, `48Gi`, `1.5G`. */
const FACTOR: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

export const QUANTITY_PATTERN = /^[0-9]{1,12}(\.[0-9]{1,6})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

export const QUANTITY_FORM = 'a Kubernetes quantity in quotes, such as "7", "500m" or "48Gi"';

/** The number of a quantity: cores for cpu, bytes for memory. Throws a RangeError for any other text. */
export function quantityValue(text: string): number {
  if (!QUANTITY_PATTERN.test(text)) throw new RangeError(`"${text}" is not ${QUANTITY_FORM}`);
  const unit = text.replace(/^[0-9.]+/, '');
  return Number(text.slice(0, text.length - unit.length)) * (FACTOR[unit] ?? 1);
}
