/**
 * grpcurl, a client that knows nothing of Segue: what it lists, describes and calls by reflection, and its errors. Where there is no grpcurl (SEGUE_GRPCURL, else PATH) the test says so;
 * what reflection answers is checked everywhere in packages/service/test.
 */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { findProgram } from '../../scripts/lib/find-program.mjs';
import { startUp } from '../support/up.js';

const grpcurl = findProgram('SEGUE_GRPCURL', 'grpcurl');
const skip = grpcurl === null && 'no grpcurl on PATH (set SEGUE_GRPCURL)';

t.test('a cluster tells grpcurl by reflection how it is called', { skip }, async (t) => {
  const { controller } = await startUp(t, '--actors', '0');
  const ask = (options: readonly string[], ...what: readonly string[]) => {
    const { stdout, stderr } = spawnSync(grpcurl!, ['-plaintext', ...options, controller, ...what], {
      encoding: 'utf8',
    });
    return stdout + stderr;
  };
  t.equal(ask([], 'list'), 'segue.v1.Controller\n');
  t.match(ask([], 'describe', 'segue.v1.ClusterStatus'), /map<string, uint64> faults = 8;/);
  t.match(JSON.parse(ask([], 'segue.v1.Controller/GetClusterStatus')), { phase: 'idle' });
  t.match(
    ask(['-d', '{"run_id":"none"}'], 'segue.v1.Controller/GetRun'),
    /Code: NotFound\n.*"none" is not in the store/s,
  );
  const batch = '{"header":{"run_id":"none","batch_id":"b"}} {"problem":{"id":"p","prompt":"1+1=","answer":"2"}}';
  t.match(ask(['-d', batch], 'segue.v1.Controller/SubmitProblems'), /Code: NotFound/, 'a stream of messages');
});
