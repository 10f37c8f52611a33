import { CarpalError } from '@carpal/configs/errors.ts';
import { valueCount } from '../engine/named-arrays.ts';
import type { Variable } from '../engine/tensorflow.ts';
import type { ModelVariable, VariableMaker } from './layers/variables.ts';
import type { Model } from './model.ts';

type ModelFacts = Pick<Model, 'name' | 'options' | 'classes' | 'sizeMultiple'> & { readonly draws?: boolean };

/** Builds a model from its facts and from `layers`, which creates the variables in order and returns the forward pass. */
export function defineModel(facts: ModelFacts, layers: (variables: ModelVariable[]) => Model['forward']): Model {
  const variables: ModelVariable[] = [];
  const forward = layers(variables);
  return {
    draws: false,
    ...facts,
    variables,
    forward,
    parameterCount: variables.reduce((count, { trainable, variable }) => count + (trainable ? valueCount(variable.shape) : 0), 0),
    dispose: () => {
      for (const { variable } of variables) variable.dispose();
    },
  };
}

/** Returns `given` if `table` has a row for it. Throws CarpalError `manifest-invalid` if it is a variant of another network. */
export function chooseVariant<Variant extends string>(network: string, table: Readonly<Record<Variant, unknown>>, given: string): Variant {
  const variants = Object.keys(table) as Variant[];
  const chosen = variants.find((variant) => variant === given);
  if (chosen !== undefined) return chosen;
  throw new CarpalError('manifest-invalid', `${network} has no variant ${given}; choose one of ${variants.join(', ')}`, {
    where: 'spec.model.options.variant',
  });
}

/** The number of trainable values of a network's layers. Only shapes are computed; no memory is allocated. */
export function countParameters(layers: (make: VariableMaker) => unknown): number {
  let count = 0;
  const shaped = (trainable: boolean) => (_name: string, shape: readonly number[]) => {
    if (trainable) count += valueCount(shape);
    return { shape: [...shape] } as unknown as Variable;
  };
  layers({ normal: shaped(true), constant: shaped(true), moving: shaped(false) });
  return count;
}
