/** DownloadPolicy, which the trainer and actors serve alike. Its meaning is in trainer.proto. */
import type { ChunkPlace, DownloadPolicyRequest, PolicyChunk } from '@segue/core';
import { policyRefConverter } from '../convert/common.js';
import { count, type Field, fields, nested, optional, text } from '../convert/converter.js';
import type { ChunkPlace__Output } from '../gen/segue/v1/ChunkPlace.js';
import type { DownloadPolicyRequest__Output } from '../gen/segue/v1/DownloadPolicyRequest.js';
import type { PolicyChunk__Output } from '../gen/segue/v1/PolicyChunk.js';
import { deadlines, serverStream } from '../rpc/contract.js';

/** Bytes as they are. */
const data: Field<Uint8Array, Uint8Array> = { toWire: (bytes) => bytes, fromWire: (bytes) => bytes };

export const downloadPolicyMethod = serverStream(
  fields<DownloadPolicyRequest, DownloadPolicyRequest__Output>({
    policy: nested(policyRefConverter),
    from: optional(nested(fields<ChunkPlace, ChunkPlace__Output>({ file: text, offset: count }))),
  }),
  fields<PolicyChunk, PolicyChunk__Output>({ file: text, offset: count, fileBytes: count, data, sha256: data }),
  { deadlineMs: deadlines.slowMs, retry: true },
);
