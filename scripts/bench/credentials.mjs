/**
 * `npm run bench -- credentials [--json] [--seconds N] [--rounds N]`: what asking for credentials costs a call: small unary calls, 32 in flight, client and server in
 * one process, without a gate, with the gate of an open cluster, and with mTLS and a token; and the time to the first answer of a new
 * connection. The ways take turns, so that a busy machine is busy for all of them; rates are medians over the rounds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  addService,
  connectReward,
  createGate,
  createServer,
  formatTokens,
  listen,
  mintToken,
  rewardContract,
  stopServer,
  TokenFile,
} from '@segue/bus';
import { createAuthority, issueCertificate } from '../../packages/cli/dist/security/certificates.js';

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, seconds: { type: 'string' }, rounds: { type: 'string' } },
});
const secondsPerTurn = Number(values.seconds ?? 1.5);
const rounds = Number(values.rounds ?? 5);
const inFlight = 32;

const folder = mkdtempSync(join(tmpdir(), 'segue-bench-'));
const authority = await createAuthority(1);
const { token, entry } = mintToken({ name: 'bench', scopes: ['read'], expiresAtMs: Date.now() + 3_600_000 });
const tokensFile = join(folder, 'tokens.json');
writeFileSync(tokensFile, formatTokens([entry]), { mode: 0o600 });

async function papersOf(kind, name) {
  const made = await issueCertificate(authority, { holder: { kind, name }, hosts: ['127.0.0.1'], days: 1 });
  return { ca: Buffer.from(authority.cert), cert: Buffer.from(made.cert), key: Buffer.from(made.key) };
}

const gateOf = (tokens) =>
  createGate({
    tokens,
    requestsPerSecond: 1e9,
    requestBurst: 1e9,
    onRefusal: ({ error }) => console.error(error.message),
  });
const ways = {
  'no gate': {},
  'open gate': { gate: gateOf(null) },
  'mTLS and token': {
    gate: gateOf(new TokenFile(tokensFile)),
    tls: await papersOf('service', 'reward'),
    client: { tls: await papersOf('client', 'bench'), token },
  },
};

const handlers = { scoreBatch: async () => ({ scores: [] }), listScorers: async () => ({ scorers: [] }) };
const served = [];
for (const [name, { gate, tls = null, client: options }] of Object.entries(ways)) {
  const server = createServer({ gate });
  addService(server, rewardContract, handlers);
  const address = `127.0.0.1:${await listen(server, '127.0.0.1', 0, tls)}`;
  served.push({ name, server, address, options, client: connectReward(address, options), rates: [], firstMs: [] });
}

async function rateOf(client) {
  const untilMs = performance.now() + secondsPerTurn * 1_000;
  let calls = 0;
  const worker = async () => {
    while (performance.now() < untilMs) {
      await client.listScorers({});
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return calls / secondsPerTurn;
}

async function firstAnswerMs({ address, options }) {
  const client = connectReward(address, options);
  const beganMs = performance.now();
  await client.listScorers({});
  const tookMs = performance.now() - beganMs;
  client.close();
  return tookMs;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

for (const one of served) await rateOf(one.client);
for (let round = 0; round < rounds; round++) {
  for (const one of served) {
    one.rates.push(await rateOf(one.client));
    one.firstMs.push(await firstAnswerMs(one));
  }
}
const [base] = served;
const rows = served.map(({ name, rates, firstMs }) => ({
  way: name,
  callsPerSecond: Math.round(median(rates)),
  // Of the same round: what slows one slows the other.
  ratio: Number(median(rates.map((rate, i) => rate / base.rates[i])).toFixed(3)),
  firstAnswerMs: Number(median(firstMs).toFixed(1)),
}));
if (values.json) console.log(JSON.stringify({ secondsPerTurn, rounds, inFlight, rows }));
else console.table(rows);

for (const { client, server } of served) {
  client.close();
  await stopServer(server, 100);
}
rmSync(folder, { recursive: true, force: true });
