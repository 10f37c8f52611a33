import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One finished request, as the API server logged it. */
export type AuditedCall = {
  /** The part before the first space: `carpal-operator/0.1.0`. */
  readonly userAgent: string;
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  /** With the subresource, if there is one: `pods/status`. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly code: number;
  /** The time of the complete answer, in milliseconds since 1970. */
  readonly atMs: number;
};

type AuditEvent = {
  readonly stageTimestamp?: string;
  readonly verb: string;
  readonly user?: { readonly username?: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
};

/** The requests in an audit log, oldest first. A watch appears when it has ended. Skips a line that is still being written. */
export async function* auditedCalls(path: string): AsyncGenerator<AuditedCall> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const event = parse(line);
    if (event === undefined) continue;
    const { apiGroup = '', resource = '', subresource, namespace, name } = event.objectRef ?? {};
    yield {
      userAgent: event.userAgent?.split(' ')[0] ?? '',
      user: event.user?.username ?? '',
      verb: event.verb,
      group: apiGroup,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      namespace,
      name,
      code: event.responseStatus?.code ?? 0,
      atMs: Date.parse(event.stageTimestamp ?? ''),
    };
  }
}

function parse(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    // Only the last line can be incomplete.
    return undefined;
  }
}
