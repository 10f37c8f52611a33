import { MaskError } from './mask-error.ts';

/** Throws a MaskError unless `out` is [size, size, channels] and has the channel. */
export function checkSquareTarget(size: number, out: Uint8Array, channel: number, channels: number): void {
  if (out.length !== size * size * channels) {
    throw new MaskError(`A target of shape [${size}, ${size}, ${channels}] has ${size * size * channels} bytes, not ${out.length}.`);
  }
  if (!Number.isInteger(channel) || channel < 0 || channel >= channels)
    throw new MaskError(`There is no channel ${channel} of ${channels}.`);
}
