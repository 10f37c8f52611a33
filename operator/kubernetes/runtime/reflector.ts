/** See reflector-types.ts. */
import type { KubernetesObject } from '../api/objects.ts';
import type { Kept, Reflector, ReflectorOptions } from './reflector-types.ts';

export type { Change, Kept, Reflector, ReflectorOptions, ReflectorStats } from './reflector-types.ts';

/** A reflector, not yet running. */
export function createReflector<Item extends KubernetesObject, KeptItem extends Kept>(
  _options: ReflectorOptions<Item, KeptItem>,
): Reflector<Item, KeptItem> {
  throw new Error('being written');
}
