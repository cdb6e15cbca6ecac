// The visitor's ids: in cookies, with localStorage as second home and memory where both are refused.

import { firstParty } from './tag.js';

/** A random UUID; `crypto.randomUUID` is missing on plain http and in older browsers, where a blob's address ends with one. */
export function uuid() {
  return crypto.randomUUID ? crypto.randomUUID() : URL.createObjectURL(new Blob()).slice(-36);
}

/** `document.cookie`, which a sandboxed frame is refused. */
export function cookies() {
  try { return document.cookie; } catch (refused) { return ''; }
}

/** The value of one cookie; each look at `document.cookie` may wait for another process. */
export function cookie(name, all = cookies()) {
  const found = ('; ' + all).split('; ' + name + '=')[1];
  return found && found.split(';')[0];
}

let domain = '';
/** Meta's subdomain index: the labels of the registrable domain less one. */
export let subdomainIndex = 0;

/** Sets a cookie on the registrable domain. */
export function setCookie(name, value, seconds, scope = domain) {
  try {
    document.cookie = name + '=' + value + ';path=/;max-age=' + seconds + ';samesite=lax' + scope
      + (location.protocol === 'https:' ? ';secure' : '');
  } catch (refused) { /* localStorage and memory remain */ }
}

/**
 * Finds the registrable domain: the shortest tail of the host on which the browser keeps a cookie. Answers all cookies,
 * as it had to look at them.
 */
export function findDomain() {
  const { hostname } = location;
  const labels = hostname.split('.');
  subdomainIndex = 0;
  // A name of one label and an IP address have none.
  if (!labels[1] || /\.\d+$/.test(hostname)) return cookies();
  while (++subdomainIndex < labels.length) {
    domain = ';domain=' + labels.slice(-subdomainIndex - 1).join('.');
    // A name of two labels leaves no choice.
    if (!labels[2]) return cookies();
    setCookie('edgeway_domain', 1, 9);
    const all = cookies();
    if (cookie('edgeway_domain', all)) {
      setCookie('edgeway_domain', '', 0);
      return all;
    }
  }
  domain = '';
  subdomainIndex = 1;
  return cookies();
}

const memory = {};

/** Reads from localStorage, or from memory where it is refused. */
export function read(key) {
  try { return localStorage[key] || memory[key]; } catch (refused) { return memory[key]; }
}

/** Writes to localStorage and memory; no value deletes. */
export function write(key, value) {
  memory[key] = value;
  try {
    if (value) localStorage[key] = value;
    else delete localStorage[key];
  } catch (refused) { /* memory remains */ }
}

/** Telegram Ads' click id, under the name that its own script gives cookie and key of localStorage. */
export const CLICK = '_tgclid';

/** The key of the latest visit that a page came with. */
export const TOLD = 'edgeway_visit';

const HOMES = [['tempId', 'adtarget_temp_id', 31536000], ['clientSessionId', 'adtarget_session_id', 1800]];
const UUID = /^[\da-f-]{36}$/i;

/** The ids in use. */
export const ids = {};

/** Takes up the ids that `given` names, else those remembered, else new ones, and prolongs their life. */
export function renewIds(given, all = cookies()) {
  for (const [id, name, seconds] of HOMES) {
    const [expiry, kept] = (read(name) || '').split('.');
    const remembered = [given && given[id], cookie(name, all), expiry > Date.now() && kept];
    ids[id] = remembered.find((value) => UUID.test(value)) || uuid();
    write(name, Date.now() + seconds * 1000 + '.' + ids[id]);
    // On its own origin the edge sets the cookies: those live longer than a script's.
    if (!firstParty) setCookie(name, ids[id], seconds);
  }
}

/** Forgets the visitor. */
export function forgetIds() {
  findDomain();
  // The pixels' cookies are ours where they have not come first.
  for (const [id, name = id] of [...HOMES, ['_fbp'], ['_fbc'], ['edgeway_touch'], [CLICK], [TOLD]]) {
    delete ids[id];
    write(name);
    setCookie(name, '', 0);
    // The edge may have set it for this host alone.
    setCookie(name, '', 0, '');
  }
}
