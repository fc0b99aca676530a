/**
 * The replay store: `npm run bench -- replay [--json] [--sizes 1,8,32] [--clients 1,8] [--rounds 3] [--seconds 0.7] [--parts store,paths,million] [--plain]`. Records per
 * second through the real path (nats-server, store process, client processes), alternated with its stages alone, medians over the rounds, and
 * as a share of the slowest stage: inserts over the bus (stages: broker with publish, consume and ack; LMDB group commit of 64; and beside them the share of
 * publishing alone, a part of the broker's stage that nobody takes from), inserts over gRPC
 * (RPC answered from memory; group commit), samples with data from a prioritised table in calls of 32 (RPC; group commit of the rows that change).
 * Stages have the memory settings of a service, as the store has (docs/load.md); `--plain` measures them with V8's and glibc's own.
 * With each path: how busy it kept the store's one thread and all processors, which client and broker share with it; a stage alone has them to itself.
 * Beside them the processor time of an append in the store alone, which a busy machine changes little; `--parts store` measures nothing else. Then a prioritised
 * table of a million items in memory. Sizes in KB.
 */
import { parseArgs } from 'node:util';
import { alternate, median, ratio } from './lib/alternate.mjs';
import { measureMillionItems } from './lib/million-items.mjs';
import { withReplayBench, withStoreAlone } from './lib/replay-stages.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '1,8,32' },
    clients: { type: 'string', default: '1,8' },
    rounds: { type: 'string', default: '3' },
    /** About how long one measurement takes. */
    seconds: { type: 'string', default: '0.7' },
    parts: { type: 'string', default: 'store,paths,million' },
    plain: { type: 'boolean', default: false },
  },
});
const numbers = (text) => text.split(',').map(Number);
const [rounds, seconds] = [Number(options.rounds), Number(options.seconds)];
const parts = options.parts.split(',');

/** What each path goes through. */
const paths = {
  natsInserts: ['broker', 'commit'],
  grpcInserts: ['rpc', 'commit'],
  samples: ['rpcSamples', 'commitSamples'],
};
/** Of the broker's stage a part that is faster than the whole of it, told beside it: publishing without delivery and acknowledgement. */
const partAlone = { natsInserts: 'publishAlone' };
const names = { natsInserts: 'inserts over the bus', grpcInserts: 'inserts over gRPC', samples: 'samples over gRPC' };
/** Records of a measurement, per second of it: about what the path over the bus does. */
const expectedRate = { 1: 6000, 8: 3500, 32: 1400 };

async function measurePaths() {
  const clientCounts = numbers(options.clients);
  const rig = { maxClients: Math.max(...clientCounts), plain: options.plain };
  return withReplayBench(rig, async (bench) => {
    const results = [];
    for (const kilobytes of numbers(options.sizes)) {
      for (const clients of clientCounts) {
        const count = Math.ceil(((expectedRate[kilobytes] ?? 1000) * seconds) / 256) * 256;
        const shape = { clients, count, bytes: kilobytes * 1024 };
        const measured = [...Object.keys(paths), ...new Set(Object.values(paths).flat()), ...Object.values(partAlone)];
        const contenders = Object.fromEntries(measured.map((name) => [name, () => bench[name](shape)]));
        const figures = await alternate(contenders, rounds);
        const perSecond = Object.fromEntries(measured.map((name) => [name, Math.round(median(figures[name]))]));
        const shares = Object.fromEntries(
          Object.entries(paths).map(([path, stages]) => {
            const slowest = stages.reduce((a, b) => (perSecond[a] <= perSecond[b] ? a : b));
            const part = partAlone[path];
            const busy = bench.takeBusy(path);
            const share = (values) => Number(median(values).toFixed(2));
            return [
              path,
              {
                slowest,
                share: Number(ratio(figures[path], figures[slowest]).toFixed(2)),
                storeBusy: share(busy.map(({ store }) => store)),
                processorsBusy: share(busy.map(({ processors }) => processors)),
                ...(part && { shareOfPart: { [part]: Number(ratio(figures[path], figures[part]).toFixed(2)) } }),
              },
            ];
          }),
        );
        results.push({ kilobytes, clients, records: count, perSecond, shares });
        print(results.at(-1), options.json ? process.stderr : process.stdout);
      }
    }
    return results;
  });
}

function print({ kilobytes, clients, perSecond, shares }, output) {
  output.write(`${kilobytes} KB records, ${clients} ${clients === 1 ? 'client' : 'clients'}; per second\n`);
  for (const [path, { slowest, share, shareOfPart = {}, storeBusy, processorsBusy }] of Object.entries(shares)) {
    const stages = [...paths[path], ...Object.keys(shareOfPart)]
      .map((stage) => `${stage} ${perSecond[stage]}`)
      .join(', ');
    const parts = Object.entries(shareOfPart).map(([part, ratio]) => `, ${ratio.toFixed(2)} of ${part}`);
    output.write(
      `  ${names[path].padEnd(22)} ${String(perSecond[path]).padStart(6)}  ${share.toFixed(2)} of ${slowest}${parts.join('')}  (alone: ${stages}; busy: the store's thread ${storeBusy}, all processors ${processorsBusy})\n`,
    );
  }
}

/** By size, in microseconds an append. */
async function measureStore() {
  return withStoreAlone(options, async (appends) => {
    const microseconds = {};
    for (const kilobytes of numbers(options.sizes)) {
      const shape = { count: kilobytes > 8 ? 2048 : 8192, bytes: kilobytes * 1024 };
      const { store } = await alternate({ store: () => appends(shape) }, rounds);
      microseconds[kilobytes] = Math.round(median(store));
      const line = `${kilobytes} KB records: ${microseconds[kilobytes]} us of processor time for an append in the store alone\n`;
      (options.json ? process.stderr : process.stdout).write(line);
    }
    return microseconds;
  });
}

const million = parts.includes('million') ? measureMillionItems() : null;
if (million !== null && !options.json) process.stdout.write(`a million items: ${JSON.stringify(million, null, 2)}\n`);
const store = parts.includes('store') ? await measureStore() : null;
const measured = parts.includes('paths') ? await measurePaths() : [];
if (options.json) process.stdout.write(`${JSON.stringify({ ...options, store, million, paths: measured })}\n`);
