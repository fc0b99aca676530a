/**
 * A chaos run from its start to its account: a real cluster does real work while its processes are killed and stopped and its links are cut, then every
 * token is accounted for. How it is shown is the business of whoever calls.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connectReplay } from '@segue/bus';
import { connect } from '@segue/client';
import { account } from './account.mjs';
import { ChaosCluster, slots } from './chaos-cluster.mjs';
import { readJournals } from './journal.mjs';
import { faultsOf } from './schedule.mjs';
import { standstills } from './standstills.mjs';
import { tokenBudget } from './task.mjs';
import { inspectRun } from './wholeness.mjs';
import { Work } from './work.mjs';

/**
 * @param {object} options
 * @param {number} options.kills processes to kill
 * @param {number} options.seed decides the faults and the work
 * @param {string} options.folder of all data; empty or missing
 * @param {number} [options.iterations] of one run; another is begun when it ends before the last kill
 * @param {number} [options.groups] that an iteration trains on
 * @param {number} [options.meanPauseMs] between two faults
 * @param {number} [options.leaseMs] of rollout tasks
 * @param {number} [options.stuckAfterMs] time without progress after which the run counts as stuck
 * @param {boolean} [options.longOutage] the broker stays down for a minute once
 * @param {string | null} [options.only] kind of process that is killed alone; nothing else is done then
 * @param {(fault: import('./schedule.mjs').Fault, kills: number, seen: Work['seen'], atMs: number) => void} [options.onFault]
 * @param {AbortSignal} [options.signal] ends it early, without an account
 */
export async function runChaos(options) {
  const { kills, seed, folder, iterations = 20, groups = 16, meanPauseMs = 3_000, leaseMs = 3_000 } = options;
  const { stuckAfterMs = 300_000, longOutage = false, only = null, onFault = () => {}, signal } = options;
  const startedAtMs = Date.now();
  const ended = new AbortController();
  const over = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
  let failure = null;
  const cluster = new ChaosCluster({
    folder,
    leaseMs,
    onFailure: (error) => {
      failure ??= error;
      ended.abort(error);
    },
  });
  const counts = { kills: {}, pauses: 0, cuts: 0, silences: 0, slows: 0 };
  const countNames = { pause: 'pauses', cut: 'cuts', silence: 'silences', slow: 'slows' };
  try {
    await cluster.start();
    const client = connect(cluster.addressOf('controller'));
    const work = new Work(client, { seed, iterations, groups, stuckAfterMs });
    const inflict = async () => {
      await work.begun;
      let killed = 0;
      const { processes, links } = ChaosCluster;
      for (const fault of faultsOf({ seed, processes, links, meanPauseMs, leaseMs, longOutage, only })) {
        if (killed >= kills) break;
        await pause(fault.afterMs, undefined, { signal: over });
        await cluster.inflict(fault, over);
        if (fault.kind === 'kill') {
          killed += fault.targets.length;
          for (const name of fault.targets) counts.kills[name] = (counts.kills[name] ?? 0) + 1;
        } else counts[countNames[fault.kind]]++;
        onFault(fault, killed, work.seen, Date.now() - startedAtMs);
      }
      work.enough();
    };
    const worked = work.done().catch((error) => {
      failure ??= error;
      ended.abort(error);
    });
    await Promise.race([Promise.all([inflict(), worked]), aborted(over)]).catch((error) => {
      failure ??= error;
    });
    signal?.throwIfAborted();
    cluster.heal();
    client.close();
    return { seed, ...(await settle(cluster, work, { counts, iterations, failure })), ms: Date.now() - startedAtMs };
  } finally {
    ended.abort();
    await cluster.stop();
  }
}

function aborted(signal) {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Reads what the store holds and what the journals say. */
async function settle(cluster, work, { counts, iterations, failure }) {
  const replay = connectReplay(cluster.addressOf('replay'));
  const held = new Map();
  const wrong = failure === null ? [] : [failure.message];
  try {
    for (const runId of work.runIds) {
      const seen = await inspectRun(replay, runId, iterations);
      for (const [place, one] of seen.held) held.set(place, one);
      wrong.push(...seen.wrong);
    }
  } catch (error) {
    wrong.push(`the store could not be read: ${error.message}`);
  } finally {
    replay.close();
  }
  const journals = await readJournals(cluster.journalFolder);
  const { tokens, segments, places, ...rest } = account({ journals, held, killedPids: cluster.killedPids });
  // A kill costs what its process had in hand, and no more.
  const mostInHand = slots * tokenBudget;
  if (rest.inFlight.most > mostInHand) {
    wrong.push(`a kill cost ${rest.inFlight.most} tokens, and an actor has at most ${mostInHand} in hand`);
  }
  const killed = Object.values(counts.kills).reduce((sum, count) => sum + count, 0);
  return {
    links: 'TCP proxies',
    ok: wrong.length === 0 && tokens.lost === 0 && tokens.duplicated === 0,
    finished: failure === null,
    faults: { ...counts, killed },
    runs: work.runIds.length,
    tokens,
    segments,
    ...rest,
    ...standstills(journals),
    wrong,
    places,
  };
}
