/** Rules between the fields that say on what data, where and how long an experiment runs. */
import { durationMs } from '../duration.ts';
import type { Finding } from '../finding.ts';
import { quantityValue } from '../quantity.ts';
import { doubled, type Rule } from './rule.ts';

const YEAR_MS = durationMs('365d');
const LEAST_MEMORY = quantityValue('256Mi');

const datasetKind: Rule = {
  reads: ['dataset.uri'],
  check: ({ dataset }) => {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(dataset.uri)?.[1]?.toLowerCase();
    if (scheme === undefined || scheme === 'file' || scheme === 's3') return [];
    const fix = 'Write the path of a folder, file:///path or s3://bucket/prefix.';
    return [{ path: ['dataset', 'uri'], message: `${scheme}:// data sets are not offered`, fix }];
  },
};

const foldsOfSplit: Rule = {
  reads: ['run.folds', 'dataset.split.folds'],
  check: ({ run, dataset: { split } }) => [
    ...doubled(['run', 'folds'], run.folds, 'fold'),
    ...run.folds.flatMap((fold, index): Finding[] => {
      if (fold < split.folds) return [];
      const message = `there is no fold ${fold}: dataset.split.folds is ${split.folds}, so folds are 0 to ${split.folds - 1}`;
      return [{ path: ['run', 'folds', index], message, fix: `Write 0 to ${split.folds - 1}, or raise dataset.split.folds.` }];
    }),
  ],
};

const durations: Rule = {
  reads: ['run.startDeadline', 'run.foldDeadline', 'run.ttlAfterFinished'],
  check: ({ run }) =>
    (['startDeadline', 'foldDeadline', 'ttlAfterFinished'] as const).flatMap((field): Finding[] => {
      const ms = durationMs(run[field]);
      const path = ['run', field];
      if (ms > YEAR_MS) return [{ path, message: `${run[field]} is more than a year`, fix: 'Write at most 365d.' }];
      if (ms > 0 || field === 'ttlAfterFinished') return [];
      return [{ path, message: 'must be longer than nothing', fix: 'Write a duration such as 2h.' }];
    }),
};

const cpu: Rule = {
  reads: ['placement.cpu'],
  check: ({ placement }) =>
    quantityValue(placement.cpu) > 0
      ? []
      : [{ path: ['placement', 'cpu'], message: 'must be more than 0 cores', fix: 'Write a quantity such as "7" or "500m".' }],
};

const memory: Rule = {
  reads: ['placement.memory'],
  check: ({ placement }) => {
    if (quantityValue(placement.memory) >= LEAST_MEMORY) return [];
    const message = `${placement.memory} is less than 256Mi (the unit m means thousandths of a byte)`;
    return [{ path: ['placement', 'memory'], message, fix: 'Write a quantity such as 48Gi.' }];
  },
};

const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$/;

const nodeSelector: Rule = {
  reads: ['placement.nodeSelector'],
  check: ({ placement }) =>
    Object.entries(placement.nodeSelector).flatMap(([key, value]): Finding[] => {
      const path = ['placement', 'nodeSelector', key];
      const fix = 'Write it as kubectl get nodes --show-labels prints it.';
      if (!LABEL_KEY.test(key)) return [{ path, message: 'is not a label name that Kubernetes allows', fix }];
      return LABEL_VALUE.test(value) ? [] : [{ path, message: `"${value}" is not a label value that Kubernetes allows`, fix }];
    }),
};

const tolerations: Rule = {
  reads: ['placement.tolerations'],
  check: ({ placement }) =>
    placement.tolerations.flatMap((toleration, index): Finding[] => {
      const findings: Finding[] = [];
      const at = (field: string) => ['placement', 'tolerations', index, field];
      if (toleration.operator === 'Exists' && (toleration.value ?? '') !== '') {
        findings.push({
          path: at('value'),
          message: 'has no meaning with operator Exists',
          fix: 'Take the value out, or write operator: Equal.',
        });
      }
      if ((toleration.key ?? '') === '' && toleration.operator !== 'Exists') {
        findings.push({ path: at('key'), message: 'is missing', fix: 'Name the taint, or write operator: Exists to tolerate every one.' });
      }
      if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute') {
        const fix = 'Take it out, or write effect: NoExecute.';
        findings.push({ path: at('tolerationSeconds'), message: 'has a meaning only with effect NoExecute', fix });
      }
      return findings;
    }),
};

export const RUNNING_RULES: readonly Rule[] = [datasetKind, foldsOfSplit, durations, cpu, memory, nodeSelector, tolerations];
