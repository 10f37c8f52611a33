import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program to its end, its output thrown away. Throws unless it ends with 0. */
export async function complete([program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${status}`);
}
