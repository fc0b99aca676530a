/** Example 2: watch a run, from its first event on. The iterator outlives a restart of the controller and ends when the run comes to rest. */
import { connect } from '@segue/client';
import { controllerAddress } from './sums.js';

const client = connect(controllerAddress());
try {
  for await (const event of client.watchRun('sums', { fromStart: true })) {
    switch (event.kind) {
      case 'warmup':
        console.log(`warm-up step ${event.body.step} of ${event.body.steps}: loss ${event.body.loss.toFixed(2)}`);
        break;
      case 'iteration': {
        const { iteration, generatedTokens, finishedTrajectories, rewardMean } = event.body;
        const reward = rewardMean?.toFixed(2) ?? 'unknown';
        console.log(
          `iteration ${iteration}: ${generatedTokens} tokens, ${finishedTrajectories} responses, reward ${reward}`,
        );
        break;
      }
      case 'state':
        console.log(`the run is ${event.body.state}`);
        break;
      default:
      // Phases, progress, waits; kinds that are newer than this program.
    }
  }
} finally {
  client.close();
}
