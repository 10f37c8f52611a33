import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { CarpalError, messageOf } from './errors.ts';
import { formatPath } from './finding.ts';
import { dnsLabel, quantity } from './schema/fields.ts';

/** A checkpoint needs some seconds; an operator that waits for an hour gains nothing over a new attempt. */
export const MIN_GRACE_SECONDS = 10;
export const MAX_GRACE_SECONDS = 3600;

/** A price has a source and a date, because prices change. */
const priceSchema = z.strictObject({
  perHour: z.number().min(0).max(10_000),
  source: z.string().min(1).max(500),
  date: z.iso.date(),
});

const nodeSchema = z.strictObject({
  instanceType: z.string().min(1).max(63),
  gpus: z.int().min(0).max(16),
  /** Such as V100; absent if the node has no GPU. */
  gpu: z.string().min(1).max(63).optional(),
  /** What pods may request: the size of the machine minus what the node itself needs. */
  allocatable: z.strictObject({ cpu: quantity(), memory: quantity() }),
  onDemand: priceSchema.optional(),
  /** Spot prices change every hour. If the source is an estimate, it says so. */
  spot: priceSchema.optional(),
});

/** What the operator gives the stages. Omitted: the defaults of `carpal operator`, whose options have the same meaning. */
const stagesSchema = z.strictObject({
  /** Resources of the prepare stage, and the queue that admits it. */
  prepare: z.strictObject({ cpu: quantity().optional(), memory: quantity().optional(), queueName: dnsLabel().optional() }).default({}),
  /** From SIGTERM to SIGKILL. */
  graceSeconds: z.int().min(MIN_GRACE_SECONDS).max(MAX_GRACE_SECONDS).optional(),
  /** The size of /dev/shm. */
  sharedMemory: quantity().optional(),
});

const environmentSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { error: 'lower-case letters, digits and "-"' }),
  summary: z.string().min(1).max(200),
  currency: z.string().length(3).default('USD'),
  region: z.string().min(1).max(40).optional(),
  /** The default of --artifacts for `carpal manifests`. */
  artifacts: z.string().min(1).max(1024).optional(),
  /** Environment variables of the operator and of the stages. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4096)).default({}),
  stages: stagesSchema.prefault({}),
  nodes: z.array(nodeSchema).max(64).default([]),
});

export type Environment = z.output<typeof environmentSchema>;
/** What the operator gives the stages, as far as the environment says it. */
export type StageDefaults = Environment['stages'];
export type NodeShape = Environment['nodes'][number];
export type Price = z.output<typeof priceSchema>;

const folder = new URL('./environments/', import.meta.url);

/** The names of the available environments: the files of configs/environments without `.yaml`. */
export function environmentNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The environment `name` of configs/environments, or the environment in the file `name` if it ends in `.yaml`. Throws `environment-invalid`
 * if it does not exist or is invalid, with every invalid field.
 */
export function loadEnvironment(name: string): Environment {
  const isFile = /\.ya?ml$/.test(name);
  const place = isFile ? name : new URL(`${name}.yaml`, folder);
  if (isFile ? !existsSync(name) : !environmentNames().includes(name)) {
    throw new CarpalError('environment-invalid', `there is no environment "${name}"`, {
      fix: `Use one of: ${environmentNames().join(', ')}; or the path of a YAML file of the same form.`,
    });
  }
  const where = isFile ? name : `configs/environments/${name}.yaml`;
  const found = environmentSchema.safeParse(readYaml(place, where));
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(
    ({ path, message }) => `\n  ${formatPath(path.map((part) => (typeof part === 'number' ? part : String(part))))}: ${message}`,
  );
  throw new CarpalError('environment-invalid', `the environment is invalid:${mistakes.join('')}`, { where });
}

function readYaml(place: string | URL, where: string): unknown {
  try {
    return parse(readFileSync(place, 'utf8'));
  } catch (cause) {
    throw new CarpalError('environment-invalid', `the environment cannot be read: ${messageOf(cause)}`, {
      where,
      cause,
    });
  }
}
