/** The thread that makes batches. It answers every `more` with one batch, the end, or an error. */
import { parentPort } from 'node:worker_threads';
import { BatchMaker } from './batch-maker.ts';
import type { FromWorker, ToWorker } from './batch-thread.ts';
import { sendError } from './thread-error.ts';

let epochId = -1;
let maker: BatchMaker | undefined;

function answer(message: ToWorker): void {
  if (message.type === 'open') {
    epochId = message.epochId;
    maker = undefined;
    maker = new BatchMaker(message.request);
    return;
  }
  if (message.epochId !== epochId || maker === undefined) return;
  const { step } = maker;
  const batch = maker.next(message.buffers);
  if (!batch) send({ type: 'end', epochId });
  else send({ type: 'batch', epochId, step, ...batch }, [batch.buffers.images.buffer, batch.buffers.targets.buffer]);
}

function send(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

parentPort?.on('message', (message: ToWorker) => {
  try {
    answer(message);
  } catch (error) {
    maker = undefined;
    send({ type: 'error', epochId: message.epochId, error: sendError(error) });
  }
});
