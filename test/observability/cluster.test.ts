/**
 * A real cluster under a real Prometheus and a collector of traces: docs/metrics.md has every metric that the processes have and no other, every panel of every
 * dashboard shows something and reads nothing unknown, no alert fires over a healthy run, and a trace goes from the submission of a problem to the training on its
 * responses. Elsewhere than where Prometheus is, the panels are held against the docs alone.
 */
import t, { type Test } from 'tap';
import { findProgram } from '../../scripts/lib/find-program.mjs';
import { documentedMetrics } from '../../scripts/lib/metric-docs.mjs';
import { filesUnder, read } from '../house/tree.js';
import { type ClusterRun, prepareToyRun } from '../support/cluster-run.js';
import { type CollectedSpan, type Collector, startCollector } from '../support/collector.js';
import { type Series, scrapeIntervalMs, TestPrometheus } from '../support/prometheus.js';
import { toyConfig } from '../support/toy-task.js';
import { unknownSamples } from './metric-names.js';

interface Panel {
  readonly board: string;
  readonly title: string;
  readonly queries: readonly string[];
}

const panels: Panel[] = filesUnder('deploy/grafana/dashboards', ['.json']).flatMap((board) =>
  (JSON.parse(read(board)).panels as { title: string; type: string; targets?: { expr: string }[] }[])
    .filter(({ type }) => type !== 'row')
    .map(({ title, targets = [] }) => ({ board, title, queries: targets.map(({ expr }) => expr) })),
);

t.test('every panel reads metrics that there are', async (t) => {
  t.ok(panels.length > 60, `${panels.length} panels`);
  for (const { board, title, queries } of panels) {
    t.ok(queries.length > 0, title);
    t.strictSame(unknownSamples(queries.join(' ')), [], `${board}: ${title}`);
  }
});

const program = findProgram('SEGUE_PROMETHEUS', 'prometheus');
const skip = program === null && 'no prometheus on PATH (set SEGUE_PROMETHEUS)';

/** Many scrapes long, also where nothing else is done: a rate is seen between two of them. */
const iterations = 12;

t.test('a healthy run under Prometheus', async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.stop());
  const traced = [`tracing.endpoint=${collector.endpoint}/`, 'tracing.share=0.5'];
  const settings = {
    controller: traced,
    actor: traced,
    trainer: traced,
    reward: traced,
    replay: [...traced, 'tables.recent.fill=trajectories', 'tables.recent.maxSize=100'],
  };
  const run = await prepareToyRun(
    t,
    'toy-1',
    { settings },
    { iterations, evaluation: { everyIterations: 2, samples: 1 } },
  );
  const targets = ['controller', 'replay', 'trainer', 'reward', 'actor-0', 'actor-1'].map(
    (name) => run.cluster.child(name).address.metricsAddress,
  );
  const prometheus = program === null ? null : await TestPrometheus.start(program, targets);
  t.teardown(() => prometheus?.stop());
  const fromMs = Date.now();
  await run.client.resumeRun(run.runId);
  t.equal((await run.client.waitForRun(run.runId)).state, 'finished');

  await t.test('every metric has a row in the docs, and every row a metric', (t) => comparesWithDocs(t, targets));
  await t.test('every panel shows something', { skip }, (t) => showsPanels(t, prometheus!, run, fromMs));
  await t.test('no alert fires, and every rule can be reckoned', { skip }, async (t) => {
    const rules = await prometheus!.rules();
    t.ok(rules.length > 10);
    t.strictSame(
      rules.filter(({ health, state }) => health !== 'ok' || state !== 'inactive'),
      [],
    );
  });
  // What is recorded is sent at the stop at the latest.
  await run.cluster.stop();
  await t.test('one trace from the submission to the training', (t) => followsTraces(t, collector));
});

