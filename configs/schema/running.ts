/** The part of a spec that decides how and where an experiment runs, and who gets reports: run, placement, report. */
import { z } from 'zod';
import { DURATION_FORM, DURATION_PATTERN } from '../duration.ts';
import { quantity, textMap } from './fields.ts';

const duration = () => z.string().max(40).regex(DURATION_PATTERN, { error: DURATION_FORM });
const kubernetesName = (maxLength = 253) =>
  z
    .string()
    .max(maxLength)
    .regex(/^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$/, { error: 'empty or a Kubernetes name (lower-case letters, digits, "-" and ".")' });

export const runSchema = z.object({
  // Empty: every fold of the split. Loading a manifest writes the folds out.
  folds: z.array(z.int().min(0).max(19)).max(20).default([]),
  parallelism: z.int().min(1).max(64).default(5),
  suspend: z.boolean().default(false),
  // May only grow. A higher value reopens a failed experiment.
  retry: z.int().min(0).max(1000).default(0),
  onFoldFailure: z.enum(['continue', 'stop']).default('continue'),
  maxFailures: z.int().min(0).max(100).default(2),
  maxDisruptions: z.int().min(0).max(1000).default(20),
  startDeadline: duration().default('2h'),
  // Omitted: stages wait for capacity without a limit.
  capacityDeadline: duration().optional(),
  foldDeadline: duration().default('24h'),
  stageDeadline: duration().default('6h'),
  stallTimeout: duration().default('30m'),
  ttlAfterFinished: duration().default('14d'),
  ttlRemovesArtifacts: z.boolean().default(false),
  deletionRemovesArtifacts: z.boolean().default(false),
});

const tolerationSchema = z.object({
  key: z.string().max(317).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().max(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().min(0).max(31_536_000).optional(),
});

const gpus = () => z.int().min(0).max(16);
const nodeSelector = () => textMap(16, 63);
const tolerations = () => z.array(tolerationSchema).max(16);

// What prepare or ensemble gets instead of the defaults in operator/jobs/placement.ts.
const stagePlacementSchema = z.object({
  gpus: gpus().optional(),
  cpu: quantity().optional(),
  memory: quantity().optional(),
  ephemeralStorage: quantity().optional(),
  nodeSelector: nodeSelector().optional(),
  tolerations: tolerations().optional(),
  priorityClassName: kubernetesName().optional(),
  queueName: kubernetesName(63).optional(),
  workloadPriorityClass: kubernetesName(63).optional(),
});

export const placementSchema = z.object({
  gpus: gpus().default(1),
  cpu: quantity().default('7'),
  memory: quantity().default('48Gi'),
  // Temporary files of a stage.
  ephemeralStorage: quantity().default('10Gi'),
  nodeSelector: nodeSelector().default({}),
  tolerations: tolerations().default([]),
  priorityClassName: kubernetesName().default(''),
  // Labels of the Job.
  queueName: kubernetesName(63).default(''),
  workloadPriorityClass: kubernetesName(63).default(''),
  serviceAccountName: kubernetesName().default(''),
  prepare: stagePlacementSchema.optional(),
  ensemble: stagePlacementSchema.optional(),
});

// An absent reporter is off.
export const reportSchema = z.object({
  slack: z.object({ channel: z.string().min(1).max(80) }).optional(),
  kakao: z.object({ receivers: z.array(z.string().min(1).max(64)).max(5).default([]) }).optional(),
  sheets: z.object({ spreadsheetId: z.string().max(128).default('') }).optional(),
  mlflow: z.object({ experiment: z.string().min(1).max(250) }).optional(),
});
