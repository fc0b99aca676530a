/**
 * Writes docs/configuration.md from the schemas of the configuration of runs and services, and docs/metrics.md from the services' tables of metrics;
 * `--check` fails when a file is not current. Needs a build.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { listConfigKeys, runConfigSchema, serviceConfigSchemas } from '@segue/core';
import { metricsPage } from './lib/metric-docs.mjs';

const intro = `# Configuration of a run

Every key, printed from the schema by \`node scripts/docs.mjs\`. A YAML file given with \`--config\` is overridden by the environment
(\`SEGUE_RUN_ROLLOUT__TOKEN_BUDGET=64\`) and that by flags (\`--set rollout.tokenBudget=64\`). The whole is validated before anything starts;
unknown keys are refused. The last column holds the names of the same knob in other systems.

| key | default | unit | meaning | known elsewhere as |
|---|---|---|---|---|
`;

const servicesIntro = `
# Configuration of the services

Of the processes: where and how they run. Each is read from a YAML file given with \`--config\`, overridden by the environment
(\`SEGUE_ACTOR_SLOTS=16\`) and that by flags (\`--set slots=16\`).

| key | of | default | unit | meaning |
|---|---|---|---|---|
`;

const cell = (text) => text.replaceAll('|', '\\|');
const value = (text) => (text === '' ? '' : cell(`\`${text}\``));
const rows = listConfigKeys(runConfigSchema).map(
  ({ path, default: fallback, unit, about, alias }) =>
    `| \`${path}\` | ${value(fallback)} | ${unit} | ${cell(about)} | ${cell(alias)} |`,
);

/** One row for all services that have the same key with the same default. */
function serviceRows() {
  const names = Object.keys(serviceConfigSchemas);
  const found = new Map();
  for (const name of names) {
    for (const { path, default: fallback, unit, about } of listConfigKeys(serviceConfigSchemas[name])) {
      const row = (of) => `| \`${path}\` | ${of} | ${value(fallback)} | ${unit} | ${cell(about)} |`;
      const entry = found.get(row('')) ?? { row, of: [] };
      entry.of.push(name);
      found.set(row(''), entry);
    }
  }
  return [...found.values()].map(({ row, of }) => row(of.length === names.length ? 'all' : of.join(', ')));
}

const pages = {
  'docs/configuration.md': `${intro}${rows.join('\n')}\n${servicesIntro}${serviceRows().join('\n')}\n`,
  'docs/metrics.md': metricsPage(),
};

for (const [name, text] of Object.entries(pages)) {
  const path = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) await writeFile(path, text);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    process.stderr.write(`${name} is not current: run node scripts/docs.mjs\n`);
    process.exitCode = 1;
  }
}
