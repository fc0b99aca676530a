/**
 * A client that uses nothing of Segue but the published contract: gRPC with standard TLS checks (the server's certificate must name the host), a token,
 * and the messages as the protos describe them. Run by the compose test, which reads what it says: one JSON object per line.
 *
 *   node foreign-client.mjs HOST:PORT CREDENTIALS PROTOS < {"runId", "config", "problems"}
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [address = '', folder = '', protos = ''] = process.argv.slice(2);
const read = (name) => readFileSync(join(folder, name));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const definition = loadSync('segue/v1/controller.proto', { includeDirs: [protos], keepCase: true, enums: String });
const { Controller } = loadPackageDefinition(definition).segue.v1;
const client = new Controller(address, credentials.createSsl(read('ca.pem'), read('tls.key'), read('tls.pem')));
const metadata = new Metadata();
metadata.set('authorization', `Bearer ${read('client.token').toString().trim()}`);
const call = (name, request) => promisify(client[name].bind(client))(request, metadata);

const { runId, config, problems } = JSON.parse(await text(process.stdin));

function submit() {
  return new Promise((resolve, reject) => {
    const stream = client.SubmitProblems(metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
    stream.write({ header: { run_id: runId, batch_id: 'foreign' } });
    for (const problem of problems) stream.write({ problem });
    stream.end();
  });
}

/** The stream breaks when the controller goes; the next one goes on behind the last event. */
async function watch() {
  for (let sequence = '0'; ; ) {
    const stream = client.WatchRun({ run_id: runId, from_start: true, after_sequence: sequence }, metadata);
    try {
      for await (const event of stream) {
        sequence = String(event.sequence);
        say({ kind: event.kind, body: JSON.parse(event.body_json) });
      }
      return;
    } catch (error) {
      say({ kind: 'broken', body: { code: error.code, details: error.details } });
    }
  }
}

await call('CreateRun', { run_id: runId, config_json: JSON.stringify(config) });
say({ kind: 'submitted', body: await submit() });
await call('ResumeRun', { run_id: runId });
await watch();
say({ kind: 'run', body: await call('GetRun', { run_id: runId }) });
client.close();
