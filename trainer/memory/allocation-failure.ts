/**
 * What the parts under us say when there is no memory: TensorFlow's ResourceExhausted, the C++ library's bad_alloc (which ends the process), V8's
 * heap and its array buffers.
 */
const SAID =
  /OOM when allocating|Resource ?exhausted|RESOURCE_EXHAUSTED|std::bad_alloc|Array buffer allocation failed|heap out of memory|Cannot allocate memory|CUDA_ERROR_OUT_OF_MEMORY/i;

/** Whether an error, or what a process wrote before it ended, is for want of memory. */
export function isAllocationFailure(error: unknown): boolean {
  if (error instanceof Error) return SAID.test(error.message) || isAllocationFailure(error.cause);
  return typeof error === 'string' && SAID.test(error);
}
