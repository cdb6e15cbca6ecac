// The visit: what the page view carries, and its way to the edge.

import { firstParty, settings } from './tag.js';
import { emit } from './log.js';
import * as core from './core.js';
import { CLICK, TOLD, cookie, cookies, findDomain, ids, read, renewIds, setCookie, subdomainIndex, uuid, write } from './ids.js';
import { send } from './send.js';
import { LED, refreshLinks } from './links.js';

/** What every visit says of the visitor beside the capture. */
export const visitor = { bot: navigator.webdriver || undefined };

/** The latest visit. */
let current;
/** The place that is recorded. */
let place;
/** The address the page was loaded by: scripts may tidy it up before the first visit. */
export const landing = location.href;
/** Whether a visit was recorded on this page. */
let counted;
let referrer = document.referrer;
/** The `_fbc` made of the click id that Meta's in-app browser told. */
let appFbc;

/** The id of the latest visit. */
export const visitId = () => current && current.eventId;

/**
 * Records a visit, unless this place is already recorded. `replaced`: this is the place recorded, under another
 * address. `href`: the address that counts, where it is no longer the present one.
 */
export async function visit(replaced, href = counted ? location.href : landing) {
  // Scripts that fetch pages by themselves give a link's address to the tab before they find that it leads elsewhere.
  if (LED.exec(location.href)) return;
  const before = place;
  // A fragment makes a place of its own only where it is a route; `#/` is the one that routers write first.
  place = location.pathname + location.search.split(/[?&]/).sort() + (/^#[!/]./.test(location.hash) ? location.hash : '');
  if (replaced || place === before) return;
  flush();
  let all = current ? cookies() : findDomain();
  renewIds(null, all);
  // The edge recorded the load of the page, not what follows on it, nor that of a copy which a service worker or the browser kept.
  const told = !counted && (settings.visit || document.documentElement.dataset.edgewayVisit);
  const captured = told !== read(TOLD) && told;
  if (captured) write(TOLD, captured);
  counted = true;
  const mine = current = {
    eventId: captured || uuid(),
    capturedBy: captured ? 'edge' : undefined,
    href,
    referrer,
    at: Date.now(),
  };
  referrer = href;
  refreshLinks();
  const app = askApp(href, all);
  if (app || !core.capture) {
    await Promise.all([app, core.ready]);
    // Other scripts had their turn.
    all = undefined;
  }
  if (mine === current) dispatch(mine, false, all);
}

/** Forgets the visit, so that a page shown again counts again. */
export function leave() {
  place = current = null;
  referrer = document.referrer;
}

/** Sends a visit that still waits, and an `_fbp` that came. */
export function flush(beacon) {
  if (!current) return;
  dispatch(current, beacon);
  patchFbp(beacon);
}

/** Tells the edge what has become known since the visit was sent. */
export function enrich() {
  if (current && current.sent) sendVisit(current);
}

function dispatch(mine, beacon, all) {
  if (mine.sent) return;
  sendVisit(mine, beacon, all);
  setTimeout(watchFbp, 1000, mine, 2000);
}

function sendVisit(mine, beacon, all = cookies()) {
  const { eventId, capturedBy, href } = mine;
  const fields = carried(mine, all);
  const body = Object.assign({ websiteId: settings.websiteId, eventId, capturedBy, href }, ids, visitor, fields);
  mine.fbp = body.fbp;
  const FBC_LIFE_S = 7776000;
  const CLICK_LIFE_S = 2592000;
  keep('_fbc', body.fbc, FBC_LIFE_S, all);
  if (fields.tgclid) {
    write(CLICK, fields.tgclid);
    keep(CLICK, encodeURIComponent(fields.tgclid), CLICK_LIFE_S, all);
  }
  emit('captured', body);
  mine.sent = send('init', body, beacon).then((answer) => {
    // Most often there is nothing to write down.
    if (mine !== current || !answer || !answer.tempId || answer.tempId + answer.clientSessionId === ids.tempId + ids.clientSessionId) return;
    // What it leaves open is in localStorage or memory by now; cookies would be asked of another process.
    renewIds(answer, '');
    refreshLinks();
  });
}

/** Sets the cookie of a click that is new. On its own origin the edge does. */
function keep(name, value, seconds, all) {
  if (!firstParty && value && value !== cookie(name, all)) setCookie(name, value, seconds);
}

/** What the page view carries, by the core or, where none runs, raw for the edge's own. */
function carried({ href, referrer, at }, all) {
  const known = all + (appFbc ? ';_fbc=' + appFbc : '');
  try {
    return core.capture(href, referrer, known, at, subdomainIndex);
  } catch (missing) {
    // The site's other cookies are none of our business.
    const ours = known.match(/\b(_fb[cp]|_ttp|_scid|_ga|_gcl_aw|_?t[tg]clid)=[^;]*/g) || [];
    return { referrer: referrer || undefined, cookie: ours.join('; ') };
  }
}

/** fbevents.js sets `_fbp` late, if at all. Each look costs the page's thread half a millisecond; leaving takes the last. */
function watchFbp(mine, wait) {
  if (mine === current && !patchFbp() && wait < 5000) setTimeout(watchFbp, wait, mine, wait * 2);
}

function patchFbp(beacon) {
  const mine = current;
  if (!mine.sent || mine.fbp || visitor.consent === 'denied') return true;
  const fbp = cookie('_fbp');
  if (!/^fb\.\d\.\d+\./.test(fbp)) return;
  mine.fbp = fbp;
  const patch = () => send('update-fbp', {
    websiteId: settings.websiteId, tempId: ids.tempId, fbp, eventId: mine.eventId,
  }, beacon);
  if (beacon) patch();
  else mine.sent.then(patch);
  return true;
}

/** Asks Meta's in-app browser, if this is it, for the click id of a visit without one. It may never answer. */
function askApp(href, all) {
  if (appFbc || /fbclid=/i.test(href) || cookie('_fbc', all)) return;
  const app = /Android.*?(FBAV\/|Instagram )(\d+)/.exec(navigator.userAgent);
  const isAndroid = app && app[2] >= (app[1] === 'FBAV/' ? 397 : 264);
  if (!isAndroid && !window.webkit) return;
  return new Promise((go) => {
    const take = (id) => {
      // Not what a script makes of having none, such as 'undefined'.
      if (/^[\w-]{10,}$/.test(id)) {
        appFbc = 'fb.' + subdomainIndex + '.' + Date.now() + '.' + id;
        enrich();
      }
      go();
    };
    const PATIENCE_MS = 400;
    setTimeout(go, PATIENCE_MS);
    try {
      if (isAndroid) {
        const request = new XMLHttpRequest();
        request.open('GET', 'properties://browser/clickID');
        request.onload = () => take(request.responseText);
        request.onerror = go;
        request.send();
      } else window.webkit.messageHandlers.browserProperties.postMessage('clickID').then(take, go);
    } catch (notInApp) { go(); }
  });
}
