/**
 * The page to watch, over a real run of a real cluster: what the controller answers over HTTP, and the page itself in a real Chromium. How it looks is for
 * people to judge; see the pictures in docs/page.md.
 */
import { request } from 'node:http';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { findChromium, startChromium } from '../../scripts/lib/chromium.mjs';
import { type ClusterRun, prepareToyRun } from '../support/cluster-run.js';
import { toyConfig } from '../support/toy-task.js';

const browserPath = findChromium();

t.test('a run is watched from its first event to its end', async (t) => {
  const run = await prepareToyRun(t, 'toy-1', {}, { iterations: 3 });
  const origin = `http://${run.cluster.child('controller').address.metricsAddress}`;
  const skip = browserPath === null && 'no Chromium on PATH (set SEGUE_CHROMIUM)';

  await t.test('in a browser', { skip }, async (t) => {
    const browser = await startChromium(browserPath!);
    t.teardown(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1300, height: 1400 } });
    const heard = listen(page);
    await page.goto(origin);
    await shows(page, '#runs option', 'created');
    t.match(await page.textContent('#rollouts'), 'No trajectory has a segment yet');
    await finish(run);
    await watchesToTheEnd(t, page);
    await readsATrajectory(t, page);
    await zooms(t, page);
    await sortsProblems(t, page);
    t.strictSame(heard.errors, [], 'no error in the console');
    t.ok(heard.addresses.length > 5);
    t.strictSame(
      heard.addresses.filter((address) => !address.startsWith(origin)),
      [],
      'nothing is loaded from elsewhere',
    );
    await standsAbsurdAddresses(t, page, origin);
    await keepsWhatIsTyped(t, page);
    await seesANewRun(t, page, run);
  });
  // Without a browser the run has not been begun.
  await finish(run);
  await t.test('over HTTP', (t) => answers(t, origin));
});

async function finish({ client, runId }: ClusterRun): Promise<void> {
  await client.resumeRun(runId);
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind === 'state' && event.body.state === 'finished') return;
  }
}

/** Waits until an element holds a text; an option of a closed list is never visible. */
async function shows(page: Page, selector: string, text: string): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: 'attached' });
}

function listen(page: Page): { readonly errors: string[]; readonly addresses: string[] } {
  const heard = { errors: [] as string[], addresses: [] as string[] };
  page.on('console', (message) => message.type() === 'error' && heard.errors.push(message.text()));
  page.on('pageerror', (error) => heard.errors.push(error.message));
  page.on('request', (made) => heard.addresses.push(made.url()));
  return heard;
}

async function watchesToTheEnd(t: Test, page: Page): Promise<void> {
  await shows(page, '#now', 'finished');
  await shows(page, '#runs option', 'finished');
  await page.waitForSelector('#rollouts canvas');
  t.equal(await page.locator('#learning svg').count(), 2, 'accuracy and lengths');
  t.match(await page.textContent('#learning'), 'held-out accuracy');
  t.match(await page.textContent('#rollouts .legend'), 'budget: saved, goes on');
  t.match(await page.textContent('#now'), /actor-0.*32/s);
}

async function readsATrajectory(t: Test, page: Page): Promise<void> {
  await page.locator('#rollouts canvas').click({ position: { x: 4, y: 19 } });
  await page.waitForSelector('#trajectory[open]');
  const text = (await page.textContent('#trajectory')) ?? '';
  t.match(text, /toy-1-g0-t0/);
  t.match(text, /segment 0.*iteration 0 · version 0 · actor-\d · \d+ tokens/s);
  t.match(text, /exact: (ok|wrong), reward/);
  const tokens = page.locator('#trajectory .text span');
  t.match(await tokens.first().getAttribute('title'), /^log-prob -?\d/);
  await page.locator('#trajectory .close').click();
  await page.waitForSelector('#trajectory:not([open])', { state: 'attached' });
}

async function zooms(t: Test, page: Page): Promise<void> {
  const count = async () => Number.parseInt((await page.textContent('#rollouts .controls span')) ?? '', 10);
  const all = await count();
  await page.fill('#span-to', '0');
  await page.press('#span-to', 'Enter');
  await page.waitForURL(/from=0&to=0/);
  await page.reload();
  await page.waitForSelector('#rollouts canvas');
  t.equal(await page.inputValue('#span-to'), '0', 'the view stands in the address and comes back with it');
  const zoomed = await count();
  t.ok(zoomed > 0 && zoomed < all, `${zoomed} of ${all}`);
}

/** Looks until it holds, half a minute at most: the page's policy lets no expression of a test wait inside it. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never seen: ${what}`);
}

/** Waits until the field of the span holds a value. */
function spanIs(page: Page, name: 'from' | 'to', value: string): Promise<void> {
  return until(`${name} ${value}`, async () => (await page.inputValue(`#span-${name}`)) === value);
}

