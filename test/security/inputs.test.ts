/** Names and values that try to be more than they are: paths in names, prototypes in keys, through every decoder that reads from outside. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { actorContract, addService, connectActor, createServer, type Handlers, listen, stopServer } from '@segue/bus';
import {
  type ActorApi,
  configFromAssignment,
  configFromEnvironment,
  mergeConfig,
  parseRunConfig,
  requireId,
  requireMap,
  rewardConfigSchema,
} from '@segue/core';
import { createCharacterTokenizer } from '@segue/tokenizer';
import { Packr } from 'msgpackr';
import t from 'tap';
import { decodeBody } from '../../packages/bus/dist/stream/codec.js';
import { problemInput } from '../../packages/bus/test/samples.js';
import { parseProblemLine } from '../../packages/cli/dist/problems/problem-file.js';
import { ProblemReader } from '../../packages/controller/dist/submit.js';
import { readConfig } from '../../packages/service/dist/read-config.js';
import { initializePolicy } from '../../packages/trainer/dist/initialize.js';
import { PolicyStore } from '../../packages/trainer/dist/policy-store.js';

const paths = [
  '../x',
  '..',
  '.',
  '/etc/passwd',
  'a/../../b',
  'a\0b',
  'a\\b',
  '%2e%2e',
  'run\n',
  '',
  'A',
  `${'a'.repeat(129)}`,
];

t.test('a name that is a path is no id, anywhere', async (t) => {
  for (const name of paths) t.throws(() => requireId(name, 'run_id'), { code: 'INVALID_INPUT' }, JSON.stringify(name));
  const store = new PolicyStore(t.testdir());
  for (const name of paths) {
    t.throws(() => store.folder(name, 0), { code: 'INVALID_INPUT' }, `policy store: ${JSON.stringify(name)}`);
  }
});

t.test('the run in a reference to a version is checked before any handler sees it', async (t) => {
  let seen = 0;
  const count = async (): Promise<never> => {
    seen += 1;
    throw new Error('a handler was reached');
  };
  const handlers: Handlers<ActorApi> = {
    generate: () => ({ [Symbol.asyncIterator]: () => ({ next: count }) }),
    getActorStatus: count,
    loadPolicy: count,
    preparePolicy: count,
    drain: count,
  };
  const server = createServer();
  addService(server, actorContract, handlers);
  const port = await listen(server, '127.0.0.1', 0);
  // Our client refuses such a name itself; the server's own check is asked with the wire format that any other client would use.
  const client = connectActor(`127.0.0.1:${port}`);
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  for (const runId of paths) {
    const policy = { runId, version: 0, manifestSha256: '' };
    await t.rejects(client.loadPolicy({ policy }), { code: 'INVALID_INPUT' }, JSON.stringify(runId));
    t.throws(() => actorContract.methods.loadPolicy.request.fromWire({ policy }), { code: 'INVALID_INPUT' });
  }
  t.equal(seen, 0);
});

t.test('with checkpointsFolder a run begins with checkpoints below it alone', async (t) => {
  const root = t.testdir({ checkpoints: { good: {} }, secret: { 'config.json': '{"planted":"secret"}' } });
  const checkpoints = join(root, 'checkpoints');
  symlinkSync(join(root, 'secret'), join(checkpoints, 'link'));
  mkdirSync(join(root, 'checkpoints-beside'));
  const store = new PolicyStore(join(root, 'policies'));
  const begin = (from: string) =>
    initializePolicy(store, 'r', parseRunConfig({ policy: { from } }, 'test'), checkpoints);
  for (const from of [
    '../secret',
    join(root, 'secret'),
    'link',
    '..',
    '.',
    '/',
    'none',
    '../checkpoints-beside',
    'good/../../secret',
  ]) {
    await t.rejects(begin(from), { code: 'PERMISSION_DENIED', message: /is no folder below checkpointsFolder/ }, from);
  }
  for (const from of ['run:../../secret@0', 'run:x@../0', 'run:a/b@1'])
    await t.rejects(begin(from), { code: 'INVALID_CONFIG' }, from);
  await t.rejects(begin('good'), { message: /config\.json/ }, 'one below it is read');
});

t.test('a prompt that cannot fit is refused before it is encoded', async (t) => {
  const config = parseRunConfig({ rollout: { maxPromptTokens: 8 } }, 'test');
  const scorer = { name: 'exact', description: '', metadataSchemaJson: '', servers: null };
  const read = (chars: number) =>
    new ProblemReader('b', config, createCharacterTokenizer('ab'), [scorer]).read({
      ...problemInput,
      purpose: 'train',
      response: null,
      prompt: 'a'.repeat(chars),
      scorer: 'exact',
    });
  // One token more begins it.
  t.equal(read(7).promptTokens.length, 8);
  t.throws(() => read(8), { code: 'INVALID_INPUT', message: /prompt has 9 tokens, more than/ });
  t.throws(() => read(1_000_000), { code: 'INVALID_INPUT', message: /prompt has 1000000 characters, more than/ });
});

/** Whether anything of the attack has reached every object, or this one's prototype. */
function isClean(value: unknown): boolean {
  const plain: Record<string, unknown> = {};
  if (plain.polluted !== undefined) return false;
  if (typeof value !== 'object' || value === null) return true;
  return Reflect.get(value, 'polluted') === undefined;
}

