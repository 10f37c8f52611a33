import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { CarpalError, messageOf } from './errors.ts';
import { formatPath } from './finding.ts';
import { QUANTITY_FORM, QUANTITY_PATTERN } from './quantity.ts';

const folder = new URL('./environments/', import.meta.url);

/** The names of the environments at hand: the files of configs/environments without `.yaml`. */
export function environmentNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The environment of configs/environments, or of a file where `name` ends in `.yaml`. Throws `environment-invalid` for one that is not there
 * or breaks a rule, naming every field.
 */
export function loadEnvironment(name: string): Environment {
  const isFile = /\.ya?ml$/.test(name);
  const place = isFile ? name : new URL(`${name}.yaml`, folder);
  if (isFile ? !existsSync(name) : !environmentNames().includes(name)) {
    throw new CarpalError('environment-invalid', `there is no environment "${name}"`, {
      fix: `Use one of: ${environmentNames().join(', ')}; or the path of a YAML file in their form.`,
    });
  }
  const where = isFile ? name : `configs/environments/${name}.yaml`;
  const found = environmentSchema.safeParse(readYaml(place, where));
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(
    ({ path, message }) => `\n  ${formatPath(path.map((part) => (typeof part === 'number' ? part : String(part))))}: ${message}`,
  );
  throw new CarpalError('environment-invalid', `the environment breaks a rule:${mistakes.join('')}`, { where });
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

/** An environment: where experiments run, on what nodes, and what these cost. */

const quantity = () => z.string().max(24).regex(QUANTITY_PATTERN, { error: QUANTITY_FORM });

/** A price ages: it says where it was read and when. */
const priceSchema = z.strictObject({
  perHour: z.number().min(0).max(10_000),
  source: z.string().min(1).max(500),
  date: z.iso.date(),
});

const nodeSchema = z.strictObject({
  instanceType: z.string().min(1).max(63),
  gpus: z.int().min(0).max(16),
  /** Such as V100; absent without one. */
  gpu: z.string().min(1).max(63).optional(),
  /** What pods may take of the machine: its size less what the node itself needs. */
  allocatable: z.strictObject({ cpu: quantity(), memory: quantity() }),
  onDemand: priceSchema.optional(),
  /** Spot prices move by the hour; where the source is a guess it says so. */
  spot: priceSchema.optional(),
});

export const environmentSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { error: 'lower-case letters, digits and "-"' }),
  summary: z.string().min(1).max(200),
  currency: z.string().length(3).default('USD'),
  region: z.string().min(1).max(40).optional(),
  /** For `carpal manifests`: what --artifacts is where it is not given. */
  artifacts: z.string().min(1).max(1024).optional(),
  /** Variables of the operator and of stages. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4096)).default({}),
  nodes: z.array(nodeSchema).max(64).default([]),
});

export type Environment = z.output<typeof environmentSchema>;
export type NodeShape = Environment['nodes'][number];
export type Price = z.output<typeof priceSchema>;
