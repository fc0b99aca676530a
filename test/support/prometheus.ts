/**
 * A real Prometheus for tests, where this machine has one: nothing is downloaded for a test. It scrapes the processes that it is told of every half second,
 * knows the alert rules, and answers PromQL over HTTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { root } from '../house/tree.js';
import { freePort } from './nats.js';

export const scrapeIntervalMs = 500;

/** One line of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Time in s, and the value as text. */
  readonly values: readonly (readonly [number, string])[];
}

export class TestPrometheus {
  readonly #process: ChildProcess;
  readonly #origin: string;
  readonly #folder: string;

  constructor(process: ChildProcess, port: number, folder: string) {
    this.#process = process;
    this.#origin = `http://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  /** @param targets host:port of /metrics */
  static async start(program: string, targets: readonly string[]): Promise<TestPrometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'segue-prometheus-'));
    const config = join(folder, 'prometheus.yml');
    const interval = `${scrapeIntervalMs}ms`;
    await writeFile(
      config,
      stringify({
        global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: '1s' },
        rule_files: [join(root, 'deploy/prometheus/alerts.yml')],
        scrape_configs: [{ job_name: 'segue', static_configs: [{ targets }] }],
      }),
    );
    const port = await freePort();
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`];
    const child = spawn(program, [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const prometheus = new TestPrometheus(child, port, folder);
    for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
      if (await prometheus.#isReady()) return prometheus;
      await new Promise((done) => setTimeout(done, 50));
    }
    await prometheus.stop();
    throw new Error(`${program} did not come up on port ${port}`);
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.#origin}/-/ready`)).ok;
    } catch {
      // It does not listen yet.
      return false;
    }
  }

  /** What a query gives over a time. @param stepSeconds between two values */
  async range(query: string, fromMs: number, toMs: number, stepSeconds = 1): Promise<readonly Series[]> {
    const text = { query, start: String(fromMs / 1_000), end: String(toMs / 1_000), step: String(stepSeconds) };
    const { result } = await this.#ask<{ readonly result: readonly Series[] }>('query_range', text);
    return result;
  }

  /** Health of every alert rule, by name, and its state. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly state: string }[]> {
    const { groups } = await this.#ask<{
      readonly groups: readonly {
        readonly rules: readonly { readonly name: string; readonly health: string; readonly state: string }[];
      }[];
    }>('rules', {});
    return groups.flatMap(({ rules }) => rules);
  }

  async #ask<T>(what: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const response = await fetch(`${this.#origin}/api/v1/${what}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (answer.status !== 'success') throw new Error(`${parameters.query ?? what}: ${answer.error}`);
    return answer.data;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
