import { checkExperiment } from '@carpal/configs/check/check-experiment.ts';
import { expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { loadEncoder } from '../models/pretrained/load-encoder.ts';
import { buildModel } from '../models/registry.ts';
import { SMALL_NETWORKS } from './testing/small-networks.ts';

it.each(Object.entries(SMALL_NETWORKS))(
  'a manifest may name weights for the encoder of %s exactly if they can be loaded',
  (name, options) => {
    const result = checkExperiment(
      {
        apiVersion: 'carpal.dev/v1alpha1',
        kind: 'SegmentationExperiment',
        metadata: { name: 'a' },
        spec: { dataset: { uri: 'data' }, model: { name, options, pretrained: { uri: 'a' } } },
      },
      ['hand-bones'],
    );
    const model = buildModel({ name, options, classes: 1, seed: 1 });
    // A file without arrays misses every key of an encoder.
    const reason = result.ok ? /the keys of the weights do not fit the encoder/ : /has no encoder that accepts pretrained weights/;
    expect(() => loadEncoder(model, encodeSafetensors(new Map()), 'a')).toThrow(reason);
    model.dispose();
  },
);
