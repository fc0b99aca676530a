/**
 * Reading a replay store: trajectories and counters, whether it is whole, a snapshot of it. It writes nothing but what it is asked to mend.
 */
import { type Client, connectReplay } from '@segue/bus';
import type {
  ReplayApi,
  ReplayStatistics,
  RunEventOf,
  SnapshotChunk,
  StoreCheck,
  StoredEvent,
  Trajectory,
  TrajectoryRecord,
} from '@segue/core';
import { type ClientCredentials, readClientCredentials } from './credentials.js';
import { toEvent } from './event.js';

export interface StoreClient {
  /** One trajectory with its tokens. NOT_FOUND when it was never planned. */
  trajectory(id: string): Promise<Trajectory>;
  /** All trajectories of a run in order of planning, without tokens. */
  trajectories(runId: string): AsyncIterable<TrajectoryRecord>;
  /** All events of a run so far, in order. */
  events(runId: string): AsyncIterable<RunEventOf>;
  /** Counters since the run began. */
  statistics(runId: string): Promise<ReplayStatistics>;
  /** Looks for records that are not what was written. @param runId null: the whole store @param repair mends what can be mended */
  verify(runId: string | null, repair: boolean): AsyncIterable<StoreCheck>;
  /**
   * A copy of the store as it is at this moment, in parts. Until the stream ends, the trainer removes no version that a run of the copy goes on from.
   * @param hold the stream goes on after the last part, without another one, until it is left (`break`), for an hour at most
   */
  snapshot(hold?: boolean): AsyncIterable<SnapshotChunk>;
  close(): void;
}

/** @param address host:port of the replay store */
export function connectStore(address: string, credentials: ClientCredentials = {}): StoreClient {
  return readStore(connectReplay(address, readClientCredentials(credentials)));
}

export function readStore(replay: Client<ReplayApi>): StoreClient {
  return {
    trajectory: (trajectoryId) => replay.getTrajectory({ trajectoryId }),
    trajectories: (runId) => replay.listTrajectories({ runId }),
    events: (runId) => mapEvents(replay.listEvents({ runId, afterSequence: 0 })),
    statistics: (runId) => replay.getStatistics({ runId }),
    verify: (runId, repair) => replay.verify({ runId, repair }),
    snapshot: (hold = false) => replay.takeSnapshot({ holdVersions: hold }),
    close: () => replay.close(),
  };
}

async function* mapEvents(events: AsyncIterable<StoredEvent>): AsyncGenerator<RunEventOf> {
  for await (const event of events) yield toEvent(event);
}
