/**
 * Writes docs/configuration.md from the schema of the run configuration; `--check` fails when the file is not current.
 * Needs a build.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { listConfigKeys, runConfigSchema } from '@segue/core';

const path = new URL('../docs/configuration.md', import.meta.url);

const intro = `# Configuration of a run

Every key, printed from the schema by \`node scripts/docs.mjs\`. A YAML file given with \`--config\` is overridden by the environment
(\`SEGUE_RUN_ROLLOUT__TOKEN_BUDGET=64\`) and that by flags (\`--set rollout.tokenBudget=64\`). The whole is validated before anything starts;
unknown keys are refused. The last column holds the names of the same knob in other systems.

| key | default | unit | meaning | known elsewhere as |
|---|---|---|---|---|
`;

const cell = (text) => text.replaceAll('|', '\\|');
const rows = listConfigKeys(runConfigSchema).map((key) => {
  const fallback = key.default === '' ? '' : `\`${key.default}\``;
  return `| \`${key.path}\` | ${cell(fallback)} | ${key.unit} | ${cell(key.about)} | ${cell(key.alias)} |`;
});
const text = `${intro}${rows.join('\n')}\n`;

if (process.argv.includes('--check')) {
  const current = await readFile(path, 'utf8').catch(() => '');
  if (current !== text) {
    process.stderr.write('docs/configuration.md is not current: run node scripts/docs.mjs\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(path, text);
}
