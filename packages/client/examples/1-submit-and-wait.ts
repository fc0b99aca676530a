/** Example 1: create a run, submit a batch of problems, wait for the end. Broken off, it goes on when it is run again: run and batch have ids. */
import { connect } from '@segue/client';
import { config, controllerAddress, sums } from './sums.js';

const client = connect(controllerAddress());
try {
  const run = await client.createRun('sums', config);
  if (run.state !== 'finished') {
    const { accepted, repeated } = await client.submitProblems('sums', 'sums-1', sums('exact'));
    console.log(`${accepted} problems are in the run${repeated ? ', as they were before' : ''}`);
    await client.resumeRun('sums');
  }
  const { state, iterations, policyVersion } = await client.waitForRun('sums');
  console.log(`run sums is ${state} after ${iterations} iterations; version ${policyVersion} is active`);
} finally {
  client.close();
}
