/**
 * Settings of a TensorFlow session, as the bytes of a ConfigProto (tensorflow/core/protobuf/config.proto, rewriter_config.proto). The binding
 * reads them from beside the saved model (setup/native/session-config.h).
 */
import { bytesField, integerField } from './protobuf.ts';

/** An experiment's `training.precision`. */
export type Precision = 'float32' | 'bfloat16' | 'float16';

const FIELD = { graphOptions: 10, rewriteOptions: 10, autoMixedPrecision: 23, autoMixedPrecisionOneDnnBfloat16: 31 } as const;
const ON = 1;

/**
 * Has TensorFlow's own graph rewriter run convolutions and what stands between them in the narrow type, with its lists of what may and what
 * must not; weights, losses and the optimizer stay float32. Undefined (TensorFlow's defaults) for float32.
 */
export function sessionConfig(precision: Precision): Buffer | undefined {
  if (precision === 'float32') return undefined;
  const rewriter = precision === 'bfloat16' ? FIELD.autoMixedPrecisionOneDnnBfloat16 : FIELD.autoMixedPrecision;
  return bytesField(FIELD.graphOptions, bytesField(FIELD.rewriteOptions, integerField(rewriter, ON)));
}
