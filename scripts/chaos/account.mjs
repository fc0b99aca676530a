/**
 * The account of every token after a chaos run: what the journals say was generated, published and committed, against what the store holds in the end.
 * A token's unique id is its trajectory and its place in it; segments carry the hash of everything up to their end, so equal hashes mean equal tokens.
 * Pure: it is given what was read.
 */

/**
 * @typedef {object} Held what the store holds at one index of a trajectory
 * @property {string} hash of all tokens up to its end
 * @property {number} tokens
 */

/** Name of a place in a trajectory. */
export function placeOf({ trajectoryId, index }) {
  return `${trajectoryId}-s${index}`;
}

/**
 * @param {object} evidence
 * @param {Awaited<ReturnType<import('./journal.mjs').readJournals>>} evidence.journals
 * @param {ReadonlyMap<string, Held>} evidence.held by place: the store at the end
 * @param {ReadonlySet<number>} evidence.killedPids
 */
export function account({ journals, held, killedPids }) {
  const entries = (kind) => journals.flatMap((journal) => journal.entries.filter((entry) => entry.kind === kind));
  const holds = (entry) => held.get(placeOf(entry))?.hash === entry.hash;
  const committed = entries('committed');
  const lost = distinct(committed.filter((entry) => !holds(entry)));
  const twice = repeatedPlaces(committed);

  const acknowledged = new Set(entries('acknowledged').map(messageOf));
  const published = distinct(entries('published').filter((entry) => entry.tokens > 0));
  const arrived = new Set(published.map(messageOf));
  const missing = published.filter((entry) => !holds(entry));
  // The store answered it, and had another one or had closed the iteration; or another one was in its place when it came.
  const refused = missing.filter((entry) => acknowledged.has(messageOf(entry)) || held.has(placeOf(entry)));
  const vanished = missing.filter((entry) => !refused.includes(entry));
  const unanswered = distinct(entries('publishing').filter((entry) => entry.tokens > 0 && !holds(entry)));
  const unknown = unanswered.filter((entry) => !arrived.has(messageOf(entry)) && !acknowledged.has(messageOf(entry)));

  const lives = livesOfActors(journals);
  const killed = lives.filter(({ pid }) => killedPids.has(pid));
  const generated = sum(lives.map((life) => life.generated));
  const inStore = sum([...held.values()].map(({ tokens }) => tokens));
  const unpublished = (life) => life.generated - life.published;
  return {
    tokens: {
      committed: inStore,
      lost: tokensOf([...lost, ...vanished]),
      duplicated: tokensOf(twice),
      unknown: tokensOf(unknown),
    },
    segments: {
      committed: held.size,
      lost: lost.length + vanished.length,
      duplicated: twice.length,
      unknown: unknown.length,
    },
    /** Second tries of a segment, of another content or late: fenced by the store, never in it. */
    refused: { segments: refused.length, tokens: tokensOf(refused) },
    generated,
    /** Tokens generated more often than once: the sum of the three below. */
    again: generated - inStore,
    /** What killed actors had generated and not published. */
    inFlight: summarize(killed.map(unpublished)),
    /** What others had: given up when its iteration closed, or its engine was replaced. */
    dropped: sum(lives.filter(({ pid }) => !killedPids.has(pid)).map(unpublished)),
    /** Published for a place that got another one: its lease had run out while its process was stopped or cut off. */
    repeated: sum(lives.map((life) => life.published)) - inStore,
    places: {
      lost: [...lost, ...vanished].map(placeOf),
      duplicated: twice.map(placeOf),
      unknown: unknown.map(placeOf),
    },
  };
}

/** A message of the stream: one try of one segment by one process. */
function messageOf(entry) {
  return `${placeOf(entry)} ${entry.iteration} ${entry.attempt} ${entry.hash}`;
}

function distinct(entries) {
  return [...new Map(entries.map((entry) => [messageOf(entry), entry])).values()];
}

/** Commits of a place beyond its first. */
function repeatedPlaces(committed) {
  const seen = new Set();
  return committed.filter((entry) => {
    const place = placeOf(entry);
    if (seen.has(place)) return true;
    seen.add(place);
    return false;
  });
}

/** Tokens that each life of an actor generated and published. Its engine's thread keeps a journal of its own under the same process number. */
function livesOfActors(journals) {
  const lives = new Map();
  for (const { name, pid, entries } of journals) {
    if (name !== 'actor' && name !== 'engine') continue;
    const life = lives.get(pid) ?? { pid, generated: 0, published: 0 };
    lives.set(pid, life);
    if (name === 'engine') life.generated += sum(entries.map(({ tokens }) => tokens));
    else life.published += tokensOf(distinct(entries.filter(({ kind }) => kind === 'publishing')));
  }
  return [...lives.values()];
}

function summarize(values) {
  return { kills: values.length, tokens: sum(values), most: Math.max(0, ...values) };
}

function tokensOf(entries) {
  return sum(entries.map(({ tokens }) => tokens));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
