/** What the store tells a picture of a run: a row per trajectory, of all of them or of those that are asked for. How it is drawn is in test/page. */
import t from 'tap';
import { addRun, end, finish, member, open, runId, segment } from './support/fixtures.js';
import { freshStore } from './support/fresh-store.js';

t.test('a timeline has what a picture needs: all, or what is new and what is named', async (t) => {
  const store = freshStore(t);
  await addRun(store);
  await open(store, 0, { groups: [[0, 2]] });
  await finish(store, member(0, 0), 1);
  await store.appendSegment(runId, segment(store, member(0, 1), 'budget'));
  await end(store, 0);
  await open(store, 1, { groups: [[1, 1]], policyVersion: 0 });
  await store.appendSegment(runId, segment(store, member(0, 1), 'stop'));
  const rows = (fromGroup: number, also: readonly string[]) =>
    [...store.timeline(runId, fromGroup, also)].flatMap((message) => message.rows);
  const all = rows(0, []);
  t.match(all, [
    { trajectoryId: member(0, 0), state: 'scored', reward: 1, segments: [{ iteration: 0, endReason: 'stop' }] },
    { trajectoryId: member(0, 1), state: 'finished', reward: null, segments: [{ iteration: 0 }, { iteration: 1 }] },
    { trajectoryId: member(1, 0), state: 'pending', segments: [] },
  ]);
  t.same(
    all.map(({ segments }) => segments.map(({ tokens }) => tokens)),
    all.map(({ trajectoryId }) => store.getTrajectory(trajectoryId).segments.map(({ tokens }) => tokens.length)),
  );
  t.same(rows(1, [member(0, 1), member(9, 9)]), [all[1], all[2]], 'named first; what was never planned is left out');
  t.throws(() => rows(0, ['other-g0-t0']), { code: 'INVALID_INPUT' });
  t.throws(() => [...store.timeline('none', 0, [])], { code: 'NOT_FOUND' });
});
