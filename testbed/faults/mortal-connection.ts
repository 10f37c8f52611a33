/** An operator's connection that ends with the operator: at a chosen request, or when the test says so. */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesRequest, WatchRequest } from '@carpal/kubernetes/api/client.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';

/** The `request`-th mutating request from 1; `after`: the server has carried it out and nobody hears so. */
export type Death = { readonly request: number; readonly moment: 'before' | 'after' };

export type MortalConnection = Connection & {
  /** Resolves with the request at which it died. */
  readonly died: Promise<string>;
  /** From now on nothing gets out or in. */
  die(): void;
  /** Mutating requests that the server was asked for. */
  readonly mutations: number;
};

/** Dies at that request; only by `die` where absent. What is asked of a dead connection fails without reaching the server. */
export function mortal(connection: Connection, death?: Death): MortalConnection {
  const end = new AbortController();
  const { promise: died, resolve } = Promise.withResolvers<string>();
  let mutations = 0;
  const gone = (what: string): ApiError => new ApiError(0, 'NoAnswer', `${what}: this operator is dead`);
  const die = (what: string): void => {
    end.abort();
    resolve(what);
  };

  const request = async <Answer>(asked: KubernetesRequest): Promise<Answer> => {
    const what = `${asked.method} ${asked.path}`;
    if (end.signal.aborted) throw gone(what);
    if (asked.method !== 'GET') mutations += 1;
    const isLast = asked.method !== 'GET' && mutations === death?.request;
    if (isLast && death?.moment === 'before') die(what);
    if (end.signal.aborted) throw gone(what);
    const answer = await connection.request<Answer>(asked);
    if (isLast) die(what);
    if (end.signal.aborted) throw gone(what);
    return answer;
  };

  async function* watch<Event>(asked: WatchRequest): AsyncGenerator<Event, void, undefined> {
    for await (const event of connection.watch<Event>({ ...asked, signal: AbortSignal.any([asked.signal, end.signal]) })) {
      if (end.signal.aborted) break;
      yield event;
    }
    if (end.signal.aborted) throw gone(`WATCH ${asked.path}`);
  }

  return {
    ...connection,
    request,
    watch,
    died,
    die: () => die('told to'),
    get mutations() {
      return mutations;
    },
  };
}
