/**
 * The one error class of Segue and the table of its codes.
 * A code says what a caller can do about the failure; the message says what happened, where, and what to do.
 * It knows nothing of gRPC: `grpc` is a status name that the bus translates.
 */

interface CodeRule {
  /** Name of the gRPC status that the code becomes on the wire. */
  readonly grpc: string;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
}

/** Every code, its gRPC status, and whether a retry can help. */
export const errorCodes = {
  /** Configuration is unknown, out of range or contradicts itself. */
  INVALID_CONFIG: { grpc: 'INVALID_ARGUMENT', retryable: false },
  /** A request, message or input line is malformed. */
  INVALID_INPUT: { grpc: 'INVALID_ARGUMENT', retryable: false },
  /** The named run, trajectory, scorer or version does not exist. */
  NOT_FOUND: { grpc: 'NOT_FOUND', retryable: false },
  /** The same id was given before with other content. */
  ALREADY_EXISTS: { grpc: 'ALREADY_EXISTS', retryable: false },
  /** The system is not in the state that the call needs (closed iteration, stale version, paused run). */
  FAILED_PRECONDITION: { grpc: 'FAILED_PRECONDITION', retryable: false },
  /** A limit was hit: message size, queue, disk. */
  RESOURCE_EXHAUSTED: { grpc: 'RESOURCE_EXHAUSTED', retryable: true },
  /** A peer cannot be reached or is draining. */
  UNAVAILABLE: { grpc: 'UNAVAILABLE', retryable: true },
  /** A deadline passed. */
  DEADLINE_EXCEEDED: { grpc: 'DEADLINE_EXCEEDED', retryable: true },
  /** The caller or a shutdown ended the work. */
  CANCELLED: { grpc: 'CANCELLED', retryable: false },
  /** No or wrong credentials. */
  UNAUTHENTICATED: { grpc: 'UNAUTHENTICATED', retryable: false },
  /** Credentials without the needed scope. */
  PERMISSION_DENIED: { grpc: 'PERMISSION_DENIED', retryable: false },
  /** Saved bytes do not match their checksum, or a checkpoint does not fit. */
  DATA_LOSS: { grpc: 'DATA_LOSS', retryable: false },
  /** The method or option is not served here. */
  UNIMPLEMENTED: { grpc: 'UNIMPLEMENTED', retryable: false },
  /** A bug: an invariant of Segue does not hold. */
  INTERNAL: { grpc: 'INTERNAL', retryable: false },
} as const satisfies Record<string, CodeRule>;

export type ErrorCode = keyof typeof errorCodes;

/** The error that crosses every boundary of Segue. The printed message begins with the code. */
export class SegueError extends Error {
  readonly code: ErrorCode;
  /** The message without the code in front. */
  readonly rawMessage: string;
  /** When the same call may be tried again, in ms from now; null where nobody said. */
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, message: string, cause?: unknown, retryAfterMs: number | null = null) {
    super(`[${code}] ${message}`, cause === undefined ? undefined : { cause });
    this.name = 'SegueError';
    this.code = code;
    this.rawMessage = message;
    this.retryAfterMs = retryAfterMs;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }

  /** Turns any caught value into a SegueError; one that already is comes back as it is. */
  static from(value: unknown, fallback: ErrorCode = 'INTERNAL'): SegueError {
    if (value instanceof SegueError) return value;
    if (value instanceof Error) {
      const code = 'code' in value ? systemCodes[String(value.code)] : undefined;
      return new SegueError(code ?? fallback, value.message, value);
    }
    return new SegueError(fallback, String(value));
  }
}

/** Codes of the operating system that have a plain meaning for a caller. */
const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'RESOURCE_EXHAUSTED',
  EDQUOT: 'RESOURCE_EXHAUSTED',
  EMFILE: 'RESOURCE_EXHAUSTED',
  ECONNREFUSED: 'UNAVAILABLE',
  ECONNRESET: 'UNAVAILABLE',
  ETIMEDOUT: 'DEADLINE_EXCEEDED',
  ENOENT: 'NOT_FOUND',
  EADDRINUSE: 'UNAVAILABLE',
};

/** Throws INTERNAL when an invariant does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new SegueError('INTERNAL', message);
}
