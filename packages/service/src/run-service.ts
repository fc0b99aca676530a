/**
 * The life of a service process: read the configuration, connect, build, listen, say that it is ready; at the end stop in reverse. Every
 * step has a name and a timeout. What the service does is the business of its `build`.
 */

import { addService, connectBus, createGate, createServer, isLoopback, listen, stopServer } from '@segue/bus';
import { assert, type CommonConfig, type ConfigSchema, SegueError, type ServiceName } from '@segue/core';
import { HealthImplementation } from 'grpc-health-check';
import { printableConfig, readCredentials, tellOfEnd } from './credentials.js';
import { boundHeapGrowth, defaultHeapGrowthPercent } from './heap-growth.js';
import { Heartbeat } from './heartbeat.js';
import { type HttpPages, serveHttp } from './http.js';
import { createLog } from './log.js';
import { Loops } from './loops.js';
import { createMetrics } from './metrics.js';
import { PeerClients } from './peers.js';
import { readConfig } from './read-config.js';
import { addReflection } from './reflection.js';
import { Refusals } from './refusals.js';
import { asksForCredentials, requireSafeHost } from './safe-host.js';
import type { Build, Shell } from './shell.js';
import { shellMetricPrefix, shellMetricTable } from './shell-metrics.js';
import { Steps } from './steps.js';
import { startTracing } from './tracing.js';

export interface ServiceDefinition<C extends CommonConfig> {
  readonly name: ServiceName;
  readonly schema: ConfigSchema<C>;
  readonly build: Build<C>;
  /** How far V8's heap may grow before it collects, in percent of what it holds; null: as V8 thinks fit. Default 30. */
  readonly heapGrowthPercent?: number | null;
}

const stepTimeoutMs = 60_000;
/** Longest time to undo a start that failed, in ms. */
const undoTimeoutMs = 20_000;

/**
 * Runs the service until it is told to stop; the process ends with 0 after an orderly stop, 2 when it could not start, 1 when it failed
 * later. When a part could not be stopped in time the process kills itself.
 */
export async function runService<C extends CommonConfig>(definition: ServiceDefinition<C>): Promise<void> {
  const steps = new Steps();
  const { heapGrowthPercent = defaultHeapGrowthPercent } = definition;
  if (heapGrowthPercent !== null) boundHeapGrowth(heapGrowthPercent);
  try {
    await start(definition, steps);
  } catch (error) {
    const failure = SegueError.from(error);
    createLog(definition.name, definition.name, 'info').fatal({ code: failure.code }, failure.rawMessage);
    process.exitCode = 2;
    // What could not start may hold sockets that never close.
    end(await undo(steps, undoTimeoutMs, () => {}));
  }
}

