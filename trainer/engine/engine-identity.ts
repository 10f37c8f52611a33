/** What decides the last bits of float results besides the data and the code. */
import type { EngineIdentity } from '@carpal/artifacts/checkpoint-record.ts';
import { oneDnnEnvironment, threadCount } from './env.ts';
import { hasGpu, nativeBackend } from './graph/native-binding.ts';
import { instructionSet, readProcessorFlags } from './processor.ts';
import { tf } from './tensorflow.ts';

/** The engine of this process. `gpu` names its GPUs (readGpus); it counts only if TensorFlow uses one. */
export function engineIdentity(gpu?: string): EngineIdentity {
  const { isOff, newestInstructions } = oneDnnEnvironment();
  const instructions = instructionSet(readProcessorFlags(), newestInstructions);
  return {
    threads: threadCount(),
    instructions: isOff ? `${instructions} without oneDNN` : instructions,
    build: `TensorFlow ${nativeBackend().binding.TF_Version}, tfjs-node ${tf.version['tfjs-node']}`,
    // How many GPUs there are does not matter: a fold uses one.
    device: hasGpu() ? (gpu ?? 'GPU').replace(/^\d+ × /, '') : 'CPU',
  };
}
