/** Manifests whose run or placement the API server must reject; see bad-manifests.ts. */
import type { BadManifest } from './bad-training-manifests.ts';

const uri = 's3://bucket/hands';

export const BAD_RUNNING_MANIFESTS: readonly BadManifest[] = [
  [
    'unknown and repeated folds',
    { dataset: { uri, split: { folds: 3 } }, run: { folds: [0, 0, 3] } },
    [
      'spec.run.folds: Invalid value: fold 3 does not exist: dataset.split.folds is 3. Write 0 to 2, or raise dataset.split.folds.',
      'spec.run.folds: Invalid value: lists fold 0 twice. List each fold once.',
    ],
  ],
  [
    'a deadline of 0s, one of several years and one that is not a duration',
    { run: { startDeadline: '0s', foldDeadline: '1000d', ttlAfterFinished: 'soon' } },
    [
      'spec.run.startDeadline: Invalid value: "0s": must be longer than 0s. Write a duration such as 2h.',
      'spec.run.foldDeadline: Invalid value: "1000d": 1000d is more than a year. Write at most 365d.',
      'spec.run.ttlAfterFinished: Invalid value: "soon": must be a duration such as 90m, 2h, 14d or 1h30m.',
    ],
  ],
  [
    'a wait for capacity of 0s, a stall timeout of several years and a stage deadline that is not a duration',
    { run: { capacityDeadline: '0s', stallTimeout: '1000d', stageDeadline: '6 hours' } },
    [
      'spec.run.capacityDeadline: Invalid value: "0s": must be longer than 0s. Write a duration such as 2h.',
      'spec.run.stallTimeout: Invalid value: "1000d": 1000d is more than a year. Write at most 365d.',
      'spec.run.stageDeadline: Invalid value: "6 hours": must be a duration such as 90m, 2h, 14d or 1h30m.',
    ],
  ],
  [
    'a negative retry and an unknown reaction to a failed fold',
    { run: { retry: -1, onFoldFailure: 'ignore' } },
    [
      'spec.run.retry: Invalid value: -1',
      'greater than or equal to 0',
      'spec.run.onFoldFailure: Unsupported value: "ignore": supported values: "continue", "stop"',
    ],
  ],
  ['a parallelism of 0', { run: { parallelism: 0 } }, ['spec.run.parallelism: Invalid value: 0', 'greater than or equal to 1']],
  [
    '0 cores, and memory in units of 1/1000 byte',
    { placement: { cpu: '0', memory: '48m' } },
    [
      'spec.placement.cpu: Invalid value: "0": must be more than 0 cores. Write a quantity such as "7" or "500m".',
      'spec.placement.memory: Invalid value: "48m": 48m is less than 256Mi (the unit m means 1/1000 of a byte). Write a quantity such as 48Gi.',
    ],
  ],
  [
    'memory with a unit that Kubernetes does not know',
    { placement: { memory: '48 GB' } },
    ['spec.placement.memory: Invalid value: "48 GB": must be a Kubernetes quantity in quotes, such as "7", "500m" or "48Gi".'],
  ],
  [
    'cores as a number instead of text',
    { placement: { cpu: 7 } },
    ['spec.placement.cpu: Invalid value: "integer"', 'must be of type string'],
  ],
  [
    'labels that Kubernetes rejects',
    { placement: { nodeSelector: { 'a/b/c': 'x', a: 'x y' } } },
    [
      'spec.placement.nodeSelector: Invalid value: "a/b/c" is not a valid label key of Kubernetes. Write it as kubectl get nodes',
      'spec.placement.nodeSelector: Invalid value: "x y" is not a valid label value of Kubernetes.',
    ],
  ],
  [
    'tolerations that Kubernetes rejects',
    { placement: { tolerations: [{ value: 'x' }, { operator: 'Exists', value: 'x', tolerationSeconds: 3 }] } },
    [
      'spec.placement.tolerations[0].key: Required value: is required unless operator is Exists. Write the key of the taint, or operator: Exists to tolerate every taint.',
      'spec.placement.tolerations[1].value: Invalid value: has no meaning with operator Exists. Remove the value',
      'spec.placement.tolerations[1].tolerationSeconds: Invalid value: is only used with effect NoExecute. Remove it',
    ],
  ],
  [
    'too few resources for prepare and ensemble',
    { placement: { ephemeralStorage: '48m', prepare: { cpu: '0m', memory: '1Mi' }, ensemble: { ephemeralStorage: '1Gi ' } } },
    [
      'spec.placement.ephemeralStorage: Invalid value: "48m": 48m is less than 256Mi (the unit m means 1/1000 of a byte). Write a quantity such as 10Gi.',
      'spec.placement.prepare.cpu: Invalid value: "0m": must be more than 0 cores.',
      'spec.placement.prepare.memory: Invalid value: "1Mi": 1Mi is less than 256Mi',
      'spec.placement.ensemble.ephemeralStorage: Invalid value: "1Gi ": must be a Kubernetes quantity in quotes',
    ],
  ],
  [
    'labels and tolerations of single stages that Kubernetes rejects',
    { placement: { prepare: { nodeSelector: { a: 'x y' } }, ensemble: { tolerations: [{ value: 'x' }] } } },
    [
      'spec.placement.prepare.nodeSelector: Invalid value: "x y" is not a valid label value of Kubernetes.',
      'spec.placement.ensemble.tolerations[0].key: Required value: is required unless operator is Exists.',
    ],
  ],
  [
    'a service account for one stage',
    { placement: { prepare: { serviceAccountName: 'other' } } },
    ['unknown field "spec.placement.prepare.serviceAccountName"'],
  ],
  [
    'a queue with spaces',
    { placement: { queueName: 'gpu queue' } },
    ['spec.placement.queueName: Invalid value: "gpu queue": must be empty or a Kubernetes name (lower-case letters, digits, "-" and ".").'],
  ],
];
