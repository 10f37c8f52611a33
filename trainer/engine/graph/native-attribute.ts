import { type Attribute, attribute } from './graph-definition.ts';
import type { NativeAttribute } from './native-binding.ts';
import { NotRecordable } from './not-recordable.ts';

/** An eager operation's attribute as a NodeDef attribute, by TF_AttrType. Throws NotRecordable for a type that no graph here carries. */
export function nodeAttribute({ name, type, value }: NativeAttribute): Attribute {
  const list = Array.isArray(value);
  if (type === 0) return attribute.text(String(value));
  if (type === 1) return list ? attribute.integers(value as number[]) : attribute.integer(Number(value));
  if (type === 2) return list ? attribute.floats(value as number[]) : attribute.float(Number(value));
  if (type === 3) return list ? attribute.booleans(value as boolean[]) : attribute.boolean(Boolean(value));
  if (type === 4) return attribute.type(Number(value));
  if (type === 5) return attribute.shape(value as number[]);
  throw new NotRecordable(`attribute ${name} has the unknown type ${type}`);
}
