// Sending to the edge. What has not been answered is kept in localStorage and sent again, from this page
// or the next, under the same eventId: the edge counts it once.

import { base } from './tag.js';
import { emit, failed } from './log.js';
import { forgetIds, ids, write } from './ids.js';

const PREFIX = 'edgeway.o.';
const FIRST_DELAY = 2000;

/** What an entry is under way by. */
const FETCH = 1;
const BEACON = 2;

/** What waits for an answer, by its key in localStorage. */
const outbox = {};
let delay = FIRST_DELAY;
let timer;

/** Whether the browser has taken `body` for the route `to`, to be sent whatever becomes of the page. */
export const beacon = (to, body) => navigator.sendBeacon && navigator.sendBeacon(base + to, body);

/** Posts `body` to the route `to`, with cookies: on another host of the site they live longest where the edge sets them. */
export const post = (to, body) => fetch(base + to, { method: 'POST', keepalive: true, body, credentials: 'include' });

/** Sends `body` to the route `to`; settles with the answer, or with nothing once it is put off. */
export function send(to, body, leaving) {
  // The edge takes 16 KB. A blob would tell its size, too, in fifty times the time.
  const MAX_BODY = 16000;
  const excess = () => new TextEncoder().encode(JSON.stringify(body)).length - MAX_BODY;
  const droppable = ['cookie', 'landingPage', 'referrer'];
  let over;
  while ((over = excess()) > 0 && droppable[0]) delete body[droppable.shift()];
  // A parameter cut short would be another one.
  if (over > 0) body.href = body.href.slice(0, -over).replace(/[?&#][^?&#]*$/, '');
  const key = PREFIX + to + body.eventId;
  outbox[key] = { to, body, at: Date.now() };
  write(key, JSON.stringify(outbox[key]));
  return deliver(key, leaving);
}

/** Sends by beacon what is not under way: the page may be gone in a moment. */
export function flushOutbox() {
  for (const key in outbox) if (!outbox[key].under) deliver(key, true);
}

/** Sends again what has not been answered, the oldest first, until one fails. */
export async function sweep() {
  for (const key of waiting()) {
    const entry = outbox[key];
    if (!entry || entry.under === FETCH) continue;
    await deliver(key);
    if (outbox[key]) return;
  }
}

/** Drops what waits. */
export function forgetOutbox() {
  for (const key of waiting()) drop(key);
}

async function deliver(key, leaving) {
  const entry = outbox[key];
  const { to, body } = entry;
  const text = JSON.stringify(body);
  let answer;
  emit('sent', { to, body, via: leaving ? 'beacon' : 'fetch' });
  // A beacon never tells whether it arrived, so its entry stays.
  if (leaving && beacon(to, text)) entry.under = BEACON;
  else {
    entry.under = FETCH;
    try {
      const response = await post(to, text);
      const { status } = response;
      // What has another form is not the edge's own, but, say, a service worker's for want of a network.
      answer = await response.json();
      emit('answered', { to, status, body: answer });
      if (status > 499 || status === 429) throw status;
      // Another body may have taken the place meanwhile.
      if (outbox[key] === entry) drop(key);
      delay = FIRST_DELAY;
    } catch (why) {
      failed(to, why);
    }
    // Consent was withdrawn meanwhile: the answer has set cookies.
    if (!ids.tempId) forgetIds();
    entry.under = 0;
  }
  const MAX_DELAY = 300000;
  clearTimeout(timer);
  timer = setTimeout(sweep, delay);
  delay = Math.min(delay * 2, MAX_DELAY);
  return answer;
}

function drop(key) {
  delete outbox[key];
  write(key);
}

/** The keys of what waits here and in localStorage, the oldest first; drops what is too old or too much. */
function waiting() {
  try {
    for (const key in localStorage) {
      if (key.startsWith(PREFIX) && !outbox[key]) {
        // What is none has no time, which is too old.
        outbox[key] = {};
        try { Object.assign(outbox[key], JSON.parse(localStorage[key])); } catch (broken) { /* dropped below */ }
      }
    }
  } catch (refused) { /* what this page holds remains */ }
  const MAX_AGE_MS = 86400000;
  const MAX_KEPT = 20;
  const MAX_BYTES = 61440;
  let room = MAX_BYTES;
  return Object.keys(outbox).sort((a, b) => outbox[b].at - outbox[a].at).filter((key, newer) => {
    room -= JSON.stringify(outbox[key]).length;
    return (newer < MAX_KEPT && room > 0 && Date.now() - outbox[key].at < MAX_AGE_MS) || drop(key);
  }).reverse();
}
