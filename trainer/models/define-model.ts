import { valueCount } from '../engine/named-arrays.ts';
import type { ModelVariable } from './layers/variables.ts';
import type { Model } from './model.ts';

type ModelFacts = Pick<Model, 'name' | 'options' | 'classes' | 'sizeMultiple'> & { readonly draws?: boolean };

/** A model from its facts and from `layers`, which makes the variables in order and returns the forward pass. */
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
