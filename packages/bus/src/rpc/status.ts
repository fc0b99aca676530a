/**
 * SegueError to gRPC status and back. The status says what any gRPC client understands; the trailer `segue-code` carries
 * the exact code to ours.
 */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type ErrorCode, errorCodes, SegueError } from '@segue/core';

const codeTrailer = 'segue-code';
/** Trailers are limited to 8 KiB by common peers. */
const maxDetailChars = 2_000;

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
  const name = errorCodes[error.code].grpc;
  return { code: status[name], details: error.rawMessage.slice(0, maxDetailChars), metadata };
}

/** @param where service, RPC and address, for failures of the connection */
export function fromStatus(error: unknown, where: string): SegueError {
  if (error instanceof SegueError) return error;
  if (!isServiceError(error)) return SegueError.from(error);
  const [named] = error.metadata?.get(codeTrailer) ?? [];
  if (typeof named === 'string' && isCode(named)) return new SegueError(named, error.details, error);
  if (isLostConnection(error)) {
    return new SegueError('UNAVAILABLE', `${where} cannot be reached: ${error.details}`, error);
  }
  return new SegueError(codeOfStatus[error.code] ?? 'INTERNAL', `${where}: ${error.details}`, error);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function isCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorCodes, name);
}

/** A server that goes down cuts its calls with these; the caller's own cancellation is told apart before. */
function isLostConnection(error: ServiceError): boolean {
  if (error.code === status.UNAVAILABLE || error.code === status.CANCELLED) return true;
  return error.code === status.INTERNAL && error.details.startsWith('Received RST_STREAM');
}
