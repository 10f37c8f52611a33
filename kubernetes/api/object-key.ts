import type { ObjectMeta } from './objects.ts';

/** `namespace/name`, or `name` outside namespaces: an object's key in stores and queues, and what it is called in a line of the log. */
export function keyOf({ namespace, name }: Pick<ObjectMeta, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