/** Every traced trajectory has its whole way in the trace of the submission. */
async function followsTraces(t: Test, { spans }: Collector): Promise<void> {
  const [submission, ...others] = spans.filter(({ name }) => name === 'submit problems');
  t.match(submission, { service: 'segue-controller', attributes: { 'segue.run': 'toy-1', 'segue.batch': 'all' } });
  t.strictSame(others, []);
  t.strictSame(
    spans.filter(({ traceId }) => traceId !== submission?.traceId),
    [],
    'polls and heartbeats begin no traces',
  );
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const parent = (span: CollectedSpan | undefined) => byId.get(span?.parentSpanId ?? '');
  const of = (name: string, service: string) => spans.filter((span) => span.name === name && span.service === service);
  for (const issue of of('issue', 'segue-controller')) t.equal(issue.parentSpanId, submission?.spanId);
  for (const generate of of('generate', 'segue-actor')) {
    t.equal(parent(generate)?.attributes['segue.trajectory'], generate.attributes['segue.trajectory']);
    t.equal(parent(generate)?.name, 'issue');
  }
  for (const append of of('append', 'segue-replay')) t.equal(parent(append)?.name, 'generate');
  for (const verdict of of('record verdict', 'segue-replay')) t.equal(parent(verdict)?.name, 'score');
  t.ok(of('segue.v1.ReplayStore/PutProblems', 'segue-replay').length > 0, 'the call that keeps the batch');

  const ids = (name: string, service: string) =>
    new Set(of(name, service).map(({ attributes }) => attributes['segue.trajectory'] ?? ''));
  const trained = ids('train', 'segue-trainer');
  t.ok(trained.size > 20, `${trained.size} trajectories are trained on in the trace`);
  const issued = ids('issue', 'segue-controller');
  const generated = ids('generate', 'segue-actor');
  const scored = ids('score', 'segue-reward');
  const incomplete = [...trained].filter((id) => !issued.has(id) || !generated.has(id) || !scored.has(id));
  t.strictSame(incomplete, []);
  const groups = new Set([...issued].map((id) => id.slice(0, id.lastIndexOf('-t'))));
  const least = iterations * toyConfig.rollout.groupsPerIteration;
  t.ok(groups.size < least, `${groups.size} of at least ${least} groups: the share is kept`);
}

/** What a process of one service has: its name, type and labels as the exposition says them. */
interface Found {
  readonly type: string;
  readonly labels: Set<string>;
}

async function comparesWithDocs(t: Test, targets: readonly string[]): Promise<void> {
  const services = ['controller', 'replay', 'trainer', 'reward', 'actor', 'actor'];
  for (const [i, target] of targets.entries()) {
    const service = services[i]!;
    const found = parseExposition(await (await fetch(`http://${target}/metrics`)).text());
    const rows = documentedMetrics.filter((row) => row.service === 'all' || row.service === service);
    const others = [...found.keys()].filter((name) => !rows.some((row) => row.name === name));
    t.strictSame(others, [], `${service}: metrics without a row`);
    t.strictSame(
      rows.filter(({ name }) => !found.has(name)).map(({ name }) => name),
      [],
      `${service}: rows without a metric`,
    );
    for (const { name, type, labels } of rows) {
      const metric = found.get(name);
      if (metric === undefined) continue;
      t.equal(metric.type, type, name);
      // Without a series there is no label to be seen.
      if (metric.labels.size > 0) t.strictSame([...metric.labels].sort(), [...labels, 'id', 'service'].sort(), name);
    }
  }
}

function parseExposition(text: string): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) found.set(name, { type, labels: new Set() });
    const [, sample = '', labels = ''] = /^([a-z]\w*)\{(.*)\} /.exec(line) ?? [];
    const metric = found.get(sample) ?? found.get(sample.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label] of labels.matchAll(/(\w+)="/g)) if (label !== 'le' && label) metric?.labels.add(label);
  }
  return found;
}

async function showsPanels(t: Test, prometheus: TestPrometheus, run: ClusterRun, fromMs: number): Promise<void> {
  await seesTheEnd(prometheus, run, fromMs);
  const toMs = Date.now();
  // What Grafana chooses for a view of this length: at least four scrapes.
  const window = `${Math.ceil((8 * scrapeIntervalMs) / 1_000)}s`;
  const empty: string[] = [];
  for (const { board, title, queries } of panels) {
    for (const query of queries) {
      const series = await prometheus.range(query.replaceAll('$__rate_interval', window), fromMs, toMs);
      if (!series.some(hasNumber)) empty.push(`${board}: ${title}: ${query}`);
    }
  }
  t.strictSame(empty, [], 'panels that show nothing');
}

function hasNumber({ values }: Series): boolean {
  return values.some(([, value]) => Number.isFinite(Number(value)));
}

/** Until Prometheus has scraped what the run ended with. */
async function seesTheEnd(prometheus: TestPrometheus, { iterations }: ClusterRun, fromMs: number): Promise<void> {
  for (;;) {
    const [series] = await prometheus.range('segue_controller_iterations_total', fromMs, Date.now());
    if (Number(series?.values.at(-1)?.[1]) === iterations) return;
    await new Promise((done) => setTimeout(done, scrapeIntervalMs));
  }
}
