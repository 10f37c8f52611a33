import { DURATION_FORM, DURATION_PATTERN, durationMs } from '@carpal/configs/duration.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { QUANTITY_PATTERN, quantityValue } from '@carpal/configs/quantity.ts';
import { DNS_LABEL } from '@carpal/configs/schema/fields.ts';
import type { WeightsChoice } from '@carpal/trainer/infer/networks.ts';
import { InvalidArgumentError } from 'commander';

/** Collects the values of an option that may be given several times, in order. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Collects variables that may be given several times, as NAME=VALUE. */
export function collectVariable(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, text] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(value) ?? [];
  if (name === undefined || text === undefined) throw new InvalidArgumentError('It must be NAME=VALUE.');
  return { ...before, [name]: text };
}

/** Parses an option's value as a whole number from `low` to `high`. Throws `usage-invalid` with the name of the option. */
export function wholeNumber(option: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new CarpalError('usage-invalid', `"${text}" is not a whole number from ${low} to ${high}`, { where: option });
  };
}

/** Parses an option's value as a duration, in milliseconds. Throws `usage-invalid` with the name of the option. */
export function duration(option: string): (text: string) => number {
  return (text) => {
    if (DURATION_PATTERN.test(text)) return durationMs(text);
    throw new CarpalError('usage-invalid', `"${text}" is not ${DURATION_FORM}`, { where: option });
  };
}

/** Checks that an option's value is a Kubernetes quantity above 0. Throws `usage-invalid` with the name of the option. */
export function quantity(option: string): (text: string) => string {
  return (text) => {
    if (QUANTITY_PATTERN.test(text) && quantityValue(text) > 0) return text;
    throw new CarpalError('usage-invalid', `"${text}" is not a quantity above 0, such as 7, 500m or 48Gi`, { where: option });
  };
}

/** Checks that an option's value may name a queue. Throws `usage-invalid` with the name of the option. */
export function labelName(option: string): (text: string) => string {
  return (text) => {
    if (DNS_LABEL.pattern.test(text) && text.length <= 63) return text;
    throw new CarpalError('usage-invalid', `"${text}" is not a name: at most 63 ${DNS_LABEL.form}`, { where: option });
  };
}

/**
 * Parses `PATH` or `PATH=WEIGHT` of --weights. The weight is the part after the last equals sign, unless that part contains a slash. Throws
 * `usage-invalid` for a weight that is not a finite number above 0.
 */
export function weightsChoice(text: string): WeightsChoice {
  const [, path, written] = /^(.*)=([^=/\\]*)$/s.exec(text) ?? [];
  if (path === undefined || written === undefined) return { path: text, weight: 1 };
  const weight = Number(written);
  const fix = 'Give a number above 0, such as best.safetensors=2; for a path that contains an equals sign write PATH=1.';
  if (path === '') throw new CarpalError('usage-invalid', `"${text}" names no weights`, { where: '--weights', fix });
  if (written.trim() !== '' && Number.isFinite(weight) && weight > 0) return { path, weight };
  throw new CarpalError('usage-invalid', `"${written}" is not a weight for ${path}`, { where: '--weights', fix });
}
