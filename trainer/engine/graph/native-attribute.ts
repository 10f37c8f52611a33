import { type Attribute, attribute } from './graph-definition.ts';
import type { NativeAttribute } from './native-binding.ts';

/** An eager operation's attribute as a NodeDef attribute, by TF_AttrType; undefined for a type that no recorded operation carries. */
export function nodeAttribute({ type, value }: NativeAttribute): Attribute | undefined {
  const list = Array.isArray(value);
  if (type === 0) return attribute.text(String(value));
  if (type === 1) return list ? attribute.integers(value as number[]) : attribute.integer(Number(value));
  if (type === 2) return list ? attribute.floats(value as number[]) : attribute.float(Number(value));
  if (type === 3) return list ? attribute.booleans(value as boolean[]) : attribute.boolean(Boolean(value));
  if (type === 4) return attribute.type(Number(value));
  if (type === 5) return attribute.shape(value as number[]);
  return undefined;
}
