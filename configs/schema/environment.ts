/** An environment: where experiments run, on what nodes, and what these cost. */
import { z } from 'zod';
import { QUANTITY_FORM, QUANTITY_PATTERN } from '../quantity.ts';

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
