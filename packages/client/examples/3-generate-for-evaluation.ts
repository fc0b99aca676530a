/** Example 3: generate with a version for your own evaluation, and let the cluster evaluate it on the run's held-out problems. Neither disturbs a run that goes on. */
import { connect } from '@segue/client';
import { controllerAddress } from './sums.js';

const client = connect(controllerAddress());
try {
  const prompts = { 'two-and-two': '2+2=', 'nine-and-eight': '9+8=' };
  // Temperature 0 takes the likeliest token; the same ids, seed and version give the same tokens.
  const options = { runId: 'sums', sampling: { temperature: 0 }, maxTokens: 8 };
  for await (const { id, text, policyVersion, endReason } of client.generate(prompts, options)) {
    console.log(`${id}: ${JSON.stringify(text)} by version ${policyVersion}, ended by ${endReason}`);
  }
  const request = { runId: 'sums', policyVersion: null, maxProblems: 25, samples: 2, sampling: null };
  const { accuracy, problems, failed } = await client.evaluate(request);
  console.log(`accuracy ${accuracy?.toFixed(2) ?? 'unknown'} on ${problems} problems, ${failed} samples not judged`);
} finally {
  client.close();
}
