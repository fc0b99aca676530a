/** The process side of a contender: loads once as its parent says, then measures once per message. */

/** @param {(options: object) => Promise<(work: object) => Promise<object>>} load */
export async function serve(load) {
  let measure = null;
  for await (const message of messages()) {
    try {
      if (measure) process.send({ result: await measure(message) });
      else {
        measure = await load(message);
        process.send({ result: null });
      }
    } catch (error) {
      process.send({ error: error instanceof Error ? error.message : String(error) });
    }
  }
  // Native threads may still run: nothing is left to wait for.
  process.exit(0);
}

async function* messages() {
  const waiting = [];
  let wake = () => {};
  process.on('message', (message) => {
    waiting.push(message);
    wake();
  });
  process.on('disconnect', () => {
    waiting.push(null);
    wake();
  });
  for (;;) {
    while (waiting.length === 0) await new Promise((resolve) => (wake = resolve));
    const message = waiting.shift();
    if (message === null) return;
    yield message;
  }
}
