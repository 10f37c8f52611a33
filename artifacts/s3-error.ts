/** What an error of the S3 SDK, or of the network below it, means. */
import { CarpalError, type ErrorCode } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';

/**
 * `absent`: no such object; `unchanged` and `changed`: answers to a condition; `away`: may pass by itself; `expired`: credentials or a
 * clock that the SDK renews by itself; `denied`, `misplaced` (bucket, region, endpoint): a person must act; `other`: the rest.
 */
export type S3Fault = 'absent' | 'unchanged' | 'changed' | 'away' | 'expired' | 'unidentified' | 'denied' | 'misplaced' | 'other';

const FAULT_OF_NAME: Readonly<Record<string, S3Fault>> = {
  NoSuchKey: 'absent',
  NotModified: 'unchanged',
  PreconditionFailed: 'changed',
  // Another write was under way: the next try learns of it.
  ConditionalRequestConflict: 'away',
  NoSuchBucket: 'misplaced',
  InvalidBucketName: 'misplaced',
  PermanentRedirect: 'misplaced',
  AuthorizationHeaderMalformed: 'misplaced',
  IllegalLocationConstraintException: 'misplaced',
  ExpiredToken: 'expired',
  TokenRefreshRequired: 'expired',
  RequestTimeTooSkewed: 'expired',
  CredentialsProviderError: 'unidentified',
  TokenProviderError: 'unidentified',
  InvalidAccessKeyId: 'denied',
  // versitygw's word for the same.
  XAdminUserNotFound: 'denied',
  SignatureDoesNotMatch: 'denied',
  InvalidToken: 'denied',
  AccessDenied: 'denied',
  SlowDown: 'away',
  RequestTimeout: 'away',
  TimeoutError: 'away',
  IncompleteBody: 'away',
  // An answer that is no XML: a proxy or a load balancer spoke instead of the store.
  SyntaxError: 'away',
};

const FAULT_OF_STATUS: Readonly<Record<number, S3Fault>> = {
  301: 'misplaced',
  304: 'unchanged',
  401: 'denied',
  403: 'denied',
  // Not the store's own NoSuchKey: something else listens at the endpoint, and nothing may be taken for absent.
  404: 'misplaced',
  408: 'away',
  412: 'changed',
  429: 'away',
};

const AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);
const ALSO_AWAY = new Set(['ENETUNREACH', 'ENETDOWN', 'EPROTO', 'ERR_STREAM_PREMATURE_CLOSE', 'UND_ERR_SOCKET']);
const TLS = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

type Answer = { readonly name?: string; readonly message?: string; readonly $metadata?: { readonly httpStatusCode?: number } };

const answerOf = (error: unknown): Answer => (typeof error === 'object' && error !== null ? error : {});
const statusOf = (error: unknown): number | undefined => answerOf(error).$metadata?.httpStatusCode;

/** Tells the kinds apart. */
export function s3Fault(error: unknown): S3Fault {
  const { name = '', message = '' } = answerOf(error);
  const code = systemErrorCode(error) ?? '';
  const status = statusOf(error);
  if (AWAY.has(code) || ALSO_AWAY.has(code)) return 'away';
  // What came is not what the store sent: the SDK has a message for it, no name.
  if (message.startsWith('Checksum mismatch')) return 'away';
  if (TLS.test(code) || message === 'Region is missing') return 'misplaced';
  // By name first: a missing bucket is a 404 too, and an expired token a 400.
  const named = FAULT_OF_NAME[name];
  if (named !== undefined) return named;
  if (status === undefined) return 'other';
  return FAULT_OF_STATUS[status] ?? (status >= 500 ? 'away' : 'other');
}

const SAYING: Partial<Record<S3Fault, { readonly code: ErrorCode; readonly what: string }>> = {
  away: { code: 'store-unreachable', what: 'the artifact store does not answer as it should' },
  expired: { code: 'store-denied', what: 'the artifact store says that the credentials are out of date' },
  unidentified: { code: 'store-denied', what: 'there are no credentials for the artifact store' },
  denied: { code: 'store-denied', what: 'the artifact store refuses' },
  misplaced: { code: 'store-misplaced', what: 'the artifact store is not where it was looked for' },
};

/** The error for people. It keeps no part of the request, which holds credentials, and so no `cause` either. */
export function s3Error(error: unknown, where: string): unknown {
  if (error instanceof CarpalError) return error;
  const fault = s3Fault(error);
  const saying = SAYING[fault];
  // Without an answer and without a word of the network it is a fault of the program.
  if (saying === undefined && statusOf(error) === undefined) return error;
  const { code, what } = saying ?? { code: 'artifact-store-failed' as const, what: 'the artifact store answers with an error' };
  return new CarpalError(code, `${what}: ${reasonOf(error)}`, { where });
}

/** Name, status and message of an answer in one line, without what looks like a key. */
export function reasonOf(error: unknown): string {
  const { name = 'Error', message = '' } = answerOf(error);
  const status = statusOf(error);
  const title = systemErrorCode(error) ?? name;
  const words = withoutSecrets(message).replaceAll(/\s+/g, ' ').trim().slice(0, 500);
  return `${title}${status === undefined ? '' : ` (HTTP ${status})`}${words === '' || words === title ? '' : `, ${words}`}`;
}

/** Access key ids, long secrets, signatures and passwords within URLs become `***`. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '***')
    .replaceAll(/\/\/[^/\s@]*@/g, '//***@')
    .replaceAll(/(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s]+/gi, '$1***')
    .replaceAll(/(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{32,}(?![A-Za-z0-9+/=])/g, (run) => (isMixed(run) ? '***' : run));
}

/** Keys and tokens have all kinds of characters; of what else is long, such as paths, little has. */
function isMixed(run: string): boolean {
  return /[a-z]/.test(run) && /[A-Z]/.test(run) && /[0-9]/.test(run);
}
