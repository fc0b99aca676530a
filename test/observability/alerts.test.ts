/** The alert rules: they read metrics that there are, every one has a unit test and a word in the docs, and the unit tests hold where promtool is. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { parse } from 'yaml';
import { findProgram } from '../../scripts/lib/find-program.mjs';
import { filesUnder, read, root } from '../house/tree.js';
import { metricsIn, unknownNames, unknownSamples } from './metric-names.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const folder = join(root, 'deploy/prometheus');
const rules: Rule[] = parse(read('deploy/prometheus/alerts.yml')).groups.flatMap(
  (group: { readonly rules: Rule[] }) => group.rules,
);

t.test('every alert reads metrics that there are, and says what to do', async (t) => {
  for (const { alert, expr, labels, annotations } of rules) {
    t.ok(metricsIn(expr).length > 0, alert);
    t.strictSame(unknownSamples(expr), [], `${alert}: unknown metrics`);
    t.match(labels.severity, /^(critical|warning)$/, alert);
    t.ok(annotations.summary !== '' && annotations.description !== '', alert);
  }
});

t.test('every alert is seen to fire in a unit test, and has a row in the docs', async (t) => {
  const cases: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[] = parse(
    read('deploy/prometheus/alerts.test.yml'),
  ).tests;
  const all = cases.flatMap((one) => one.alert_rule_test);
  const page = read('docs/observability.md');
  for (const { alert } of rules) {
    const own = all.filter(({ alertname }) => alertname === alert);
    t.ok(
      own.some(({ exp_alerts: alerts }) => (alerts?.length ?? 0) > 0),
      `${alert} fires`,
    );
    t.ok(page.includes(`\`${alert}\``), `${alert} in docs/observability.md`);
  }
});

/** Names on the pages that are no metrics: buckets of the message server, parts of the compose project, packages. */
const otherNames = [
  /^segue_devices$/,
  /^segue_example$/,
  /^segue_scorers$/,
  /^segue_(prepare|replay|nats|trainer|cluster)(_1)?$/,
];

t.test('every metric that a page names is one that there is', async (t) => {
  const pages = filesUnder('', ['.md']).filter((page) => page !== 'docs/log.md');
  for (const page of pages) {
    // A star stands for the rest of a name.
    const text = read(page).replaceAll(/\b\w+_\*/g, '');
    const found = unknownNames(text).filter(
      (name) => name.startsWith('segue_') && !otherNames.some((other) => other.test(name)),
    );
    t.strictSame(found, [], page);
  }
});

const promtool = findProgram('SEGUE_PROMTOOL', 'promtool');
const skip = promtool === null && 'no promtool on PATH (set SEGUE_PROMTOOL)';

t.test('promtool takes the rules, and their unit tests hold', { skip }, async (t) => {
  const run = promisify(execFile);
  await t.resolves(run(promtool!, ['check', 'rules', 'alerts.yml'], { cwd: folder }));
  await t.resolves(run(promtool!, ['test', 'rules', 'alerts.test.yml'], { cwd: folder }));
});
