/**
 * Tries of a trajectory's next segment that were lost with their actors, over all the tasks that were published for it: a message ends with its
 * iteration, what kills its actors does not. A mark is a subject, so that marking twice changes nothing.
 */
import type { RolloutTask } from '@segue/core';
import type { LostTries } from './bus.js';
import { type Connection, publishMark, withPatience } from './connection.js';
import { returnsPrefix, returnsStream } from './subjects.js';

const prefix = `${returnsPrefix}.lost`;

type Task = Pick<RolloutTask, 'runId' | 'groupId' | 'trajectoryId' | 'segmentIndex' | 'iteration' | 'attempt'>;

export class LostTryMarks {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `count` deliveries of this task's message were lost so far. Resolves when the server knows. */
  async mark(task: Task, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.#publish(task, i + 1)));
  }

  /** @param groupId left out: of the whole run */
  async list(runId: string, groupId?: string): Promise<LostTries[]> {
    const { nc, jsm } = this.#connection;
    const filter = `${prefix}.${runId}.${groupId === undefined ? '' : `${groupId}.`}>`;
    const { state } = await withPatience(nc, `reading ${returnsStream}`, () =>
      jsm.streams.info(returnsStream, { subjects_filter: filter }),
    );
    const counts = new Map<string, number>();
    for (const subject of Object.keys(state.subjects ?? {})) {
      const name = subject.slice(0, subject.lastIndexOf('.'));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([name, tries]) => {
      const [trajectoryId = '', segmentIndex = ''] = name.split('.').slice(-2);
      return { trajectoryId, segmentIndex: Number(segmentIndex), tries };
    });
  }

  /** Somebody believes that the cause is gone. */
  async forget(runId: string, groupId: string): Promise<void> {
    const { nc, jsm } = this.#connection;
    const filter = `${prefix}.${runId}.${groupId}.>`;
    await withPatience(nc, `purging ${filter}`, () => jsm.streams.purge(returnsStream, { filter }));
  }

  #publish({ runId, groupId, trajectoryId, segmentIndex, iteration, attempt }: Task, number: number): Promise<void> {
    const name = `${runId}.${groupId}.${trajectoryId}.${segmentIndex}`;
    return publishMark(this.#connection, `${prefix}.${name}.i${iteration}-a${attempt}-${number}`);
  }
}