async function standsAbsurdAddresses(t: Test, page: Page, origin: string): Promise<void> {
  const open = async (hash: string) => {
    await page.goto('about:blank');
    await page.goto(`${origin}/#${hash}`);
    await page.waitForSelector('#rollouts canvas');
  };
  await open('run=toy-1&from=1&to=900000000');
  // The events tell how many iterations there are; the last of them is the end.
  await spanIs(page, 'to', '2');
  t.equal(await page.inputValue('#span-from'), '1');
  await open('run=toy-1&from=-3&to=x');
  await spanIs(page, 'to', '2');
  t.equal(await page.inputValue('#span-from'), '0', 'what makes no sense is all');
  await open('run=none');
  await shows(page, '#runs option', 'toy-1');
  await page.waitForURL(/run=toy-1/);
  await page.goto(`${origin}/#run=toy-1&from=1&to=1`);
  await spanIs(page, 'from', '1');
  t.pass('a view that was sent opens in the page that stands already');
}

/** What is typed outlives the redrawing that every iteration brings. */
async function keepsWhatIsTyped(t: Test, page: Page): Promise<void> {
  const canvas = await page.$('#rollouts canvas');
  await page.locator('#span-to').focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('2');
  await page.setViewportSize({ width: 1200, height: 1400 });
  await until('a narrower canvas', async () => Number(await canvas?.getAttribute('width')) < 1200);
  t.equal(await page.inputValue('#span-to'), '2', 'not yet taken, and not lost');
  t.equal(await page.inputValue('#span-from'), '1');
  t.ok(await canvas?.evaluate((element) => element.isConnected), 'drawn where it stood');
  await page.keyboard.press('Enter');
  await page.waitForURL(/from=1&to=2/);
}

async function seesANewRun(t: Test, page: Page, { client }: ClusterRun): Promise<void> {
  await client.createRun('toy-2', toyConfig);
  await shows(page, '#runs option', 'toy-2 (created)');
  await page.route('**/api/status', (route) => route.fulfill({ status: 503, body: '{"message":"not now"}' }));
  await shows(page, '#connection', 'not now');
  await page.unroute('**/api/status');
  await until('no trouble', async () => (await page.textContent('#connection')) === '');
  t.equal(await page.textContent('.note'), 'read-only', 'and what is over is not said any more');
}

async function sortsProblems(t: Test, page: Page): Promise<void> {
  await page.waitForSelector('#problems td');
  await page.getByRole('button', { name: 'solved' }).click();
  const shares = await page.locator('#problems tbody tr td:nth-child(7)').allTextContents();
  const known = shares.filter((share) => share !== '-').map(Number.parseFloat);
  t.ok(known.length > 10);
  t.strictSame(
    known,
    known.toSorted((a, b) => b - a),
    'highest first',
  );
}

async function answers(t: Test, origin: string): Promise<void> {
  const get = async (path: string, method = 'GET') => {
    const { status, headers, body } = await ask(origin, path, method);
    return { status, headers, body };
  };
  const trajectories = JSON.parse((await get('/api/runs/toy-1/trajectories?from=1&to=1')).body);
  t.ok(trajectories.length > 0);
  for (const { id, segments } of trajectories) {
    if (!segments.some(([iteration]: number[]) => iteration === 1)) t.fail(`${id} has nothing in iteration 1`);
  }
  const { segments } = JSON.parse((await get(`/api/trajectories/${trajectories[0].id}`)).body);
  t.equal(segments[0].tokens.length, segments[0].logProbs.length, 'a piece of text and a log-prob per token');

  t.match(await get('/api/runs/none/problems'), { status: 404 });
  t.match(await get('/api/runs/toy-1/trajectories?from=-1'), { status: 400, body: /from must be an iteration/ });
  t.match(await get('/api/trajectories/..%2f..%2fetc'), { status: 400 });
  t.match(await get('/../../package.json'), { status: 404 });
  for (const path of ['//', '//[', '/%']) t.match(await get(path), { status: 404 }, `${path} ends nobody`);
  t.match(await ask(origin, '/api/runs', 'GET', { host: 'rebound.example' }), { status: 409 }, 'a foreign name');
  t.match(await get('/data.js'), { status: 404 }, 'what runs in the controller is not served');
  t.match(await get('/api/runs', 'POST'), { status: 405, headers: { allow: 'GET, HEAD' } });
  const page = await get('/');
  t.match(page.headers['content-security-policy'], /default-src 'none'/);
  t.notMatch(page.body, /https?:\/\//, 'the page names no other place');
}

/** As it stands: a fetch would tidy the path up before it is sent. */
function ask(
  origin: string,
  path: string,
  method: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}
