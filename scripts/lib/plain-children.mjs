/**
 * Preloaded into every test file (.taprc): what a test starts is started as anywhere else. The test runner would have a hook of its own in each process, to know
 * afterwards which files that had loaded; nobody asks, and a service starts at twice the processor time with it.
 */
import processOnSpawn from 'process-on-spawn';

const hook = /"?--import=[^\s"]*@tapjs\/processinfo[^\s"]*"?/g;

// Listeners are called in their order; the runner's own was added when its hook was preloaded, before this.
processOnSpawn.addListener((started) => {
  const { NODE_OPTIONS = '', ...env } = started.env;
  const options = NODE_OPTIONS.replace(hook, '').trim();
  started.env = options === '' ? env : { ...env, NODE_OPTIONS: options };
});
