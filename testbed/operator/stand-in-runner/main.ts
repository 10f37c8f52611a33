/** A local run in a process of its own, for tests that kill it: `stand-in-runner/main.ts FOLDER`. SIGTERM stops it, as Ctrl-C would. */
import { runHere } from '../local-world.ts';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const { end } = await runHere(process.argv[2] ?? '', { stop: stop.signal });
process.exit(end === 'stopped' ? 75 : 0);
