/** The environment variables of TensorFlow's library. It reads them when it loads. */
import { availableParallelism } from 'node:os';

const INTRA = 'TF_NUM_INTRAOP_THREADS';
const INTER = 'TF_NUM_INTEROP_THREADS';

/** Silences TensorFlow's start-up messages, unless the environment sets a log level. */
export function quietTensorFlow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}

/**
 * Sets the number of TensorFlow's threads, unless the environment sets it. By default TensorFlow counts the processor's cores, and sums of
 * floats depend on how many threads share them: without a fixed number, each machine would end with other weights. Has no effect once
 * TensorFlow is loaded.
 */
export function pinThreads(threads: number): void {
  process.env[INTRA] ||= String(threads);
  process.env[INTER] ||= String(threads);
}

/** The number of threads that share the work of one operation, as TensorFlow takes it from the environment. */
export function threadCount(): number {
  const given = Number(process.env[INTRA]);
  return Number.isInteger(given) && given > 0 ? given : availableParallelism();
}

/** What the environment changes about oneDNN, which computes TensorFlow's convolutions on CPUs. */
export function oneDnnEnvironment(): { readonly isOff: boolean; readonly newestInstructions: string | undefined } {
  const { env } = process;
  return { isOff: env['TF_ENABLE_ONEDNN_OPTS'] === '0', newestInstructions: env['ONEDNN_MAX_CPU_ISA']?.toUpperCase() };
}
