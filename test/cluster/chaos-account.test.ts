/** The account of a chaos run, on made-up journals: each way in which a token can go wrong is seen and named, and none where nothing did. */
import t from 'tap';
import { account } from '../../scripts/chaos/account.mjs';

const place = (index: number, hash: string, tokens = 10) => ({ trajectoryId: 'r-g0-t0', index, hash, tokens });
const tried = (kind: string, index: number, hash: string, attempt = 0) => ({
  ...{ kind, atMs: 0, iteration: index, attempt },
  ...place(index, hash),
});
const store = (...entries: object[]) => ({ pid: 1, name: 'replay', entries });
const actor = (pid: number, ...entries: object[]) => ({ pid, name: 'actor', entries });
const engine = (pid: number, tokens: number) => ({
  pid,
  name: 'engine',
  entries: [{ kind: 'chunk', atMs: 0, tokens }],
});
const held = (...places: (readonly [index: number, hash: string])[]) =>
  new Map(places.map(([index, hash]) => [`r-g0-t0-s${index}`, { hash, tokens: 10 }]));
const way = (index: number, hash: string) => [tried('publishing', index, hash), tried('published', index, hash)];
const taken = (index: number, hash: string) => [tried('committed', index, hash), tried('acknowledged', index, hash)];

t.test('nothing went wrong', async (t) => {
  const journals = [store(...taken(0, 'a'), ...taken(1, 'b')), actor(2, ...way(0, 'a'), ...way(1, 'b')), engine(2, 20)];
  const result = account({ journals, held: held([0, 'a'], [1, 'b']), killedPids: new Set() });
  t.match(result.tokens, { committed: 20, lost: 0, duplicated: 0, unknown: 0 });
  t.match(result, { generated: 20, again: 0, dropped: 0, repeated: 0, inFlight: { kills: 0, tokens: 0 } });
});

t.test('a committed segment that is gone, or another one in its place, is lost', async (t) => {
  const journals = [store(...taken(0, 'a'), ...taken(1, 'b')), actor(2, ...way(0, 'a'), ...way(1, 'b')), engine(2, 20)];
  const result = account({ journals, held: held([0, 'x']), killedPids: new Set() });
  t.match(result.tokens, { committed: 10, lost: 20 });
  t.strictSame(result.places.lost, ['r-g0-t0-s0', 'r-g0-t0-s1']);
});

t.test('what the stream had and nobody answered is lost; what nobody knows to be there is unknown', async (t) => {
  const journals = [actor(2, ...way(0, 'a'), tried('publishing', 1, 'b')), engine(2, 20)];
  const result = account({ journals, held: held(), killedPids: new Set([2]) });
  t.match(result.tokens, { committed: 0, lost: 10, unknown: 10 });
  t.match(result.places, { lost: ['r-g0-t0-s0'], unknown: ['r-g0-t0-s1'] });
});

t.test('a place that is committed twice is doubled', async (t) => {
  const journals = [store(...taken(0, 'a'), tried('committed', 0, 'b', 1)), actor(2, ...way(0, 'a')), engine(2, 10)];
  t.match(account({ journals, held: held([0, 'a']), killedPids: new Set() }).tokens, { duplicated: 10 });
});

t.test(
  'a late try of another content is refused; its tokens, and those in flight in a killed actor, were generated again',
  async (t) => {
    const late = [tried('publishing', 0, 'b', 1), tried('published', 0, 'b', 1)];
    const journals = [
      store(...taken(0, 'a'), tried('acknowledged', 0, 'b', 1)),
      actor(2, ...way(0, 'a')),
      engine(2, 17),
      actor(3, ...late),
      engine(3, 10),
    ];
    const result = account({ journals, held: held([0, 'a']), killedPids: new Set([2]) });
    t.match(result.tokens, { committed: 10, lost: 0, duplicated: 0, unknown: 0 });
    t.match(result, { refused: { segments: 1, tokens: 10 }, again: 17, repeated: 10 });
    t.match(result.inFlight, { kills: 1, tokens: 7, most: 7 });
  },
);
