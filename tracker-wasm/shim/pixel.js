// Telegram Ads' pixel: the calls of `tgp` as pages have them, on its own wire, by way of the edge.

import { emit, failed } from './log.js';
import { CLICK, read } from './ids.js';
import { beacon, post } from './send.js';
import { visitor } from './visit.js';

/** The route, which goes on to Telegram's `/pxl`: that is a word of filter lists. */
const TO = 'mark';

/** What was called before it may be sent; undefined once it may. */
let held = [];
/** The pixels already told of, each with its page. */
const seen = {};

/** Takes up the calls of `tgp`, those given before the load first. */
export function takeCalls() {
  const tgp = window.tgp = window.tgp || ((...call) => run(...call));
  // Telegram's own script came first, and sends. Where it comes later it finds its place taken, and leaves.
  if (tgp.run) return;
  const early = tgp.queue || [];
  tgp.run = run;
  // A proxy may turn a call into a push.
  tgp.queue = { push: (call) => run(...call) };
  early.forEach((call) => run(...call));
}

/** Sends what was called so far, unless consent is refused, and from now on at once. */
export function releaseCalls() {
  if (visitor.consent !== 'denied') held.forEach(send);
  held = undefined;
}

/** Forgets what was called, and sends nothing from now on. */
export function holdCalls() {
  held = [];
}

function run(command, id, params) {
  const field = { init: 'p', event: 'e' }[command];
  const body = Object.assign({}, params, { [field]: id, t: Date.now(), l: location.href });
  if (!field) failed('tgp', command);
  else if (visitor.consent !== 'denied') (held ? held.push(body) : send(body));
}

function send(body) {
  if (!body.e) {
    // As a page with two snippets says it.
    if (seen[body.p + body.l]) return;
    seen[body.p + body.l] = 1;
  }
  const click = read(CLICK);
  if (click) body.c = click;
  const form = new URLSearchParams(body);
  emit('sent', { to: TO, body, via: 'beacon' });
  if (!beacon(TO, form)) post(TO, form).catch((why) => failed(TO, why));
}
