import { CarpalError } from '@carpal/configs/errors.ts';

/** Reads an option's value as a whole number from `low` to `high`; throws `usage-invalid` naming the option. */
export function wholeNumber(option: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new CarpalError('usage-invalid', `"${text}" is not a whole number from ${low} to ${high}`, { where: option });
  };
}
