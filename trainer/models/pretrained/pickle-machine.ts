import { type Invalid, invalidFile } from './invalid-file.ts';

/** A tuple is a frozen array and a dictionary a Map, so that lists, tuples and dictionaries stay distinct. */
export type PickledValue = null | boolean | number | bigint | string | Global | PickledObject | PickledValue[] | PickledMap;
type PickledMap = Map<PickledValue, PickledValue>;

/** A Python class or function that may be named. */
export class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A result of the caller's functions. */
export abstract class PickledObject {}

/** What a pickle may refer to. The functions throw their own errors for arguments that they refuse. */
export type PickleWorld = {
  /** Python's full names, and what a call does; undefined for names that are only passed on. */
  readonly globals: ReadonlyMap<string, ((args: readonly PickledValue[]) => PickledValue) | undefined>;
  /** The object of a persistent id. */
  readonly persistent: (id: PickledValue) => PickledValue;
};

const LONGEST_TEXT = 10_000;
const LONGEST_NUMBER = 16;
const PROTOCOLS = [2, 5] as const;

const SAVE_STATE =
  'Load the file in Python, if you trust it, and save only the tensors with torch.save(model.state_dict(), FILE). Then import that file.';

/** Whether a value is a Python tuple. */
export function isTuple(value: PickledValue): value is PickledValue[] {
  return Array.isArray(value) && Object.isFrozen(value);
}

/** The stack machine of pickles: its stack, its memory and the position in the file. Each method is what one instruction needs. */
export class Machine {
  at: number;
  readonly #file: Buffer;
  readonly #world: PickleWorld;
  readonly invalid: Invalid;
  readonly #stack: PickledValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickledValue>();

  constructor(file: Buffer, begin: number, world: PickleWorld, where: string) {
    this.#file = file;
    this.at = begin;
    this.#world = world;
    this.invalid = invalidFile(where);
  }

  push(value: PickledValue): void {
    this.#stack.push(value);
  }

  pop(): PickledValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      throw this.invalid(`the pickle takes a value from an empty stack at byte ${this.at}`);
    return this.#stack.pop() as PickledValue;
  }

  top(): PickledValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  popToMark(): PickledValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.invalid(`the pickle has no mark at byte ${this.at}`);
    return this.#stack.splice(mark);
  }

  remember(index: number = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.invalid(`the pickle refers to an unknown value at byte ${this.at}`);
    this.push(value);
  }

  bytes(length: number): Buffer {
    const begin = this.at;
    if (begin + length > this.#file.length) throw this.invalid('the file ends in the middle of a pickle');
    this.at += length;
    return this.#file.subarray(begin, this.at);
  }

  uint(length: 1 | 2 | 4): number {
    return this.bytes(length).readUIntLE(0, length);
  }

  text(length: number): string {
    if (length > LONGEST_TEXT) throw this.invalid(`the pickle has a text of ${length} bytes`);
    return this.bytes(length).toString('utf8');
  }

  line(): string {
    const end = this.#file.indexOf(0x0a, this.at);
    if (end < 0) throw this.invalid('the file ends in the middle of a pickle');
    const line = this.text(end - this.at);
    this.at++;
    return line;
  }

  long(): bigint | number {
    const length = this.uint(1);
    if (length > LONGEST_NUMBER) throw this.invalid(`the pickle has a number of ${length} bytes`);
    const hex = this.bytes(length)
      .toReversed()
      .reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');
    const value = BigInt.asIntN(8 * length, BigInt(`0x${hex || '0'}`));
    return BigInt(Number(value)) === value ? Number(value) : value;
  }

  global(name: string): void {
    if (!this.#world.globals.has(name)) {
      throw this.invalid(`the file asks for ${name}, which is not part of a tensor`, SAVE_STATE);
    }
    this.push(new Global(name));
  }

  reduce(): void {
    const [args, called] = [this.pop(), this.pop()];
    const call = called instanceof Global ? this.#world.globals.get(called.name) : undefined;
    if (!call || !isTuple(args)) throw this.invalid(`the pickle calls something that is not a function at byte ${this.at}`);
    this.push(call(args));
  }

  persistent(): void {
    this.push(this.#world.persistent(this.pop()));
  }

  setItems(items: readonly PickledValue[]): void {
    const target = this.top();
    if (!(target instanceof Map) || items.length % 2 > 0)
      throw this.invalid(`the pickle fills something that is not a dictionary at byte ${this.at}`);
    for (let index = 0; index < items.length; index += 2) target.set(items[index] as PickledValue, items[index + 1] as PickledValue);
  }

  append(items: readonly PickledValue[]): void {
    const target = this.top();
    if (!Array.isArray(target) || isTuple(target)) throw this.invalid(`the pickle extends something that is not a list at byte ${this.at}`);
    for (const item of items) target.push(item);
  }

  /** Attributes of a dictionary, such as the versions of layers. They do not change its values. */
  ignoreState(): void {
    this.pop();
    if (!(this.top() instanceof Map)) throw this.invalid(`the pickle sets the state of an unknown object at byte ${this.at}`);
  }

  checkProtocol(): void {
    const version = this.uint(1);
    const [least, most] = PROTOCOLS;
    if (version < least || version > most) throw this.invalid(`the pickle has protocol ${version}; ${least} to ${most} are read`);
  }
}
