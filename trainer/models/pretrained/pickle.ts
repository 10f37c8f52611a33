/**
 * A reader of Python pickles that runs nothing. A pickle is a program for a small stack machine; this one knows the instructions that
 * PyTorch writes for tensors, and calls only the functions that its caller passes.
 */
import { Machine, type PickledValue, type PickleWorld } from './pickle-machine.ts';

/** The files of the largest published networks have some ten thousand instructions. */
const MOST_INSTRUCTIONS = 2_000_000;

const STOP = 0x2e;

/**
 * Reads the pickle at byte `begin`. Returns its value and the position after it. Throws `weights-invalid` for a truncated pickle, unknown
 * instructions, names outside `world.globals`, and more or longer values than networks have. Memory is bounded by the length of the pickle.
 */
export function readPickle(file: Buffer, begin: number, world: PickleWorld, where: string): { value: PickledValue; end: number } {
  const machine = new Machine(file, begin, world, where);
  for (let count = 0; count < MOST_INSTRUCTIONS; count++) {
    const { at } = machine;
    const code = machine.uint(1);
    if (code === STOP) return { value: machine.pop(), end: machine.at };
    const instruction = INSTRUCTIONS.get(code);
    if (!instruction)
      throw machine.invalid(`the pickle has the instruction 0x${code.toString(16)} at byte ${at}, which tensors do not need`);
    instruction(machine);
  }
  throw machine.invalid(`the pickle has more than ${MOST_INSTRUCTIONS} instructions`);
}

type Instruction = (machine: Machine) => void;

const tuple = (...values: PickledValue[]): PickledValue[] => Object.freeze(values) as PickledValue[];

function stackGlobal(machine: Machine): void {
  const [name, module] = [machine.pop(), machine.pop()];
  if (typeof name !== 'string' || typeof module !== 'string') throw machine.invalid('the pickle has a name that is not a text');
  machine.global(`${module}.${name}`);
}

function float64(machine: Machine): void {
  machine.push(machine.bytes(8).readDoubleBE());
}

function shortTuple(length: 1 | 2 | 3): Instruction {
  return (machine) => {
    const values = Array.from({ length }, () => machine.pop());
    machine.push(tuple(...values.reverse()));
  };
}

function pair(machine: Machine): void {
  const [value, key] = [machine.pop(), machine.pop()];
  machine.setItems([key, value]);
}

/** The instructions, with Python's names. */
const INSTRUCTIONS: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  [0x80, (machine) => machine.checkProtocol()], // PROTO
  [0x95, (machine) => void machine.bytes(8)], // FRAME
  [0x4e, (machine) => machine.push(null)], // NONE
  [0x88, (machine) => machine.push(true)], // NEWTRUE
  [0x89, (machine) => machine.push(false)], // NEWFALSE
  [0x4a, (machine) => machine.push(machine.bytes(4).readInt32LE())], // BININT
  [0x4b, (machine) => machine.push(machine.uint(1))], // BININT1
  [0x4d, (machine) => machine.push(machine.uint(2))], // BININT2
  [0x8a, (machine) => machine.push(machine.long())], // LONG1
  [0x47, float64], // BINFLOAT
  [0x58, (machine) => machine.push(machine.text(machine.uint(4)))], // BINUNICODE
  [0x8c, (machine) => machine.push(machine.text(machine.uint(1)))], // SHORT_BINUNICODE
  [0x54, (machine) => machine.push(machine.text(machine.uint(4)))], // BINSTRING
  [0x55, (machine) => machine.push(machine.text(machine.uint(1)))], // SHORT_BINSTRING
  [0x7d, (machine) => machine.push(new Map())], // EMPTY_DICT
  [0x5d, (machine) => machine.push([])], // EMPTY_LIST
  [0x29, (machine) => machine.push(tuple())], // EMPTY_TUPLE
  [0x85, shortTuple(1)], // TUPLE1
  [0x86, shortTuple(2)], // TUPLE2
  [0x87, shortTuple(3)], // TUPLE3
  [0x28, (machine) => machine.mark()], // MARK
  [0x74, (machine) => machine.push(Object.freeze(machine.popToMark()) as PickledValue[])], // TUPLE
  [0x75, (machine) => machine.setItems(machine.popToMark())], // SETITEMS
  [0x73, pair], // SETITEM
  [0x65, (machine) => machine.append(machine.popToMark())], // APPENDS
  [0x61, (machine) => machine.append([machine.pop()])], // APPEND
  [0x71, (machine) => machine.remember(machine.uint(1))], // BINPUT
  [0x72, (machine) => machine.remember(machine.uint(4))], // LONG_BINPUT
  [0x94, (machine) => machine.remember()], // MEMOIZE
  [0x68, (machine) => machine.recall(machine.uint(1))], // BINGET
  [0x6a, (machine) => machine.recall(machine.uint(4))], // LONG_BINGET
  [0x63, (machine) => machine.global(`${machine.line()}.${machine.line()}`)], // GLOBAL
  [0x93, stackGlobal], // STACK_GLOBAL
  [0x52, (machine) => machine.reduce()], // REDUCE
  [0x62, (machine) => machine.ignoreState()], // BUILD
  [0x51, (machine) => machine.persistent()], // BINPERSID
]);
