/**
 * The tables of a replay store as users work with them: insert, sample, change priorities, look at the counts. What the words mean is in
 * docs/replay.md. Waits longer than a call's own time are the caller's: `batches` goes on waiting by itself.
 */
import { type Client, connectTables as connect } from '@segue/bus';
import {
  type InsertResult,
  type ItemInput,
  type SampledItem,
  SegueError,
  type TableDescription,
  type TableStatistics,
  type TablesApi,
} from '@segue/core';
import { type ClientCredentials, readClientCredentials } from './credentials.js';

/** An item to insert: `key` is `ref` and `priority` 1 where they are left out. */
export type NewTableItem = Pick<ItemInput, 'ref'> & Partial<ItemInput>;

export interface WaitForTable {
  /** Longest wait for the rate limiter, in ms; default 10 s. 0: RESOURCE_EXHAUSTED at once. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SampleOptions extends WaitForTable {
  /** Read what the items stand for as well; default true. */
  readonly withData?: boolean | undefined;
}

const defaultWaitMs = 10_000;
/** Time of a call beside its wait, in ms. */
const callMs = 15_000;
/** Waits of `batches`: one call of this length after the other. */
const batchWaitMs = 30_000;

/** @param address host:port of the replay store */
export function connectTables(address: string, credentials: ClientCredentials = {}): TablesClient {
  return new TablesClient(connect(address, readClientCredentials(credentials)));
}

export class TablesClient {
  readonly #tables: Client<TablesApi>;

  constructor(tables: Client<TablesApi>) {
    this.#tables = tables;
  }

  /** The tables that every run has, with their rules. */
  async list(): Promise<readonly TableDescription[]> {
    return (await this.#tables.listTables({})).tables;
  }

  /** A table of a run; NOT_FOUND at the first call when one of the two is not there. */
  table(runId: string, table: string): TableClient {
    return new TableClient(this.#tables, runId, table);
  }

  close(): void {
    this.#tables.close();
  }
}

export class TableClient {
  readonly #tables: Client<TablesApi>;
  readonly #ref: { readonly runId: string; readonly table: string };

  constructor(tables: Client<TablesApi>, runId: string, table: string) {
    this.#tables = tables;
    this.#ref = { runId, table };
  }

  /** Inserts in order; answers how many are in when the wait is over. RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED when none is. */
  insert(items: readonly NewTableItem[], { waitMs = defaultWaitMs, signal }: WaitForTable = {}): Promise<InsertResult> {
    const inputs = items.map(({ key = '', ref, priority = 1 }) => ({ key, ref, priority }));
    return this.#tables.insertItems({ ...this.#ref, items: inputs, waitMs }, { deadlineMs: waitMs + callMs, signal });
  }

  /** Draws `count` items, with replacement, as soon as the rate limiter allows all of them. */
  async sample(
    count: number,
    { waitMs = defaultWaitMs, withData = true, signal }: SampleOptions = {},
  ): Promise<SampledItem[]> {
    const sampled: SampledItem[] = [];
    const request = { ...this.#ref, count, waitMs, withData };
    for await (const item of this.#tables.sampleItems(request, { deadlineMs: waitMs + callMs, signal })) {
      sampled.push(item);
    }
    return sampled;
  }

  /** Batch after batch, however long each has to be waited for, until the signal. */
  async *batches(
    count: number,
    { withData, signal }: Omit<SampleOptions, 'waitMs'> = {},
  ): AsyncGenerator<SampledItem[], void, void> {
    while (!signal?.aborted) {
      try {
        yield await this.sample(count, { waitMs: batchWaitMs, withData, signal });
      } catch (error) {
        if (signal?.aborted) return;
        if (SegueError.from(error).code !== 'DEADLINE_EXCEEDED') throw error;
      }
    }
  }

  /** Gives items other priorities; answers the keys that are not there any more. */
  async updatePriorities(priorities: Readonly<Record<string, number>>): Promise<readonly string[]> {
    const updates = Object.entries(priorities).map(([key, priority]) => ({ key, priority }));
    return (await this.#tables.updatePriorities({ ...this.#ref, updates })).missing;
  }

  /** Takes items out; answers how many were there. */
  async remove(keys: readonly string[]): Promise<number> {
    return (await this.#tables.removeItems({ ...this.#ref, keys })).removed;
  }

  statistics(): Promise<TableStatistics> {
    return this.#tables.getTableStatistics(this.#ref);
  }
}
