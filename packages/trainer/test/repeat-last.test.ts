/** The stream that says its last word again while it has no newer one. */
import t from 'tap';
import { repeatLast } from '../dist/repeat-last.js';

t.test('the last value comes again until the next one does', async (t) => {
  let goOn: () => void = () => undefined;
  const waits = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* slow() {
    yield 'a';
    await waits;
    yield 'b';
  }
  const seen: string[] = [];
  for await (const value of repeatLast(slow(), 1)) {
    seen.push(value);
    if (seen.length === 3) goOn();
  }
  t.strictSame([...new Set(seen)], ['a', 'b']);
  t.strictSame(seen.slice(0, 3), ['a', 'a', 'a']);
  t.equal(seen.filter((value) => value === 'b').length, 1);
});

t.test(
  'a listener that leaves during a repetition waits for the work behind, and its failure hurts nobody',
  async (t) => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<void>((_, reject) => {
      fail = reject;
    });
    let ended = false;
    async function* broken() {
      try {
        yield 'a';
        await work;
      } finally {
        ended = true;
      }
    }
    const stream = repeatLast(broken(), 1);
    t.equal((await stream.next()).value, 'a');
    t.equal((await stream.next()).value, 'a');
    const left = stream.return(undefined);
    t.equal(ended, false);
    fail(new Error('broke'));
    await left;
    t.equal(ended, true);
  },
);

t.test('a failure of the stream is passed on', async (t) => {
  async function* broken() {
    yield 'a';
    throw new Error('broke');
  }
  const stream = repeatLast(broken(), 60_000);
  t.equal((await stream.next()).value, 'a');
  await t.rejects(stream.next(), { message: 'broke' });
});
