/** The learning rates of a step: one for most variables, and one that is multiplied by a factor for each of the others. */

/** The factors of the variables that do not have the learning rate of the step, by name. */
export type RateFactors = ReadonlyMap<string, number>;

/** `factored` is the rate of the variables with a factor, before the factor: the learning rate, or 0 while they are frozen. */
export type LearningRates<Rate> = {
  readonly learningRate: Rate;
  /** Only with factors. */
  readonly factored?: Rate | undefined;
};

/**
 * The rate of every variable, in their order. Variables with equal factors share one result of `times`; a factor of 1 needs none. Without
 * factors every variable has the learning rate itself.
 */
export function ratesOf<Rate>(
  variables: readonly { readonly name: string }[],
  factors: RateFactors,
  { learningRate, factored = learningRate }: LearningRates<Rate>,
  times: (rate: Rate, factor: number) => Rate,
): Rate[] {
  const products = new Map([...new Set(factors.values())].map((factor) => [factor, factor === 1 ? factored : times(factored, factor)]));
  return variables.map(({ name }) => {
    const factor = factors.get(name);
    return factor === undefined ? learningRate : (products.get(factor) ?? factored);
  });
}
