/** The meaning of errors of the S3 SDK and of the network. */
import { CarpalError, type ErrorCode } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';

/**
 * `absent`: no such object. `unchanged`, `changed`: responses to a condition. `unavailable`: may work later. `expired`: credentials or
 * clock skew, which the SDK renews. `no-credentials`: none found. `denied`, `misplaced` (wrong bucket, region or endpoint): a person must
 * act.
 */
export type S3Fault = 'absent' | 'unchanged' | 'changed' | 'unavailable' | 'expired' | 'no-credentials' | 'denied' | 'misplaced' | 'other';

const FAULT_OF_NAME: Readonly<Record<string, S3Fault>> = {
  NoSuchKey: 'absent',
  NotModified: 'unchanged',
  PreconditionFailed: 'changed',
  // Another write is in progress; the next attempt sees its result.
  ConditionalRequestConflict: 'unavailable',
  NoSuchBucket: 'misplaced',
  InvalidBucketName: 'misplaced',
  NotAStore: 'misplaced',
  EndpointError: 'misplaced',
  PermanentRedirect: 'misplaced',
  AuthorizationHeaderMalformed: 'misplaced',
  IllegalLocationConstraintException: 'misplaced',
  ExpiredToken: 'expired',
  // The same error of the service that exchanges tokens of service accounts for credentials.
  ExpiredTokenException: 'expired',
  TokenRefreshRequired: 'expired',
  RequestTimeTooSkewed: 'expired',
  CredentialsProviderError: 'no-credentials',
  TokenProviderError: 'no-credentials',
  InvalidAccessKeyId: 'denied',
  // The same error of versitygw.
  XAdminUserNotFound: 'denied',
  SignatureDoesNotMatch: 'denied',
  InvalidToken: 'denied',
  InvalidIdentityToken: 'denied',
  InvalidIdentityTokenException: 'denied',
  AccessDenied: 'denied',
  SlowDown: 'unavailable',
  RequestTimeout: 'unavailable',
  TimeoutError: 'unavailable',
  IncompleteBody: 'unavailable',
  // The response is not XML: it comes from a proxy or a load balancer.
  SyntaxError: 'unavailable',
};

const FAULT_OF_STATUS: Readonly<Record<number, S3Fault>> = {
  301: 'misplaced',
  304: 'unchanged',
  401: 'denied',
  403: 'denied',
  // Without the name NoSuchKey it does not come from a store, so it must not count as absent.
  404: 'misplaced',
  408: 'unavailable',
  412: 'changed',
  429: 'unavailable',
};

const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EPROTO',
  'ERR_STREAM_PREMATURE_CLOSE',
  'UND_ERR_SOCKET',
]);
/** The endpoint does not speak TLS, has no certificate that this machine accepts, or is no web server at all. */
const WRONG_ENDPOINT =
  /^(CERT_|CRL_|ERROR_IN_C|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HPE_|ERR_INVALID_URL)/;

type S3Response = { readonly name?: string; readonly message?: string; readonly $metadata?: { readonly httpStatusCode?: number } };

const responseOf = (error: unknown): S3Response => (typeof error === 'object' && error !== null ? error : {});
const statusOf = (error: unknown): number | undefined => responseOf(error).$metadata?.httpStatusCode;

/** Classifies an error. */
export function s3Fault(error: unknown): S3Fault {
  const { name = '', message = '' } = responseOf(error);
  const code = systemErrorCode(error) ?? '';
  const status = statusOf(error);
  if (UNAVAILABLE.has(code)) return 'unavailable';
  // The content was damaged on the way. The SDK reports this with a message, without a name.
  if (message.startsWith('Checksum mismatch')) return 'unavailable';
  if (WRONG_ENDPOINT.test(code) || message === 'Region is missing') return 'misplaced';
  // The name comes first, because a missing bucket is also a 404 and an expired token a 400.
  const named = FAULT_OF_NAME[name];
  if (named !== undefined) return named;
  if (status === undefined) return 'other';
  if (status >= 500) return 'unavailable';
  // A successful response that is not the answer of a store, which the SDK cannot read: the page of a proxy.
  return FAULT_OF_STATUS[status] ?? (status < 300 ? 'misplaced' : 'other');
}

const MESSAGES: Partial<Record<S3Fault, { readonly code: ErrorCode; readonly what: string }>> = {
  unavailable: { code: 'store-unreachable', what: 'the artifact store is unavailable' },
  expired: { code: 'store-denied', what: 'the credentials for the artifact store have expired' },
  'no-credentials': { code: 'store-denied', what: 'no credentials found for the artifact store' },
  denied: { code: 'store-denied', what: 'the artifact store denied access' },
  misplaced: { code: 'store-misplaced', what: 'the bucket, region or endpoint of the artifact store is wrong' },
};

/** The error for users. It contains no part of the request, because requests have credentials. For the same reason it has no `cause`. */
export function s3Error(error: unknown, where: string): unknown {
  if (error instanceof CarpalError) return error;
  const fault = s3Fault(error);
  const known = MESSAGES[fault];
  // Neither the server nor the network caused it, so it is a bug.
  if (known === undefined && statusOf(error) === undefined) return error;
  const { code, what } = known ?? { code: 'artifact-store-failed' as const, what: 'the artifact store returned an error' };
  return new CarpalError(code, `${what}: ${reasonOf(error)}`, { where });
}

/** Name, status and message of a response in one line, without secrets. */
export function reasonOf(error: unknown): string {
  const { name = 'Error', message = '' } = responseOf(error);
  const status = statusOf(error);
  const title = systemErrorCode(error) ?? name;
  const detail = withoutSecrets(message).replaceAll(/\s+/g, ' ').trim().slice(0, 500);
  return `${title}${status === undefined ? '' : ` (HTTP ${status})`}${detail === '' || detail === title ? '' : `, ${detail}`}`;
}

/** Replaces access key ids, signatures and passwords in URLs by `***`. */
export function withoutCredentials(text: string): string {
  return text
    .replaceAll(/\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '***')
    .replaceAll(/\/\/[^/\s@]*@/g, '//***@')
    .replaceAll(/(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s]+/gi, '$1***');
}

/** Replaces all of {@link withoutCredentials} and long secrets by `***`. For messages of servers: a path may look like a secret. */
export function withoutSecrets(text: string): string {
  return withoutCredentials(text).replaceAll(/(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{32,}(?![A-Za-z0-9+/=])/g, (word) =>
    isMixed(word) ? '***' : word,
  );
}

/** Keys and tokens mix lower case, upper case and digits. Other long words, such as paths, rarely do. */
function isMixed(word: string): boolean {
  return /[a-z]/.test(word) && /[A-Z]/.test(word) && /[0-9]/.test(word);
}
