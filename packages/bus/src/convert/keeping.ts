/** Converters of what keeps the replay store whole: looking through it, and its snapshots. */
import {
  type IterationState,
  iterationStates,
  type Mending,
  runStates,
  type SnapshotChunk,
  type SnapshotRun,
  type StoreCheck,
  type StoreDamage,
} from '@segue/core';
import type { SnapshotChunk__Output } from '../gen/segue/v1/SnapshotChunk.js';
import type { SnapshotRun__Output } from '../gen/segue/v1/SnapshotRun.js';
import type { StoreCheck__Output } from '../gen/segue/v1/StoreCheck.js';
import type { StoreDamage__Output } from '../gen/segue/v1/StoreDamage.js';
import type { TakeSnapshotRequest__Output } from '../gen/segue/v1/TakeSnapshotRequest.js';
import type { VerifyRequest__Output } from '../gen/segue/v1/VerifyRequest.js';
import {
  type Converter,
  count,
  enumConverter,
  enumField,
  type Field,
  fields,
  flag,
  listOf,
  nameField,
  nested,
  optional,
  text,
  uint,
} from './converter.js';

const mendingNames = enumConverter({
  'generate-again': 'MENDING_GENERATE_AGAIN',
  'score-again': 'MENDING_SCORE_AGAIN',
  rebuilt: 'MENDING_REBUILT',
  none: 'MENDING_NONE',
} as const satisfies Record<Mending, string>);

export const verifyRequestConverter = fields<{ runId: string | null; repair: boolean }, VerifyRequest__Output>({
  runId: optional(text),
  repair: flag,
});

const damageConverter = fields<StoreDamage, StoreDamage__Output>({
  runId: text,
  what: text,
  detail: text,
  mending: enumField(mendingNames),
});

export const storeCheckConverter = fields<StoreCheck, StoreCheck__Output>({
  records: count,
  damage: optional(nested(damageConverter)),
});

const iterationStateName = nameField(iterationStates);

/** Empty before the first iteration. */
const iterationState: Field<IterationState | null, string> = {
  toWire: (state) => (state === null ? '' : state),
  fromWire: (wire, name) => (wire === '' ? null : iterationStateName.fromWire(wire, name)),
};

const snapshotRunConverter = fields<SnapshotRun, SnapshotRun__Output>({
  id: text,
  state: nameField(runStates),
  iteration: optional(uint),
  iterationState,
  policyVersion: uint,
});

const data: Field<Uint8Array, Uint8Array> = { toWire: (bytes) => bytes, fromWire: (bytes) => bytes };

type WireChunk = Omit<SnapshotChunk, 'retiredRuns'> & Pick<SnapshotChunk__Output, 'retiredRuns' | 'tellsRetiredRuns'>;

const wireChunk = fields<WireChunk, SnapshotChunk__Output>({
  offset: count,
  fileBytes: count,
  sha256: text,
  runs: listOf(snapshotRunConverter),
  retiredRuns: { toWire: (ids) => ids, fromWire: (ids) => ids },
  tellsRetiredRuns: flag,
  data,
});

/** A list has no presence of its own: a field beside it says whether it is told. */
export const snapshotChunkConverter: Converter<SnapshotChunk> = {
  toWire: ({ retiredRuns, ...chunk }) =>
    wireChunk.toWire({ ...chunk, retiredRuns: [...(retiredRuns ?? [])], tellsRetiredRuns: retiredRuns !== null }),
  fromWire: (message) => {
    const { tellsRetiredRuns, retiredRuns, ...chunk } = wireChunk.fromWire(message);
    return { ...chunk, retiredRuns: tellsRetiredRuns ? retiredRuns : null };
  },
};

export const takeSnapshotRequestConverter = fields<{ holdVersions: boolean }, TakeSnapshotRequest__Output>({
  holdVersions: flag,
});
