/** The part of a spec that decides how and where an experiment runs, and who gets reports: run, placement, report. */
import { z } from 'zod';
import { DURATION_FORM, DURATION_PATTERN } from '../duration.ts';
import { quantity, textMap } from './fields.ts';

const duration = () => z.string().max(40).regex(DURATION_PATTERN, { error: DURATION_FORM });
const kubernetesName = (maxLength = 253) =>
  z
    .string()
    .max(maxLength)
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/, { error: 'empty or a Kubernetes name (lower-case letters, digits, "-" and ".")' })
    .default('');

export const runSchema = z.object({
  // Empty: every fold of the split. Loading a manifest writes the folds out.
  folds: z.array(z.int().min(0).max(19)).max(20).default([]),
  parallelism: z.int().min(1).max(64).default(5),
  suspend: z.boolean().default(false),
  maxFailures: z.int().min(0).max(100).default(2),
  maxDisruptions: z.int().min(0).max(1000).default(20),
  startDeadline: duration().default('2h'),
  foldDeadline: duration().default('24h'),
  ttlAfterFinished: duration().default('14d'),
  ttlRemovesArtifacts: z.boolean().default(false),
});

const tolerationSchema = z.object({
  key: z.string().max(317).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().max(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().min(0).max(31_536_000).optional(),
});

export const placementSchema = z.object({
  gpus: z.int().min(0).max(16).default(1),
  cpu: quantity().default('7'),
  memory: quantity().default('48Gi'),
  nodeSelector: textMap(16, 63).default({}),
  tolerations: z.array(tolerationSchema).max(16).default([]),
  priorityClassName: kubernetesName(),
  // A label of the fold's Job.
  queueName: kubernetesName(63),
  serviceAccountName: kubernetesName(),
});

// An absent reporter is off.
export const reportSchema = z.object({
  slack: z.object({ channel: z.string().min(1).max(80) }).optional(),
  kakao: z.object({ receivers: z.array(z.string().min(1).max(64)).max(5).default([]) }).optional(),
  sheets: z.object({ spreadsheetId: z.string().max(128).default('') }).optional(),
  mlflow: z.object({ experiment: z.string().min(1).max(250) }).optional(),
});
