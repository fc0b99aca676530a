/** The judgement of a soak, on made-up samples: what rises is named with its process, what warms up, wavers or falls is not. */
import t from 'tap';
import { judge } from '../../scripts/soak/judge.mjs';
import { judgeAll } from '../../scripts/soak/soak.mjs';

const mebibyte = 2 ** 20;
const samples = (memoryMiB: (i: number) => number, handles: (i: number) => number, streams = (_: number) => 1) =>
  Array.from({ length: 40 }, (_, i) => ({
    processes: {
      actor: { handles: handles(i), memoryBytes: 0, ownBytes: memoryMiB(i) * mebibyte },
      replay: { handles: 30, memoryBytes: i * mebibyte, ownBytes: 100 * mebibyte },
    },
    kept: { nats: { 'SEGUE_EVENTS on disk': streams(i) * mebibyte } },
    grows: { store: i * mebibyte },
  }));

t.test('what warms up in the first quarter and wavers afterwards stays level', async (t) => {
  const warming = (i: number) => (i < 10 ? 100 + 20 * i : 300 + (i % 3) * 10);
  const result = judgeAll(samples(warming, (i) => 30 + (i % 2)));
  t.strictSame(result.failed, []);
  t.strictSame(result.grew, { store: 39 * mebibyte }, 'what is kept on purpose is told, not judged');
  t.equal(result.verdicts.length, 5);
});

t.test('each thing that rises is named with its process', async (t) => {
  const level = () => 200;
  const leak = (i: number) => 200 + i;
  t.strictSame(judgeAll(samples(leak, () => 30)).failed, ['actor'], 'memory');
  t.strictSame(judgeAll(samples(level, (i) => 30 + Math.floor(i / 8))).failed, ['actor'], 'handles');
  t.strictSame(judgeAll(samples(level, () => 30, leak)).failed, ['nats'], "disk, beyond the stream's limit");
  t.strictSame(
    judgeAll(
      samples(
        level,
        () => 30,
        (i) => i / 4,
      ),
    ).failed,
    [],
    'disk, below it',
  );
  t.strictSame(
    judgeAll(
      samples(
        (i) => 400 - i,
        (i) => 90 - i,
        (i) => 50 - i,
      ),
    ).failed,
    [],
    'what falls is no fault',
  );
});

t.test('the lowest samples are told beside the means that judge', async (t) => {
  // Wanders further between collections in the last quarter, down to the same floor.
  const wandering = (i: number) => 100 + (i % 5) * (i < 30 ? 4 : 12);
  const { verdicts, failed } = judgeAll(samples(wandering, () => 30));
  const verdict = verdicts.find(({ process, what }) => process === 'actor' && what === 'memory of its own');
  t.match(verdict, { second: 108 * mebibyte, last: 124 * mebibyte, lowest: [100 * mebibyte, 100 * mebibyte] });
  t.strictSame(failed, ['actor']);
});

t.test('five parts in a hundred are allowed, and one handle', async (t) => {
  const series = (last: number, constant = false) => {
    const values = Array.from({ length: 16 }, (_, i) => (i < 12 ? 10 : last));
    return judge({ process: 'p', what: 'w', values, constant });
  };
  t.equal(series(10.5).ok, true);
  t.equal(series(10.6).ok, false);
  t.equal(series(11, true).ok, true);
  t.equal(series(12, true).ok, false);
});

t.test('too few samples are no judgement, which is a failure', async (t) => {
  const unjudged = { second: null, last: null, lowest: null, ratio: null, ok: false };
  t.strictSame(judge({ process: 'p', what: 'w', values: [1, 2, 3] }), {
    process: 'p',
    what: 'w',
    samples: 3,
    ...unjudged,
  });
  const silent = (quarter: number) => Array.from({ length: 40 }, (_, i) => (Math.floor(i / 10) === quarter ? null : 1));
  for (const quarter of [1, 3]) {
    t.match(
      judge({ process: 'p', what: 'w', values: silent(quarter) }),
      { samples: 30, ...unjudged },
      'none in a quarter',
    );
  }
  for (const quarter of [0, 2])
    t.match(judge({ process: 'p', what: 'w', values: silent(quarter) }), { ratio: 1, ok: true });
});

t.test('what a runtime holds is told beside its memory, and is no fault', async (t) => {
  const heap = (i: number) => ({ heapUsed: (20 + i) * mebibyte, heapTotal: 80 * mebibyte, external: mebibyte });
  const told = (heapOf: (i: number) => ReturnType<typeof heap> | null) =>
    judgeAll(
      samples(
        () => 200,
        () => 30,
      ).map((sample, i) => {
        const { actor, replay } = sample.processes;
        return { ...sample, processes: { actor: { ...actor, heap: heapOf(i) }, replay } };
      }),
    );
  const { verdicts, failed } = told(heap);
  t.strictSame(failed, []);
  const objects = verdicts.find(({ what }) => what === 'of it, objects');
  t.match(objects, { process: 'actor', told: true, second: 34.5 * mebibyte, last: 54.5 * mebibyte });
  t.equal(told((i) => (i % 2 === 0 ? null : heap(i))).verdicts.length, 8, 'a gap is passed over');
  t.equal(told(() => null).verdicts.length, 5, 'nothing is told of one that says nothing');
});

t.test('a value that did not come is a gap, not a zero', async (t) => {
  const gapsIn = (isGap: (i: number) => boolean) =>
    judgeAll(
      samples(
        () => 100,
        () => 30,
      ).map((sample, i) => ({ ...sample, kept: { replay: { 'pages in use': isGap(i) ? null : 20 * mebibyte } } })),
    );
  // All of them in the second quarter: as zeros they would make the last one look like a rise.
  const { failed, verdicts } = gapsIn((i) => i >= 12 && i < 16);
  t.strictSame(failed, []);
  t.match(
    verdicts.find(({ what }) => what === 'pages in use'),
    { second: 20 * mebibyte, last: 20 * mebibyte },
  );
});

t.test('a series with too few samples fails by its name, and the others are judged', async (t) => {
  const rising = samples(
    (i) => 200 + i,
    () => 30,
  );
  const { verdicts, failed } = judgeAll(
    rising.map((sample, i) => ({ ...sample, kept: { replay: { 'pages in use': i % 3 === 0 ? mebibyte : null } } })),
  );
  t.strictSame(failed, ['actor', 'replay']);
  const faults = verdicts.filter(({ ok }) => !ok);
  t.match(faults, [
    { process: 'actor', what: 'memory of its own', samples: 40, last: Number },
    { process: 'replay', what: 'pages in use', samples: 14, last: null },
  ]);
  t.equal(verdicts.length, 5);
});

t.test("the store's file may grow to half again as much as what it held; what it holds stays level", async (t) => {
  const stored = (inUseMiB: (i: number) => number, fileMiB: (i: number) => number) =>
    samples(
      () => 100,
      () => 30,
    ).map((sample, i) => ({
      ...sample,
      kept: { replay: { 'pages in use': inUseMiB(i) * mebibyte, 'file on disk': fileMiB(i) * mebibyte } },
    }));
  const failures = (...series: Parameters<typeof stored>) => judgeAll(stored(...series)).failed;
  const level = () => 20;
  t.strictSame(
    failures(level, (i) => (i < 30 ? 24 : 30)),
    [],
  );
  t.strictSame(
    failures(level, (i) => (i < 30 ? 24 : 31)),
    ['replay'],
  );
  t.strictSame(
    failures(
      (i) => (i < 30 ? 20 : 22),
      () => 24,
    ),
    ['replay'],
  );
});
