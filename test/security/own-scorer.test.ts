/** A scorer of somebody's own under TLS: of all whom the cluster's authority knows the reward service alone is let in, and the clients that its owner names. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectReward, type TlsMaterial } from '@segue/bus';
import { serveScorers } from '@segue/client';
import { type ScoreRequest, serviceNames } from '@segue/core';
import t, { type Test } from 'tap';
import { startController } from '../../packages/client/test/support/controller.js';
import { Papers } from './certificates.js';

const ours = await Papers.ofNewAuthority();
const strange = await Papers.ofNewAuthority();
const request: ScoreRequest = { id: 'a', scorer: 'even', prompt: '', response: 'xy', answer: '', metadata: {} };
const denied = { code: 'PERMISSION_DENIED' };

/** Serves a scorer as its owner does, with files. @returns how often it was asked, and a caller with such papers */
async function serve(t: Test, clients?: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'segue-own-scorer-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const material = await ours.of('scorer', 'judge');
  const file = (name: keyof TlsMaterial) => {
    const path = join(folder, `${name}.pem`);
    writeFileSync(path, material[name], { mode: 0o600 });
    return path;
  };
  const { client } = await startController(t, {
    registerScorers: async () => ({ scorers: [], expiresAfterMs: 60_000 }),
    unregisterScorers: async () => ({ scorers: [] }),
  });
  const seen: string[] = [];
  const score = ({ response }: ScoreRequest) => {
    seen.push(response);
    return { reward: response.length };
  };
  const tls = { ca: file('ca'), cert: file('cert'), key: file('key') };
  const even = { name: 'even', description: 'how long it is', score };
  const server = await serveScorers(client, [even], { instance: 'judge', tls, clients });
  t.teardown(() => server.close());
  const call = async (papers: TlsMaterial | undefined) => {
    const reward = connectReward(server.address, { tls: papers, scorer: 'judge' });
    try {
      const { scores } = await reward.scoreBatch({ requests: [request] }, { retry: false, deadlineMs: 5_000 });
      return scores[0]?.status;
    } finally {
      reward.close();
    }
  };
  const list = async (papers: TlsMaterial) => {
    const reward = connectReward(server.address, { tls: papers, scorer: 'judge' });
    try {
      return (await reward.listScorers({}, { deadlineMs: 5_000 })).scorers.length;
    } finally {
      reward.close();
    }
  };
  return { seen, call, list };
}

t.test('the reward service alone is let in', async (t) => {
  const { seen, call, list } = await serve(t);
  const reward = await ours.of('service', 'reward');
  t.equal(await call(reward), 'ok');
  t.equal(await list(reward), 1);
  t.equal(seen.length, 1);

  for (const name of serviceNames.filter((one) => one !== 'reward')) {
    const papers = await ours.of('service', name);
    const message = new RegExp(`service ${name} may not call /segue.v1.RewardScorer/`);
    await t.rejects(call(papers), { ...denied, message }, name);
    await t.rejects(list(papers), { ...denied, message }, name);
  }
  const alice = await ours.of('client', 'alice');
  await t.rejects(call(alice), { ...denied, message: /client alice may not call .*: it takes service reward/ });
  await t.rejects(list(alice), denied, 'what it knows is told to nobody else either');
  await t.rejects(call(await ours.of('client', 'reward')), denied, 'a client with the name of the service');
  await t.rejects(
    call(await ours.of('service', 'nats')),
    { code: 'UNAUTHENTICATED' },
    'the message server calls nobody',
  );
  const impostor = ours.trusting(await strange.of('service', 'reward'));
  await t.rejects(call(impostor), { name: 'SegueError' }, 'another authority’s reward service');
  await t.rejects(call(undefined), { name: 'SegueError' }, 'without TLS');
  t.equal(seen.length, 1, 'nothing of these calls reached the scorer');
});

t.test('its owner may name clients that are let in too', async (t) => {
  const { seen, call } = await serve(t, ['alice']);
  t.equal(await call(await ours.of('client', 'alice')), 'ok');
  t.equal(await call(await ours.of('service', 'reward')), 'ok');
  await t.rejects(call(await ours.of('client', 'bob')), {
    ...denied,
    message: /client bob .*: it takes service reward, client alice/,
  });
  t.equal(seen.length, 2);
});