t.test('no key of an input becomes a prototype', async (t) => {
  const attack = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
  const parsed: unknown = JSON.parse(attack);

  const body = new Packr({ useRecords: false }).pack({ v: 1, ...Object.fromEntries([['constructor', 1]]) });
  t.ok(isClean(decodeBody(body, null)));
  // A map with the one key __proto__, as no encoder of ours writes it.
  const key = Buffer.from('__proto__');
  const inner = Buffer.concat([Buffer.from([0x81, 0xa8]), Buffer.from('polluted'), Buffer.from([0xc3])]);
  const map = Buffer.concat([Buffer.from([0x82, 0xa1, 0x76, 0x01, 0xa0 + key.length]), key, inner]);
  t.ok(isClean(decodeBody(map, null)), 'msgpack');

  t.throws(() => mergeConfig({}, parsed), { code: 'INVALID_CONFIG', message: /__proto__/ });
  for (const assignment of ['__proto__.polluted=true', 'rollout.__proto__.polluted=true']) {
    t.throws(() => configFromAssignment(assignment), { code: 'INVALID_CONFIG', message: /__proto__/ });
  }
  t.throws(() => requireMap({ a: [parsed] }, 'x.yaml'), { code: 'INVALID_CONFIG', message: /x\.yaml.*__proto__/ });
  t.ok(isClean(configFromAssignment('constructor.prototype.polluted=true')));
  t.ok(isClean(configFromEnvironment({ SEGUE_RUN___PROTO____POLLUTED: 'true' }, 'SEGUE_RUN_')));
  t.throws(() => parseRunConfig(parsed, 'json'), { code: 'INVALID_CONFIG' }, 'JSON');

  const file = join(t.testdir(), 'reward.yaml');
  for (const yaml of [
    '__proto__:\n  polluted: true\n',
    'security:\n  __proto__:\n    polluted: true\n',
    '? !!str __proto__\n: {insecure: true}\n',
  ]) {
    writeFileSync(file, yaml);
    t.throws(() => readConfig('reward', rewardConfigSchema, ['--config', file], {}), { code: 'INVALID_CONFIG' }, yaml);
  }
  writeFileSync(
    file,
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'.replace(/./g, (c, i: number) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(9)}]\n`)}`,
  );
  t.throws(
    () => readConfig('reward', rewardConfigSchema, ['--config', file], {}),
    { code: 'INVALID_CONFIG' },
    'a bomb of aliases',
  );

  const line = `{"prompt":"a","answer":"1","scorer":"exact","metadata":${attack}}`;
  const problem = parseProblemLine(line, 'p.jsonl:1');
  t.ok(isClean(problem) && isClean(problem.metadata), 'JSONL');
  t.ok(isClean({}), 'and no object at all has it');
});
