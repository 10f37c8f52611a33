import type { NamedVariable } from '../variable-arrays.ts';
import { type CompileOptions, compile } from './compile.ts';
import type { GraphSession } from './graph-session.ts';
import type { Tape } from './tape.ts';

/**
 * Recorded programs over one state. A loaded session takes no more nodes, so a program that joins later (a batch of another shape) makes
 * another session with all of them, into which the state moves. Shapes are few: those of whole batches, of the last, ragged one, and in
 * inference of scaled views and of the windows left over.
 */
export class JoinedPrograms {
  readonly #variables: readonly NamedVariable[];
  readonly #options: CompileOptions;
  #tapes: ReadonlyMap<string, Tape> = new Map();
  #session: GraphSession | undefined;

  constructor(variables: readonly NamedVariable[], options: CompileOptions) {
    this.#variables = variables;
    this.#options = options;
  }

  has(program: string): boolean {
    return this.#tapes.has(program);
  }

  /** The session of all programs that have joined; undefined before the first. Its state is undefined until it was written once. */
  get session(): GraphSession | undefined {
    return this.#session;
  }

  /**
   * Adds programs under names that are new. What sessions were handed out before must not be used any more; where this throws, all is as it
   * was.
   */
  join(tapes: ReadonlyMap<string, Tape>, hasState: boolean): GraphSession {
    const all = new Map([...this.#tapes, ...tapes]);
    const former = this.#session;
    const joined = compile(all, this.#variables, this.#options);
    try {
      if (former && hasState) joined.moveState(former);
    } catch (error) {
      joined.dispose();
      throw error;
    }
    former?.dispose();
    this.#session = joined;
    this.#tapes = all;
    return joined;
  }

  dispose(): void {
    this.#session?.dispose();
    this.#session = undefined;
    this.#tapes = new Map();
  }
}
