/**
 * An experiment that takes seconds, as YAML: two folds of a small network, two epochs each, on the data set in the folder `data` next to
 * it.
 */
export const TINY_MANIFEST = `apiVersion: carpal.dev/v1alpha1
kind: SegmentationExperiment
metadata: {name: tiny}
spec:
  dataset: {uri: data, split: {folds: 2}}
  model: {name: SlimUNet, options: {width: 4, depth: 3}}
  input: {size: 64}
  training: {epochs: 2, batchSize: 2}
  run: {parallelism: 1}
`;
