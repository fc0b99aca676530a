/**
 * The tables of all runs: made from the configuration when they are first asked for, filled with what becomes complete where they want it. What a
 * commit makes fit for a table is noted in the same transaction and inserted in a turn of its own, so that a process killed in between
 * inserts it at its next start. It also says what the training table, whose groups the iterations consume, has come to.
 */
import {
  type CompleteGroup,
  type InsertResult,
  type ItemInput,
  type NewItem,
  requireId,
  requirePriority,
  type SampledItem,
  SegueError,
  type StoreDamage,
  type TableDescription,
  type TableRef,
  type TableRules,
  type TableStatistics,
  trainingTableName,
} from '@segue/core';
import { find } from '../find.js';
import type { Notice } from '../progress.js';
import { countersOf, requireRun } from '../runs.js';
import { type Tables, trajectoryKey } from '../tables.js';
import { getTrajectory, readGroups } from '../trajectories.js';
import type { Writer } from '../writer.js';
import type { SettledDraw } from './changes.js';
import type { TurnReport } from './item-rows.js';
import { RunTable } from './run-table.js';
import type { WaitOptions } from './waiting-calls.js';

export interface ItemTablesOptions {
  readonly rules: Readonly<Record<string, TableRules>>;
  readonly maxWaitingCalls: number;
  readonly onTurn?: (report: TurnReport) => void;
  /** Told of what could not be filled in: it stays noted, and is inserted at the next start at the latest. */
  readonly onFillFailed?: (table: TableRef, error: SegueError) => void;
}

/** What the tables work with. */
export interface ItemTablesParts extends ItemTablesOptions {
  readonly tables: Tables;
  readonly writer: Writer;
  /** In ms. */
  readonly now: () => number;
  /** Told of records that were lost, and of what was done. */
  readonly onDamage: (damage: StoreDamage) => void;
}

/**
 * A table stays in memory this long after it was called for, in ms: reading a large one stops everything else for a moment, so that one which is sampled every now
 * and then must not be read each time.
 */
const keptUnusedMs = 600_000;
type Wanted = readonly [runId: string, table: string, ref: string];
const nothing: readonly Wanted[] = [];

/** Items, updates or keys in one call at most. */
const maxCallItems = 1024;
const maxKeyLength = 128;
/** What is filled in begins with this priority. */
const firstPriority = 1;

interface OpenTable {
  readonly table: RunTable;
  /** When it was called for last. */
  usedAtMs: number;
}

export class ItemTables {
  readonly #parts: ItemTablesParts;
  /** By run and name. */
  readonly #open = new Map<string, OpenTable>();

  constructor(parts: ItemTablesParts) {
    this.#parts = parts;
  }

