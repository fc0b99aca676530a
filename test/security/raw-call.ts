/** A gRPC call by hand, over plain HTTP/2: bytes, encodings and paths that no client of ours would send. */
import { connect, constants } from 'node:http2';
import type { TlsMaterial } from '@segue/bus';

export interface RawCall {
  readonly address: string;
  readonly path: string;
  readonly tls: TlsMaterial;
  readonly token: string;
  /** One message with its length before it, as `framed` gives it. */
  readonly frame: Buffer;
  readonly encoding?: 'gzip' | 'identity';
}

/** gRPC statuses that the tests look for. */
export const status = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
} as const;

/** @returns the gRPC status of the answer */
export async function callRaw({ address, path, tls, token, frame, encoding = 'identity' }: RawCall): Promise<number> {
  const { ca, cert, key } = tls;
  const session = connect(`https://${address}`, {
    ca,
    cert,
    key,
    servername: '',
    checkServerIdentity: () => undefined,
  });
  try {
    return await new Promise<number>((resolve, reject) => {
      session.once('error', reject);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        te: 'trailers',
        'grpc-encoding': encoding,
        authorization: `Bearer ${token}`,
      });
      let code = Number.NaN;
      const look = (headers: Readonly<Record<string, unknown>>) => {
        if (headers['grpc-status'] !== undefined) code = Number(headers['grpc-status']);
      };
      stream.on('response', look).on('trailers', look).on('error', reject);
      stream.on('close', () => resolve(code)).resume();
      stream.end(frame);
    });
  } finally {
    session.destroy();
  }
}

export function framed(body: Buffer, compressed: 0 | 1): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(compressed, 0);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}
