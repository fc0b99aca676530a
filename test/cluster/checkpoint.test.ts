/**
 * A run that starts from a checkpoint as it is downloaded: Qwen3 with random weights in bfloat16 in several files, with tokenizer, chat
 * template and generation_config.json. It goes through a whole iteration, and the new version goes out in the same layout.
 */
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initialParameters, type ModelConfig, parameterLayout, readCheckpoint, writeCheckpoint } from '@segue/engine';
import { loadTokenizer } from '@segue/tokenizer';
import t from 'tap';
import { runSegue } from '../support/command.js';
import { toyConfig, toyProblems, writeToyTask } from '../support/toy-task.js';

const tokenizerFolder = fileURLToPath(new URL('../../packages/tokenizer/test/data/qwen', import.meta.url));
const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];

const model: ModelConfig = {
  architecture: 'Qwen3ForCausalLM',
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 16,
  intermediateSize: 64,
  // More rows than the tokenizer has tokens, as published checkpoints have.
  vocabularySize: 448,
  rmsNormEpsilon: 1e-6,
  ropeTheta: 1e6,
  tieEmbeddings: true,
  maxPositions: 256,
  bosTokenId: null,
  eosTokenIds: [422],
};

async function writeSource(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), 'segue-checkpoint-')), 'qwen3');
  const layout = parameterLayout(model);
  const checkpoint = { config: model, layout, parameters: initialParameters(layout, 7) };
  const files = tokenizerFiles.map((name) => join(tokenizerFolder, name));
  await writeCheckpoint(folder, checkpoint, files, { weightType: 'bfloat16', maxFileBytes: 40_000 });
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, initializer_range: 0.02, made_by: 'a test' }),
  );
  await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id":[422,420],"top_p":0.8}');
  return folder;
}

t.test('a run from a Qwen3 checkpoint: imported, trained for an iteration, written in the same layout', async (t) => {
  const source = await writeSource();
  t.ok((await readdir(source)).includes('model.safetensors.index.json'));
  const problems = toyProblems(1).map(({ prompt, ...rest }) => ({
    ...rest,
    prompt: [{ role: 'user', content: prompt }],
  }));
  const files = await writeToyTask(
    {
      iterations: 1,
      policy: { from: source },
      rollout: { ...toyConfig.rollout, groupsPerIteration: 8, groupSize: 4, maxPromptTokens: 80 },
      warmup: { ...toyConfig.warmup, steps: 40 },
      evaluation: { everyIterations: 0, problems: 8, samples: 1, greedy: false },
    },
    problems,
  );
  const { config, data } = files;
  const ended = await runSegue('run', '--json', '--config', config, '--problems', files.problems, '--data', data);
  t.equal(ended.code, 0, ended.stderr);
  const summary = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '{}');
  t.match(summary, { type: 'summary', state: 'finished', iterations: 1 });
  t.ok(summary.groupsTrained > 0);
  t.ok(summary.logprobDiffMax <= 1e-4, `actor and trainer agree: ${summary.logprobDiffMax}`);

  const versions = [0, 1].map((version) => join(data, 'policies', summary.run, String(version)));
  const [start, trained] = await Promise.all(versions.map(readCheckpoint));
  t.ok(start!.parameters.some((value, i) => value !== trained!.parameters[i]));
  for (const folder of versions) {
    const names = (await readdir(folder)).filter((name) => name !== 'manifest.json').sort();
    t.strictSame(names, ['config.json', 'generation_config.json', 'model.safetensors', ...tokenizerFiles].sort());
    const fields = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    const expected = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
    t.strictSame(fields, { ...expected, torch_dtype: 'float32' }, 'keys that are not read are kept');
    for (const name of ['generation_config.json', ...tokenizerFiles]) {
      t.equal(await readFile(join(folder, name), 'utf8'), await readFile(join(source, name), 'utf8'), name);
    }
    t.strictSame((await loadTokenizer(folder)).eosTokens, [422, 420], 'both end tokens end a response');
  }

  const shown = await runSegue('trajectory', `${summary.run}-g0-t0`, '--data', data);
  t.equal(shown.code, 0, shown.stderr);
  t.match(shown.stdout, '<|im_start|>user');
});

t.test('an end token outside of the vocabulary is refused by its file', async (t) => {
  const source = await writeSource();
  await writeFile(join(source, 'generation_config.json'), '{"eos_token_id":[422,9000]}');
  const { problems, data } = await writeToyTask();
  const ended = await runSegue(
    'run',
    '--problems',
    problems,
    '--data',
    data,
    '--set',
    `policy.from=${source}`,
    '--set',
    'rollout.maxResponseTokens=100',
    '--set',
    'rollout.maxPromptTokens=80',
  );
  t.equal(ended.code, 2, ended.stderr);
  t.match(ended.stderr, /generation_config\.json: eos_token_id 9000 is not in the vocabulary of 448/);
});
