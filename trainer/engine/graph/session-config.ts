/**
 * Settings of a TensorFlow session, as the bytes of a ConfigProto (tensorflow/core/protobuf/config.proto, rewriter_config.proto). The
 * binding reads them from a file next to the saved model (setup/native/session-config.h).
 */
import { bytesField, integerField } from './protobuf.ts';

/** An experiment's `training.precision`. */
export type Precision = 'float32' | 'bfloat16' | 'float16';

const FIELD = { graphOptions: 10, rewriteOptions: 10 } as const;
/** Fields of RewriterConfig. */
const REWRITE = {
  memory: 4,
  dependencies: 8,
  loops: 9,
  functions: 10,
  rounds: 12,
  shapes: 13,
  autoMixedPrecision: 23,
} as const;
const ON = 1;
const OFF = 2;
const NO_MEMORY_REWRITES = 1;
const ONE_ROUND = 1;

/**
 * TensorFlow rewrites a graph at the first run of every set of feeds and fetches, in two rounds by default. For a recorded step with
 * thousands of nodes, that took two fifths of the time to the first finished step. The first round finds what makes steps faster: fused
 * operations, folded constants, simplified arithmetic. A recorded step has no loops and no functions, so it needs no rewrites of these.
 */
const QUICK = [
  [REWRITE.rounds, ONE_ROUND],
  [REWRITE.memory, NO_MEMORY_REWRITES],
  ...[REWRITE.dependencies, REWRITE.loops, REWRITE.functions, REWRITE.shapes].map((field) => [field, OFF] as const),
] as const;

/**
 * The session settings for a precision. A bfloat16 graph has explicit bfloat16 nodes (reduced-precision-plan.ts) and is rewritten like a
 * float32 graph. For float16, TensorFlow's rewriter uses its own lists to run convolutions and the operations between them in float16;
 * weights, losses and the optimizer stay float32. A float16 graph is rewritten in two rounds, because the effect of a single round has not
 * been measured.
 */
export function sessionConfig(precision: Precision): Buffer {
  const settings = precision === 'float16' ? [[REWRITE.autoMixedPrecision, ON] as const] : QUICK;
  const rewriter = Buffer.concat(settings.map(([field, value]) => integerField(field, value)));
  return bytesField(FIELD.graphOptions, bytesField(FIELD.rewriteOptions, rewriter));
}
