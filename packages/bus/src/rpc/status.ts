/**
 * SegueError to gRPC status and back. The status says what any gRPC client understands; the trailer `segue-code` carries
 * the exact code to ours.
 */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorCodes, SegueError } from '@segue/core';

const codeTrailer = 'segue-code';
/** After which time to try again, in ms: gRPC's own name for it. */
const retryTrailer = 'grpc-retry-pushback-ms';
/** Trailers are limited to 8 KiB by common peers. */
const maxDetailBytes = 6_000;

/** Codes for statuses that come without the trailer: from the library, a proxy, or another implementation. */
const codeOfStatus: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.CANCELLED]: 'CANCELLED',
  [status.INVALID_ARGUMENT]: 'INVALID_INPUT',
  [status.OUT_OF_RANGE]: 'INVALID_INPUT',
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.NOT_FOUND]: 'NOT_FOUND',
  [status.ALREADY_EXISTS]: 'ALREADY_EXISTS',
  [status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
  [status.RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  [status.FAILED_PRECONDITION]: 'FAILED_PRECONDITION',
  [status.ABORTED]: 'FAILED_PRECONDITION',
  [status.UNIMPLEMENTED]: 'UNIMPLEMENTED',
  [status.UNAVAILABLE]: 'UNAVAILABLE',
  [status.DATA_LOSS]: 'DATA_LOSS',
};

export interface Status {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

export function toStatus(error: SegueError): Status {
  const metadata = new Metadata();
  metadata.set(codeTrailer, error.code);
  if (error.retryAfterMs !== null) metadata.set(retryTrailer, String(error.retryAfterMs));
  const name = errorCodes[error.code].grpc;
  return { code: status[name], details: trailerText(error.rawMessage), metadata };
}

/**
 * A message as far as it fits a trailer, where a letter takes up to twelve bytes. Half a surrogate pair, which is left where somebody cut a text,
 * becomes U+FFFD: the library writes no trailer with one and throws where nobody catches it, so the caller would wait and the process end.
 */
function trailerText(message: string): string {
  const whole = Buffer.from(message.slice(0, maxDetailBytes)).toString();
  let bytes = 0;
  let fits = '';
  for (const letter of whole) {
    bytes += encodeURI(letter).length;
    if (bytes > maxDetailBytes) break;
    fits += letter;
  }
  return fits;
}

/** @param where service, RPC and address, for failures of the connection */
export function fromStatus(error: unknown, where: string): SegueError {
  if (error instanceof SegueError) return error;
  if (!isServiceError(error)) return SegueError.from(error);
  const [named] = error.metadata?.get(codeTrailer) ?? [];
  if (typeof named === 'string' && isCode(named)) {
    return new SegueError(named, error.details, error, retryAfterOf(error));
  }
  if (isRefusedHandshake(error)) {
    const hint =
      'is the certificate of the right authority, not over, and that of the service or client that it should be?';
    return new SegueError('UNAUTHENTICATED', `${where}: no TLS connection (${error.details}): ${hint}`, error);
  }
  if (isLostConnection(error)) {
    // A server that does not take a certificate ends the connection without a word.
    const hint = where.endsWith(' over TLS') ? ' (if it is up: does it take this certificate?)' : '';
    return new SegueError('UNAVAILABLE', `${where} cannot be reached${hint}: ${error.details}`, error);
  }
  return new SegueError(codeOfStatus[error.code] ?? 'INTERNAL', `${where}: ${error.details}`, error);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function isCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorCodes, name);
}

function retryAfterOf(error: ServiceError): number | null {
  const [value] = error.metadata.get(retryTrailer);
  const waitMs = Number(value ?? Number.NaN);
  return Number.isFinite(waitMs) && waitMs >= 0 ? waitMs : null;
}

/** Either side did not take the other's certificate, or one of them speaks without TLS: trying again changes nothing. */
function isRefusedHandshake(error: ServiceError): boolean {
  if (error.code !== status.UNAVAILABLE) return false;
  return /certificate|CERT_|\bSSL\b|_SSL_|tlsv1|alert (?:number|unknown|bad)/i.test(error.details);
}

/** A server that goes down cuts its calls with these; the caller's own cancellation is told apart before. */
function isLostConnection(error: ServiceError): boolean {
  if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED) return true;
  return error.code === status.INTERNAL && error.details.startsWith('Received RST_STREAM');
}
