/** Bad input: one clear message that names the field, line or port, the right exit code, and no stack trace. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Ended, runSegue } from '../support/command.js';
import { toyProblems, writeToyTask } from '../support/toy-task.js';

function refuses(t: Test, ended: Ended, message: RegExp, code = 2): void {
  t.equal(ended.code, code, ended.stderr);
  t.match(ended.stderr, message);
  t.notMatch(ended.stderr, /\n {4}at /, 'no stack trace');
  t.equal(ended.stdout, '');
}

t.test('configuration is refused before anything starts', async (t) => {
  const { config, problems, data } = await writeToyTask({ rollout: { groupSize: 1 } });
  refuses(
    t,
    await runSegue('run', '--config', config, '--problems', problems, '--data', data),
    /run\.yaml: rollout\.groupSize/,
  );
  refuses(
    t,
    await runSegue('run', '--problems', problems, '--data', data, '--set', 'rolout.groupSize=4'),
    /unknown key "rolout"/,
  );
  refuses(
    t,
    await runSegue('run', '--config', 'none.yaml', '--problems', problems, '--data', data),
    /none\.yaml cannot be read/,
  );
  refuses(t, await runSegue('run', '--config', config, '--data', data), /--problems/);
});

t.test('a problem that does not fit is refused with its line or position, and the cluster stops again', async (t) => {
  const good = toyProblems(1);
  const attempt = async (bad: (typeof good)[number] & Record<string, unknown>) => {
    const files = await writeToyTask({}, [...good.slice(0, 3), bad]);
    return runSegue('run', '--config', files.config, '--problems', files.problems, '--data', files.data);
  };
  const base = good[70]!;
  refuses(t, await attempt({ ...base, color: 'red' }), /problems\.jsonl:4: .*color/);
  refuses(t, await attempt({ ...base, scorer: 'oracle' }), /oracle/);
  refuses(
    t,
    await attempt({ ...base, prompt: 'abcabcabcabc1:' }),
    /prompt has 15 tokens, more than rollout.maxPromptTokens = 8/,
  );
  refuses(t, await attempt({ ...base, prompt: 'ab?1:' }), /"\?"/);
});

t.test('a missing nats-server is told with what to do', async (t) => {
  const { config, problems, data } = await writeToyTask();
  const empty = await mkdtemp(join(tmpdir(), 'segue-path-'));
  await mkdir(join(empty, 'bin'));
  process.env.SEGUE_NATS_URL = 'nats://127.0.0.1:1';
  t.teardown(() => {
    delete process.env.SEGUE_NATS_URL;
  });
  refuses(t, await runSegue('run', '--config', config, '--problems', problems, '--data', data), /127\.0\.0\.1:1/, 3);
});

t.test('a checkpoint that does not fit is refused by name', async (t) => {
  const { problems, data, folder } = await writeToyTask();
  const checkpoint = join(folder, 'checkpoint');
  await mkdir(checkpoint);
  await writeFile(join(checkpoint, 'config.json'), '{"architectures":["MambaForCausalLM"]}');
  const ended = await runSegue('run', '--problems', problems, '--data', data, '--set', `policy.from=${checkpoint}`);
  refuses(t, ended, /MambaForCausalLM/);
});
