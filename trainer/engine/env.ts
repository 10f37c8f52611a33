/** Silences TensorFlow's start-up notes (its own logger reads the environment when the library loads) unless a level is asked for. */
export function quietTensorFlow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}
