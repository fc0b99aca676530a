/** Wires the store to the process shell: gRPC, the two streams, the hand-over to the scorers, metrics. */
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, isTracing, replayContract, type TraceParent, tablesContract, traced } from '@segue/bus';
import type { ReplayConfig } from '@segue/core';
import type { Shell } from '@segue/service';
import { Announcer } from './announce.js';
import { HandOver } from './hand-over.js';
import { type IngestReport, ingest } from './ingest.js';
import { defineTableMetrics } from './items/table-metrics.js';
import { tableHandlers } from './items/table-service.js';
import { countNotice, replayMetricTable } from './metrics.js';
import type { Notice } from './progress.js';
import { replayHandlers } from './service.js';
import { sweepSnapshots } from './snapshot.js';
import { ReplayStore } from './store.js';

/** Of looks at how full the shared state is. Shorter than what waits for room lasts: a signal half a minute, an entry of the registry ten seconds. */
const roomEveryMs = 2_000;

export interface BuildOptions {
  /** Runs after a commit and before anything follows from it: the place where a test kills the process. */
  readonly afterCommit?: (notices: readonly Notice[]) => void;
}

export async function buildReplay(shell: Shell<ReplayConfig>, { afterCommit }: BuildOptions = {}): Promise<void> {
  const { config, bus, log } = shell;
  const folder = join(config.dataFolder, 'replay');
  await mkdir(folder, { recursive: true });
  await sweepSnapshots(folder);
  const metrics = shell.metrics.define(replayMetricTable);
  metrics.limit_bytes.set(config.maxStoreBytes);
  const tableMetrics = defineTableMetrics(shell.metrics, Object.keys(config.tables));
  const store = new ReplayStore({
    folder,
    itemTables: {
      rules: config.tables,
      maxWaitingCalls: config.maxWaitingCalls,
      onTurn: (report) => tableMetrics.count(report),
      onFillFailed: ({ runId, table }, { code, rawMessage }) => {
        tableMetrics.countFailedFill(table);
        log.warn({ run: runId, table, code }, `what is complete could not be inserted yet: ${rawMessage}`);
      },
    },
    maxStoreBytes: config.maxStoreBytes,
    onTransaction: (writes, durationMs) => {
      metrics.commit_writes.observe(writes);
      metrics.commit_seconds.observe(durationMs / 1000);
    },
    onDamage: ({ runId, what, detail, mending }, isMended) => {
      metrics.damaged_total.inc({ mending: isMended ? mending : 'none' });
      const fields = { run: runId, mending };
      if (isMended) log.warn(fields, `${what} was damaged on the disk and is mended: ${detail}`);
      else log.error(fields, `${what} is damaged on the disk: ${detail}`);
    },
    ...(afterCommit === undefined ? {} : { afterCommit }),
  });
  shell.onStop('store', () => store.close());

  const announcer = new Announcer((note) => bus.announceProgress(note));
  shell.onStop('announcer', async () => announcer.flush());
  const handOver = new HandOver({
    awaiting: () => store.awaitingScore(),
    publish: async (tasks) => {
      const traces = isTracing() ? store.tracesOf(tasks.map(({ trajectoryId }) => trajectoryId)) : undefined;
      await bus.publishRewardTasks(tasks, traces);
      metrics.reward_tasks_total.inc(tasks.length);
    },
  });
  const handOverSoon = () => {
    // What cannot be published now is derived again by the loop below.
    handOver.run().catch((error: unknown) => log.warn({ error: String(error) }, 'reward tasks could not be published'));
  };
  store.onCommit((notice) => {
    announcer.add(notice);
    countNotice(metrics, notice);
    if (awaitsScore(notice)) handOverSoon();
  });

  shell.register(() => {
    const [first, ...others] = store.keeper.standing;
    if (first === undefined) return { trouble: '' };
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return { trouble: `${first.what} of ${first.runId} is damaged: ${first.detail}${more}` };
  });
  shell.serve(replayContract, replayHandlers(store));
  shell.serve(tablesContract, tableHandlers(store.items, store.keeper));
  shell.loop('hand over', config.reconcileIntervalMs, async () => {
    await handOver.run();
  });
  // Beside it: with the broker away a hand-over waits for half a minute, and what is measured is what tells why.
  shell.loop('measure', config.reconcileIntervalMs, async () => {
    const waiting = [...store.awaitingScore().values()].map(({ size }) => size);
    metrics.awaiting_score.set(waiting.reduce((sum, size) => sum + size, 0));
    metrics.bytes_on_disk.set(store.bytesOnDisk());
    metrics.bytes_in_use.set(store.bytesInUse());
    metrics.disk_free_bytes.set(await freeBytesOf(folder));
    const trajectories = await store.keeper.during(() => store.trajectoriesOfRunning());
    for (const [state, number] of Object.entries(trajectories)) metrics.trajectories.set({ state }, number);
    metrics.standing_damage.set(store.keeper.standing.length);
    store.letGoOfTables();
    await store.keeper.during(() => tableMetrics.measure(store.items));
    for (const [kind, letters] of Object.entries(store.deadLetterCounts())) metrics.dead_letters.set({ kind }, letters);
  });
  let areSignalsForgotten = false;
  shell.loop('retention', config.reconcileIntervalMs, async () => {
    const { runs, failure } = await store.retire(config.retention);
    for (const run of runs) log.info({ run }, 'the run is over: its records were removed (retention.finishedRuns)');
    if (runs.length > 0) areSignalsForgotten = false;
    const { kept, retired } = store.countRuns();
    metrics.runs.set({ records: 'kept' }, kept);
    metrics.runs.set({ records: 'removed' }, retired);
    // Once more after a start: the process may have ended in between.
    if (!areSignalsForgotten) await forgetSignals(bus, store);
    areSignalsForgotten = true;
    if (failure !== null) throw failure;
  });
  shell.loop('room', roomEveryMs, () => bus.makeRoom());
  shell.loop('dead letters', config.reconcileIntervalMs, async () => {
    metrics.dead_letters_total.inc({ kind: 'message' }, await takeInLetters(bus, store));
  });
  const reportOf = (queue: string) => (report: IngestReport) => {
    if (report.result === 'stored') return;
    if (report.result === 'refused') metrics.refused_messages_total.inc({ queue });
    else metrics.postponed_messages_total.inc({ queue });
    log.warn({ queue, code: report.error?.code }, `message ${report.result}: ${report.error?.rawMessage}`);
  };
  shell.keep('segments', (signal) =>
    ingest(
      bus.consumeSegments({ signal }),
      async ({ runId, segment }, trace) => {
        const append = () => store.keeper.during(() => store.appendSegment(runId, segment));
        const span = trace === null ? null : spanOf('append', segment.trajectoryId, trace);
        const { outcome } = await (span === null ? append() : traced(span, append));
        metrics.appends_total.inc({ outcome });
      },
      reportOf('segments'),
    ),
  );
  shell.keep('scores', (signal) =>
    ingest(
      bus.consumeScores({ signal }),
      async ({ runId, score }, trace) => {
        const record = () => store.keeper.during(() => store.recordScore(runId, score));
        await traced(spanOf('record verdict', score.trajectoryId, trace), record);
        metrics.scores_total.inc({ status: score.status });
      },
      reportOf('scores'),
    ),
  );
}

function spanOf(name: string, trajectoryId: string, parent: TraceParent | null) {
  return { name, parent, kind: 'consumer', attributes: { 'segue.trajectory': trajectoryId } } as const;
}

/** Removes what the bus keeps of runs whose records are gone. */
async function forgetSignals(bus: Pick<Bus, 'signalledRuns' | 'forgetSignals'>, store: ReplayStore): Promise<void> {
  for (const runId of await bus.signalledRuns()) if (store.isRetired(runId)) await bus.forgetSignals(runId);
}

/** Letters in hand at once. */
const lettersAtOnce = 64;

/** From the bus into the store: kept first, removed then; answers how many. */
async function takeInLetters(bus: Pick<Bus, 'takeDeadLetters'>, store: ReplayStore): Promise<number> {
  for (let count = 0; ; ) {
    const held = await bus.takeDeadLetters(lettersAtOnce);
    if (held.length === 0) return count;
    await store.keepMessages(held.map(({ letter }) => letter));
    await Promise.all(held.map((one) => one.remove()));
    count += held.length;
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function awaitsScore(notice: Notice): boolean {
  return (notice.kind === 'segment' || notice.kind === 'score') && notice.trajectory.state === 'finished';
}
