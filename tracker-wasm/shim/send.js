// Sending to the edge. What has not been answered is kept in localStorage and sent again, from this page
// or the next, under the same eventId: the edge counts it once.

import { base } from './tag.js';
import { emit } from './log.js';
import { uuid, write } from './ids.js';

const PREFIX = 'edgeway.';
const MAX_AGE = 24 * 60 * 60 * 1000;
const MAX_KEPT = 20;
const MAX_BYTES = 60 * 1024;
/** The edge takes 16 KB. */
const MAX_BODY = 16000;
/** Younger ones may still be under way from another tab or from the page before. */
const MIN_AGE = 5000;

/** What waits for an answer, by its key in localStorage. */
const outbox = {};
let delay = 2000;
let timer;
let sweeping;

/** Sends `body` to the route `to`; settles with the answer, or with nothing once it is put off. */
export function send(to, body, beacon) {
  const key = PREFIX + to + '.' + (body.eventId || uuid());
  for (const field of ['cookie', 'landingPage', 'referrer']) {
    if (JSON.stringify(body).length > MAX_BODY) delete body[field];
  }
  const entry = outbox[key] = { to, body, at: Date.now() };
  write(key, JSON.stringify(entry));
  return post(key, beacon);
}

/** Sends by beacon what is not under way: the page may be gone in a moment. */
export function flushOutbox() {
  for (const key in outbox) if (!outbox[key].busy) post(key, true);
}

/** Sends again what has not been answered, the oldest first, until one fails. */
export async function sweep() {
  if (sweeping) return;
  sweeping = true;
  for (const key of waiting()) {
    if (!outbox[key] || outbox[key].busy) continue;
    await post(key);
    if (outbox[key]) break;
  }
  sweeping = false;
}

async function post(key, beacon) {
  const entry = outbox[key];
  const { to, body } = entry;
  const text = JSON.stringify(body);
  emit('sent', { to, body, via: beacon ? 'beacon' : 'fetch' });
  // A beacon never tells whether it arrived, so its entry stays.
  if (beacon && navigator.sendBeacon && navigator.sendBeacon(base + to, text)) return retryLater();
  entry.busy = 1;
  try {
    const response = await fetch(base + to, { method: 'POST', body: text, keepalive: true });
    const { status } = response;
    const answer = await response.json().catch(() => null);
    emit('answered', { to, status, body: answer });
    if (status > 499 || status === 429) throw status;
    // Another body may have taken the place meanwhile.
    if (outbox[key] === entry) {
      delete outbox[key];
      write(key);
    }
    delay = 2000;
    setTimeout(sweep);
    return response.ok && answer;
  } catch (why) {
    emit('failed', { to, why: String(why) });
    retryLater();
  } finally {
    entry.busy = 0;
  }
}

function retryLater() {
  clearTimeout(timer);
  timer = setTimeout(sweep, delay);
  delay = Math.min(delay * 2, 300000);
}

/** The keys of what waits here and in localStorage, the oldest first; drops what is too old or too much. */
function waiting() {
  const now = Date.now();
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(PREFIX) || outbox[key]) continue;
      const entry = JSON.parse(localStorage.getItem(key));
      entry.busy = 0;
      if (now - entry.at > MIN_AGE) outbox[key] = entry;
    }
  } catch (refused) { /* what this page holds remains */ }
  let bytes = 0;
  return Object.keys(outbox).sort((a, b) => outbox[b].at - outbox[a].at).filter((key, newer) => {
    bytes += JSON.stringify(outbox[key]).length;
    const kept = newer < MAX_KEPT && bytes < MAX_BYTES && now - outbox[key].at < MAX_AGE;
    if (!kept) {
      delete outbox[key];
      write(key);
    }
    return kept;
  }).reverse();
}
