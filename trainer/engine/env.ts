/**
 * Silences TensorFlow's start-up messages, unless the environment sets a log level. TensorFlow's logger reads the environment when the
 * library loads.
 */
export function quietTensorFlow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}