async function start<C extends CommonConfig>(
  { name, schema, build }: ServiceDefinition<C>,
  steps: Steps,
): Promise<void> {
  const { config, stopOnStdinEnd } = readConfig(name, schema, process.argv.slice(2), process.env);
  requireSafeHost(config);
  const log = createLog(name, config.id, config.logLevel);
  log.info({ config: printableConfig(config) }, 'effective configuration');
  const tracing = await startTracing(name, config, process.env, log);
  if (tracing) steps.onStop('traces', () => tracing.stop());
  const { tls, tokens, natsSeed } = readCredentials(config);
  const identity = { service: name, seed: natsSeed ?? undefined, tls: (natsSeed === null ? null : tls) ?? undefined };
  const metrics = createMetrics(name, config.id);
  const counts = metrics.define(shellMetricTable, shellMetricPrefix);
  if (tls) counts.certificate_end_seconds.set(tellOfEnd(tls, log) / 1_000);
  const stopping = new AbortController();

  const onConnection = (isUp: boolean) => {
    counts.bus_connected.set(isUp ? 1 : 0);
    if (!isUp) counts.bus_disconnects_total.inc();
  };
  const bus = await connectBus({
    url: config.natsUrl,
    name: config.id,
    log,
    onConnection,
    ...identity,
    ...leaseOf(name, config),
    ...streamsOf(config),
  });
  counts.bus_connected.set(1);
  steps.onStop('bus', () => bus.close());
  if (name === 'replay') await bus.setUp();
  else await bus.ready();
  const peers = new PeerClients(config, bus, stopping.signal, tls ?? undefined);
  steps.onStop('peers', async () => peers.close());

  const { maxMessageBytes, maxConcurrentCalls, requestsPerSecond, requestBurst } = config;
  const onRefusal = new Refusals(log, counts.refused_calls_total).add;
  const gate = createGate({ tokens, requestsPerSecond, requestBurst, onRefusal });
  const server = createServer({ maxMessageBytes, maxConcurrentCalls, gate });
  const health = new HealthImplementation({ '': 'NOT_SERVING' });
  health.addToServer(server);
  const reflection = config.reflection ?? (isLoopback(config.host) && !asksForCredentials(config));
  const loops = new Loops(stopping.signal, log, counts.loop_failures_total);
  const served: string[] = [];
  const starts: { name: string; start: () => Promise<void>; timeoutMs: number }[] = [];
  let pages: HttpPages | undefined;
  let ready = false;
  let addresses = { address: '', metricsAddress: '' };
  const heartbeat = new Heartbeat(bus, name, config.id, log);
  // Stopped after the service's own parts: what they flush at the end is announced still.
  steps.onStop('registration', () => heartbeat.stop());

  const shell: Shell<C> = {
    name,
    config,
    log,
    metrics,
    bus,
    peers,
    tls: tls ?? undefined,
    signal: stopping.signal,
    get address() {
      assert(addresses.address !== '', `${name} asked for its address before it listens`);
      return addresses.address;
    },
    serve: (contract, handlers) => {
      served.push(contract.name);
      addService(server, contract, handlers, {
        signal: stopping.signal,
        ...streamLimitsOf(config),
        onCall: (report) => {
          counts.calls_total.inc({ rpc: report.rpc, code: report.code });
          counts.call_seconds.observe({ rpc: report.rpc }, report.durationMs / 1_000);
          if (report.code === 'INTERNAL')
            log.error({ rpc: report.rpc, stack: report.error?.stack }, String(report.error?.message));
        },
      });
    },
    servePages: (answer) => {
      pages = answer;
    },
    onStart: (step, run, timeoutMs = stepTimeoutMs) => void starts.push({ name: step, start: run, timeoutMs }),
    onStop: (step, stop, timeoutMs) => steps.onStop(step, stop, timeoutMs),
    loop: (loop, intervalMs, work) => loops.every(loop, intervalMs, work),
    keep: (task, work) => loops.keep(task, work),
    register: (content) => heartbeat.carry(content),
    announce: () => heartbeat.beat(),
    fail: (error) => {
      const failure = SegueError.from(error);
      log.fatal({ code: failure.code, stack: failure.stack }, failure.rawMessage);
      process.exitCode = 1;
      void stop('failure');
    },
  };

  let stopped: Promise<void> | null = null;
  const stop = (reason: string): Promise<void> => {
    stopped ??= (async () => {
      log.info({ reason }, 'stopping');
      ready = false;
      health.setStatus('', 'NOT_SERVING');
      stopping.abort();
      const outcome = await undo(steps, config.stopTimeoutMs, (failure) => {
        log.error({ code: failure.code }, failure.rawMessage);
        process.exitCode ||= 1;
      });
      log.info('stopped');
      end(outcome);
    })();
    return stopped;
  };

  steps.onStop('server', () => stopServer(server, 2_000));
  await build(shell);
  if (reflection) addReflection(server, served);
  steps.onStop('loops', () => loops.ended());
  const port = await listen(server, config.host, config.port, tls);
  const whyNotReady = () => (ready ? null : `${name} is not ready`);
  const http = await serveHttp(config.metricsHost, config.metricsPort, metrics.registry, whyNotReady, pages);
  steps.onStop('http', () => http.close());
  addresses = {
    address: `${config.advertisedHost ?? config.host}:${port}`,
    metricsAddress: `${metricsHostOf(config)}:${http.port}`,
  };
  for (const step of starts) await steps.within(step.name, step.timeoutMs, step.start());

  await heartbeat.start(addresses);
  loops.start();
  ready = true;
  health.setStatus('', 'SERVING');
  process.on('SIGTERM', () => void stop('SIGTERM'));
  // The supervisor alone handles Ctrl-C; a service that is run by hand stops.
  process.on('SIGINT', () => void (stopOnStdinEnd ? undefined : stop('SIGINT')));
  if (stopOnStdinEnd)
    process.stdin
      .resume()
      .once('end', () => void stop('supervisor gone'))
      .once('error', () => void stop('supervisor gone'));
  process.stdout.write(`${JSON.stringify({ ready: true, id: config.id, service: name, ...addresses })}\n`);
}

/** Under which name others reach /metrics: an open listener may be on 0.0.0.0, which is nobody's address. */
function metricsHostOf({ metricsHost, advertisedHost }: CommonConfig): string {
  return isLoopback(metricsHost) ? metricsHost : (advertisedHost ?? metricsHost);
}

/** `late`: a step took too long, and something of it may still run. */
type StopOutcome = 'in-order' | 'late';

async function undo(steps: Steps, timeoutMs: number, onFailure: (failure: SegueError) => void): Promise<StopOutcome> {
  let outcome: StopOutcome = 'in-order';
  await steps.stopAll(timeoutMs, (failure) => {
    if (failure.code === 'DEADLINE_EXCEEDED') outcome = 'late';
    onFailure(failure);
  });
  return outcome;
}

/** What is late may be a thread inside an engine's run: exiting waits for that run, for ever if it hangs, and then aborts. A kill does not. */
function end(outcome: StopOutcome): void {
  if (outcome === 'late') process.kill(process.pid, 'SIGKILL');
  else process.exit();
}

function leaseOf(name: ServiceName, config: CommonConfig): { rolloutLeaseMs?: number; rewardLeaseMs?: number } {
  if (!('leaseMs' in config) || typeof config.leaseMs !== 'number') return {};
  return name === 'actor' ? { rolloutLeaseMs: config.leaseMs } : { rewardLeaseMs: config.leaseMs };
}

/** Of the store, which makes streams and buckets. */
function streamsOf(config: CommonConfig): { streamReplicas?: number } {
  return 'streamReplicas' in config ? { streamReplicas: Number(config.streamReplicas) } : {};
}

/** Only the controller has keys for them: it alone takes streams from everybody. */
function streamLimitsOf(config: CommonConfig): { readonly maxStreamBytes?: number; readonly maxIdleMs?: number } {
  if (!('maxBatchBytes' in config) || !('submissionIdleMs' in config)) return {};
  return { maxStreamBytes: Number(config.maxBatchBytes), maxIdleMs: Number(config.submissionIdleMs) };
}
