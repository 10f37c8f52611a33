/** The time that one type of TensorFlow operation takes in a run of a graph. */
export type OpTime = { readonly type: string; readonly count: number; readonly milliseconds: number };

/** TensorFlow's executor logs at level 2 when it starts a node and when the node's kernel is done. */
const LINE = /(\d\d):(\d\d):(\d\d\.\d+): I .*\] (Process node|Synchronous kernel done): (\d+) step (\d+) \{\{node .*?\}\} = (\w+)\[/;

type Event = { readonly ms: number; readonly isDone: boolean; readonly node: string; readonly run: number; readonly type: string };

function eventOf(line: string): Event | undefined {
  const [, hours, minutes, seconds, what, node = '', run, type = ''] = LINE.exec(line) ?? [];
  if (what === undefined) return undefined;
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return { ms, isDone: what !== 'Process node', node, run: Number(run), type };
}

/**
 * The time of a graph by type of operation, the slowest first: means over the last `runs` runs in the log of an executor
 * (TF_CPP_VMODULE=executor=2), which logs the start and the end of each node. Nodes must not overlap (TF_NUM_INTEROP_THREADS=1).
 */
export function opTimes(log: string, runs: number): OpTime[] {
  const events = log.split('\n').flatMap((line) => eventOf(line) ?? []);
  const last = Math.max(0, ...events.map(({ run }) => run));
  const startedMs = new Map<string, number>();
  const byType = new Map<string, { count: number; milliseconds: number }>();
  // Lines with the same time may arrive in any order.
  for (const { ms, isDone, node, run, type } of events.sort((a, b) => a.ms - b.ms || Number(a.isDone) - Number(b.isDone))) {
    if (run <= last - runs) continue;
    const key = `${run} ${node}`;
    if (!isDone) {
      startedMs.set(key, ms);
      continue;
    }
    const start = startedMs.get(key);
    if (start === undefined) continue;
    const sum = byType.get(type) ?? { count: 0, milliseconds: 0 };
    byType.set(type, { count: sum.count + 1 / runs, milliseconds: sum.milliseconds + (ms - start) / runs });
  }
  return [...byType].map(([type, sum]) => ({ type, ...sum })).sort((a, b) => b.milliseconds - a.milliseconds);
}
