/** A proxy in front of an S3 server that answers as AWS does for credentials with an IAM policy: 403 for what no statement allows. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

type OneOrMore = string | readonly string[];
type Statement = {
  readonly Effect: 'Allow';
  readonly Action: OneOrMore;
  readonly Resource: OneOrMore;
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': OneOrMore } };
};

/** One thing that a request does. */
type Act = { readonly action: string; readonly resource: string; readonly prefix?: string };

export type IamProxy = {
  readonly port: number;
  /** What was denied so far, as `action resource`. */
  readonly denied: readonly string[];
  close(): Promise<void>;
};

/** Starts the proxy for a server on this machine. */
export async function startIamProxy(targetPort: number, policy: { readonly Statement: readonly object[] }): Promise<IamProxy> {
  const statements = policy.Statement as readonly Statement[];
  const denied: string[] = [];
  const handle = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const forbidden = actsOf(incoming, body.toString('utf8')).filter((act) => !statements.some((statement) => allows(statement, act)));
    if (forbidden.length > 0) {
      denied.push(
        ...forbidden.map(({ action, resource, prefix }) => `${action} ${resource}${prefix === undefined ? '' : `?prefix=${prefix}`}`),
      );
      answer.writeHead(403, { 'content-type': 'application/xml' });
      answer.end('<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
      return;
    }
    const { method, url, headers } = incoming;
    const { expect: _, ...kept } = headers;
    const forwarded = request({ host: '127.0.0.1', port: targetPort, method, path: url, headers: kept }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    forwarded.end(body);
  };
  const server = createServer((incoming, answer) => void handle(incoming, answer).catch(() => answer.destroy()));
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    denied,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The actions that a request to `/bucket/key` needs. */
function actsOf({ method = '', url = '' }: IncomingMessage, body: string): readonly Act[] {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const [, bucket = '', ...steps] = decodeURIComponent(pathname).split('/');
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const key = steps.join('/');
  const on = (action: string, name = key): Act => ({ action: `s3:${action}`, resource: `${bucketArn}/${name}` });
  if (method === 'POST' && searchParams.has('delete'))
    return [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name]) => on('DeleteObject', name));
  if (key === '') return [{ action: 's3:ListBucket', resource: bucketArn, prefix: searchParams.get('prefix') ?? '' }];
  if (method === 'GET' || method === 'HEAD') return [on('GetObject')];
  if (method === 'DELETE') return [on(searchParams.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject')];
  return [on('PutObject')];
}

const matches = (patterns: OneOrMore, text: string): boolean =>
  [patterns]
    .flat()
    .some((pattern) => new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's').test(text));

function allows({ Action, Resource, Condition }: Statement, { action, resource, prefix }: Act): boolean {
  const isMet = Condition === undefined || (prefix !== undefined && matches(Condition.StringLike['s3:prefix'], prefix));
  return matches(Action, action) && matches(Resource, resource) && isMet;
}