  /** Inserts what was noted and not inserted before the process ended. */
  recover(): void {
    for (const [runId, table, ref] of this.#parts.tables.fills.keys([])) {
      if (String(table) in this.#parts.rules) this.#fill(String(runId), String(table), String(ref));
    }
  }

  list(): TableDescription[] {
    const configured = Object.entries(this.#parts.rules).map(([table, rules]) => ({
      table,
      rulesJson: JSON.stringify(rules),
    }));
    return [{ table: trainingTableName, rulesJson: '' }, ...configured];
  }

  /** Inserts in order; what has no key goes by what it stands for. */
  async insert(ref: TableRef, items: readonly ItemInput[], options: WaitOptions): Promise<InsertResult> {
    const table = this.#require(ref);
    requireCount(items.length, 'items');
    return table.insert(
      items.map((item) => this.#newItem(ref.runId, table.rules, item)),
      options,
    );
  }

  async sample(ref: TableRef, count: number, options: WaitOptions): Promise<readonly SettledDraw[]> {
    return this.#require(ref).sample(count, options);
  }

  /** A draw as it is sent. */
  describe({ item, probability, size, isLast }: SettledDraw, withData: boolean): SampledItem {
    const isTrajectory = trajectoryPattern.test(item.ref);
    return {
      item,
      probability,
      tableSize: size,
      removed: isLast,
      trajectory: withData && isTrajectory ? getTrajectory(this.#parts.tables, item.ref) : null,
      group: withData && !isTrajectory ? this.#readGroup(item.ref) : null,
    };
  }

  async updatePriorities(ref: TableRef, updates: readonly { readonly key: string; readonly priority: number }[]) {
    const table = this.#require(ref);
    requireCount(updates.length, 'updates');
    for (const { key, priority } of updates) requirePriority(key, priority, table.rules);
    return table.updatePriorities(updates);
  }

  async removeItems(ref: TableRef, keys: readonly string[]): Promise<{ removed: number }> {
    const table = this.#require(ref);
    requireCount(keys.length, 'keys');
    return table.removeItems(keys);
  }

  statistics(ref: TableRef): TableStatistics {
    return ref.table === trainingTableName ? this.#trainingStatistics(ref.runId) : this.#require(ref).statistics();
  }

  /** Items by table, over all runs whose tables are in use. */
  sizes(): ReadonlyMap<string, TableStatistics[]> {
    const found = new Map<string, TableStatistics[]>(Object.keys(this.#parts.rules).map((name) => [name, []]));
    for (const { table } of this.#open.values()) {
      const statistics = table.statistics();
      found.get(statistics.table)?.push(statistics);
    }
    return found;
  }

  /** Notes what a write makes fit for a table. Inside its transaction. */
  note(notices: readonly Notice[]): void {
    for (const notice of notices) {
      for (const [runId, table, ref] of this.#wanted(notice)) this.#parts.tables.fills.put([runId, table, ref], 1);
    }
  }

  /** Inserts what was noted, after the commit. */
  follow(notices: readonly Notice[]): void {
    for (const notice of notices) {
      for (const [runId, table, ref] of this.#wanted(notice)) this.#fill(runId, table, ref);
    }
  }

  /** Rows of the run's tables were mended: they are read again. */
  readAgain(runId: string): void {
    for (const { table } of this.#open.values()) if (table.runId === runId) table.readAgain();
  }

  /** Tables in memory. */
  get inMemory(): number {
    return this.#open.size;
  }

  /**
   * Lets go of tables that nobody has called for in a while and that nobody waits for: what is asked of them later is read from the file.
   * @param goesOn whether a run's tables are kept all the same
   */
  letGoUnused(goesOn: (runId: string) => boolean): void {
    const before = this.#parts.now() - keptUnusedMs;
    for (const [key, { table, usedAtMs }] of this.#open) {
      if (usedAtMs <= before && table.isIdle && !goesOn(table.runId)) this.#open.delete(key);
    }
  }

  close(): void {
    for (const { table } of this.#open.values()) table.close();
  }

  /** Where it makes something fit for a table. Most notices do not, and each write asks twice. */
  #wanted(notice: Notice): readonly Wanted[] {
    if (notice.kind === 'score' && notice.trajectory.state === 'scored') {
      return this.#wantedBy('trajectories', notice.runId, notice.trajectory.id);
    }
    if (notice.kind === 'group' && notice.group.state === 'complete') {
      return this.#wantedBy('groups', notice.runId, notice.group.id);
    }
    return nothing;
  }

  #wantedBy(kind: TableRules['fill'], runId: string, ref: string): Wanted[] {
    const filled = Object.entries(this.#parts.rules).filter(([, { fill }]) => fill === kind);
    return filled.map(([table]) => [runId, table, ref]);
  }

  #fill(runId: string, table: string, ref: string): void {
    const forget = () => this.#parts.tables.fills.remove([runId, table, ref]);
    const fill = async () => this.#require({ runId, table }).fill({ key: ref, ref, priority: firstPriority }, forget);
    fill().catch((error: unknown) => this.#parts.onFillFailed?.({ runId, table }, SegueError.from(error)));
  }

  #require({ runId, table }: TableRef): RunTable {
    const rules = this.#parts.rules[table];
    if (rules === undefined || !Object.hasOwn(this.#parts.rules, table)) throw this.#unknown(table);
    requireRun(this.#parts.tables, runId);
    const key = `${runId}/${table}`;
    const usedAtMs = this.#parts.now();
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.usedAtMs = usedAtMs;
      return known.table;
    }
    const { tables, writer, maxWaitingCalls, onDamage, onTurn = () => {} } = this.#parts;
    const isFit = (ref: string) => this.#unfitness(ref) === null;
    const own = new RunTable({ runId, name: table, rules, tables, writer, maxWaitingCalls, onTurn, isFit, onDamage });
    this.#open.set(key, { table: own, usedAtMs });
    return own;
  }

  #unknown(table: string): SegueError {
    if (table === trainingTableName) {
      const message = `table ${trainingTableName} is consumed by FreezeBatch and CommitIteration: it cannot be sampled or changed`;
      return new SegueError('FAILED_PRECONDITION', message);
    }
    const names = Object.keys(this.#parts.rules).join(', ') || 'none';
    const message = `there is no table ${JSON.stringify(table.slice(0, 80))}; configured under replay's key tables: ${names}`;
    return new SegueError('NOT_FOUND', message);
  }

  #newItem(runId: string, rules: TableRules, { key, ref, priority }: ItemInput): NewItem {
    requireId(ref, 'ref');
    const name = key === '' ? ref : key;
    if (name.length > maxKeyLength) {
      throw new SegueError('INVALID_INPUT', `an item's key has at most ${maxKeyLength} characters, got ${name.length}`);
    }
    requirePriority(name, priority, rules);
    this.#requireRef(runId, ref);
    return { key: name, ref, priority };
  }

  /** Refuses what is not a scored trajectory or a complete group of the run. */
  #requireRef(runId: string, ref: string): void {
    const refuse = (what: string) => new SegueError('INVALID_INPUT', `an item cannot stand for ${ref}: ${what}`);
    if (!ref.startsWith(`${runId}-g`)) throw refuse(`it is no trajectory or group of run ${runId}`);
    const unfit = this.#unfitness(ref);
    if (unfit !== null) throw refuse(unfit);
  }

  /** Why nothing can stand for what has this id; null when it is whole. A group or trajectory may be begun again after it was inserted. */
  #unfitness(ref: string): string | null {
    if (trajectoryPattern.test(ref)) {
      const state = find(this.#parts.tables.trajectories, trajectoryKey(ref)).row?.state ?? 'unknown';
      return state === 'scored' ? null : `the trajectory is ${state}, not scored`;
    }
    const state = this.#groupRow(ref)?.state ?? 'unknown';
    return state === 'open' || state === 'unknown' ? `the group is ${state}, not complete` : null;
  }

  #groupRow(ref: string) {
    const match = /^(.+)-g(\d+)$/.exec(ref);
    return match === null ? null : find(this.#parts.tables.groups, [match[1] ?? '', Number(match[2])]).row;
  }

  #readGroup(ref: string): CompleteGroup {
    const row = this.#groupRow(ref);
    if (row !== null) for (const group of readGroups(this.#parts.tables, [row])) return group;
    throw new SegueError('DATA_LOSS', `group ${ref} is missing in the store`);
  }

  #trainingStatistics(runId: string): TableStatistics {
    requireRun(this.#parts.tables, runId);
    const {
      complete = 0,
      frozen = 0,
      consumed = 0,
      filtered = 0,
    } = countersOf(this.#parts.tables, runId).groupsByState;
    const noCalls = { waits: 0, blockedMs: 0, timeouts: 0, waiting: 0 };
    return {
      table: trainingTableName,
      size: complete + frozen,
      inserts: complete + frozen + consumed + filtered,
      samples: consumed,
      priorityUpdates: 0,
      removedByReason: { consumed, filtered },
      insertCalls: noCalls,
      sampleCalls: noCalls,
    };
  }
}

const trajectoryPattern = /-g\d+-t\d+$/;

function requireCount(count: number, what: string): void {
  if (count >= 1 && count <= maxCallItems) return;
  throw new SegueError('INVALID_INPUT', `a call has 1 to ${maxCallItems} ${what}, got ${count}`);
}
