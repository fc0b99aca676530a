/** When the broker is started again: because its disk was full, or because its streams say nothing. */
import t from 'tap';
import { BrokerWatch } from '../dist/cluster/broker-watch.js';

const mebibyte = 1 << 20;

/** What became of looks at a broker that was, one after the other, like this. */
async function restartsAfter(
  looks: readonly { freeMebibytes?: number; mute?: boolean }[],
  startedAtMs = 0,
): Promise<string[]> {
  const restarts: string[] = [];
  let now = looks[0]!;
  const watch = new BrokerWatch({
    freeBytes: async () => (now.freeMebibytes ?? 100) * mebibyte,
    streams: { areMute: async () => now.mute ?? false, close: async () => {} },
    startedAtMs: () => startedAtMs,
    restart: (why) => restarts.push(why),
  });
  for (now of looks) await watch.look();
  return restarts;
}

t.test('once, when a disk that was full has space again', async (t) => {
  const full = [100, 3, 100, 1, 3, 1].map((freeMebibytes) => ({ freeMebibytes }));
  t.same(await restartsAfter(full), [], 'not while it is full, nor when it never was');
  const free = [{ freeMebibytes: 50 }, { freeMebibytes: 50 }];
  t.match(await restartsAfter([...full, ...free]), [/was full and has 52428800 bytes free again/]);
  t.equal((await restartsAfter([...full, ...free])).length, 1);
});

t.test('not one that was started since: it has met no full disk', async (t) => {
  const full = { freeMebibytes: 1 };
  const late = Number.POSITIVE_INFINITY;
  t.same(await restartsAfter([full, {}, {}], late), []);
  const mute = { mute: true };
  t.match(
    await restartsAfter([full, {}, mute, mute, mute], late),
    [/streams do not answer/],
    'its streams say if it has',
  );
});

t.test('once, when its streams were mute three times in a row, whatever was seen of its disk', async (t) => {
  const mute = { mute: true };
  t.same(await restartsAfter([mute, mute, {}, mute, mute]), [], 'a busy one answers in between');
  t.same(await restartsAfter([mute, mute, mute, mute, mute]), ['it takes connections and its streams do not answer']);
  const full = { freeMebibytes: 1, mute: true };
  t.same(await restartsAfter([full, full, full, full]), [], 'while its disk is full a new start would help nobody');
});
