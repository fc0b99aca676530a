/** Converters of dead letters, which the store and the controller serve alike, and the four calls over them. */
import type { ControllerApi, DeadLetterKind, DeadLetterRecord, RequeueOutcome } from '@segue/core';
import type { DeadLetter__Output } from '../gen/segue/v1/DeadLetter.js';
import type { DeadLetterRequest__Output } from '../gen/segue/v1/DeadLetterRequest.js';
import type { ListDeadLettersRequest__Output } from '../gen/segue/v1/ListDeadLettersRequest.js';
import type { RequeueDeadLetterResponse__Output } from '../gen/segue/v1/RequeueDeadLetterResponse.js';
import { type Contract, deadlines, serverStream, unary } from '../rpc/contract.js';
import { enumConverter, enumField, type Field, fields, real, text, uint } from './converter.js';

const kindNames = enumConverter({
  trajectory: 'DEAD_LETTER_KIND_TRAJECTORY',
  score: 'DEAD_LETTER_KIND_SCORE',
  message: 'DEAD_LETTER_KIND_MESSAGE',
} as const satisfies Record<DeadLetterKind, string>);

const outcomeNames = enumConverter({
  'generated-again': 'REQUEUE_OUTCOME_GENERATED_AGAIN',
  'judged-again': 'REQUEUE_OUTCOME_JUDGED_AGAIN',
  'problem-drawn-again': 'REQUEUE_OUTCOME_PROBLEM_DRAWN_AGAIN',
  'published-again': 'REQUEUE_OUTCOME_PUBLISHED_AGAIN',
} as const satisfies Record<RequeueOutcome, string>);

/** Copied: what is decoded lies inside the message. */
const bytes: Field<Uint8Array, Uint8Array> = {
  toWire: (value) => value,
  fromWire: (wire) => Uint8Array.from(wire),
};

const deadLetterConverter = fields<DeadLetterRecord, DeadLetter__Output>({
  id: text,
  kind: enumField(kindNames),
  runId: text,
  subject: text,
  reason: text,
  tries: uint,
  atMs: real,
  body: bytes,
  bodyBytes: uint,
  checksum: text,
});

const ofLetter = fields<{ id: string }, DeadLetterRequest__Output>({ id: text });

/** Requeueing and dropping are not repeated by themselves: the second try would meet a letter that is gone. */
const once = { deadlineMs: deadlines.quickMs, retry: false };

type DeadLetterCalls = Pick<
  Contract<ControllerApi>['methods'],
  'listDeadLetters' | 'getDeadLetter' | 'requeueDeadLetter' | 'dropDeadLetter'
>;

export const deadLetterCalls: DeadLetterCalls = {
  listDeadLetters: serverStream(
    fields<{ runId: string }, ListDeadLettersRequest__Output>({ runId: text }),
    deadLetterConverter,
  ),
  getDeadLetter: unary(ofLetter, deadLetterConverter),
  requeueDeadLetter: unary(
    ofLetter,
    fields<{ outcome: RequeueOutcome }, RequeueDeadLetterResponse__Output>({ outcome: enumField(outcomeNames) }),
    once,
  ),
  dropDeadLetter: unary(ofLetter, deadLetterConverter, once),
};
