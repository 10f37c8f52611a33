import { CarpalError } from '@carpal/configs/errors.ts';

/** `given` as one of the variants that `table` has rows for; CarpalError `manifest-invalid` if it is another network's. */
export function chooseVariant<Variant extends string>(network: string, table: Readonly<Record<Variant, unknown>>, given: string): Variant {
  const variants = Object.keys(table) as Variant[];
  const chosen = variants.find((variant) => variant === given);
  if (chosen !== undefined) return chosen;
  throw new CarpalError('manifest-invalid', `${network} has no variant ${given}; it has ${variants.join(', ')}`, {
    where: 'spec.model.options.variant',
  });
}
