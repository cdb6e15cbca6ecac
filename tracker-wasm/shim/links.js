// Telegram links lead through the edge, which hands out the invite that belongs to this visit.

import { base, firstParty, origin, settings } from './tag.js';
import { emit } from './log.js';
import { ids, uuid } from './ids.js';
import { flush, visitId } from './visit.js';

const ORIGINAL = 'data-edgeway-href';
const LINKS = 'a[href],area[href]';

/**
 * A channel, a group, a bot or an invite, in small letters: not stickers, proxies, sharing, phone numbers and the like.
 * To disregard the case takes the engine longer than all the rest.
 */
const CHAT = /^(https?:\/\/(t\.me\/|telegram\.(me|dog)\/|(?=\w+\w\.t\.me\/))(?!(add(emoji|list|stickers|style|theme)|auction|auth|bg|boost|call|confirmphone|contact|folder|giftcode|invoice|iv|login|m(sg)?|nft|proxy|setlanguage|share|socks|www|\+?\d+)([./?#]|$))[+%\w]|tg:(\/\/)?(join|privatepost|resolve)\?(?!phone))/;

/** An address of a link that was led through the edge, with its click's id. */
export const LED = /[?&]eventId=([^&]+).*tempId=/;

let observer;
let open;
/** The id of the latest tap's click, wherever that leads. */
let tap;
/** Whether it was on something that is to stay as it is. */
let spared;

const absolute = (url) => new URL(url, document.baseURI).href;
const rewritten = () => document.querySelectorAll('[href][' + ORIGINAL + ']');

/** Starts rewriting: what is there, what comes, what changes, what is about to be followed, what scripts open. */
export function watchLinks() {
  if (!open) {
    open = window.open;
    window.open = openInvite;
    // Not `pointerdown`, for which Chromium has to lay out where fingers may pan.
    for (const type of ['mousedown', 'focusin', 'click', 'auxclick', 'contextmenu']) {
      addEventListener(type, onGesture, true);
    }
  }
  const scan = (root) => root.querySelectorAll(LINKS).forEach((link) => rewrite(link));
  scan(document);
  observer = new MutationObserver((records) => records.forEach(({ type, target, addedNodes }) => {
    if (type === 'attributes') rewrite(target);
    addedNodes.forEach((node) => {
      if (node.querySelectorAll) {
        rewrite(node);
        scan(node);
      }
    });
  }));
  observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['href'] });
}

/** Gives the links their own addresses back. */
export function releaseLinks() {
  if (observer) observer = observer.disconnect();
  rewritten().forEach(release);
}

/** Gives a link its own address back, if it had another. */
function release(link) {
  if (link.hasAttribute(ORIGINAL)) link.setAttribute('href', link.getAttribute(ORIGINAL));
  link.removeAttribute(ORIGINAL);
}

/** Writes the present ids into the links already rewritten. */
export function refreshLinks() {
  if (observer) rewritten().forEach((link) => rewrite(link, true));
}

/** The address of an invite, of the named channel or of the site's own. */
export const inviteLink = (channel, to, eventId) => base + 'invite?' + query({
  websiteId: settings.websiteId, channelId: channel || settings.channel, to, eventId,
});

function query(fields) {
  const all = Object.assign(fields, ids, { visit: visitId() });
  return Object.keys(all).filter((name) => all[name])
    // With their slashes: the page's own scripts and styles know a link by what is in it, as `a[href*="t.me/"]`.
    .map((name) => name + '=' + encodeURIComponent(all[name]).replace(/%2F/g, '/')).join('&');
}

/** Where a link to `href` shall lead instead, if it shall. */
function lead(href, eventId) {
  if (CHAT.test(href.toLowerCase())) return inviteLink('', href, eventId);
  // On the edge's own origin a site may have paths under `/c/`, too; there a link that the edge has written names the page's own.
  if ((href.startsWith(base + 'c/') || (href.startsWith(origin + '/c/') && (!firstParty || href.includes('?to=')))) && !href.includes('eventId=')) {
    return href.split('#')[0] + (href.includes('?') ? '&' : '?') + query({ eventId });
  }
}

/**
 * Leads a link through the edge. `renew`: also one that is ours already, whose address someone else may mind, too; `clickId`: the id of
 * the click that it takes.
 */
function rewrite(link, renew, clickId) {
  if (!link.matches(LINKS) || link.closest('[data-edgeway=off]')) return;
  const resolve = (name) => {
    try { return absolute(link.getAttribute(name)); } catch (malformed) { return ''; }
  };
  const now = resolve('href');
  const ours = link.hasAttribute(ORIGINAL) && LED.exec(now);
  if (ours && !renew) return;
  const from = ours ? resolve(ORIGINAL) : now;
  const to = lead(from, clickId || (ours ? ours[1] : uuid()));
  // The page has given it another use.
  if (!to) link.removeAttribute(ORIGINAL);
  if (!to || to === now) return;
  if (!ours) link.setAttribute(ORIGINAL, link.getAttribute('href'));
  link.setAttribute('href', to);
  // Scripts that fetch a site's own pages (Turbo, htmx, Astro) leave what has a target to the browser; Gatsby's knows `_top`, but not in capitals.
  if (firstParty && !link.target && !document.querySelector('base[target]')) link.target = '_TOP';
  emit('link', { from, to });
}

/** A link about to be followed gets the latest ids; a click gets an id of its own. */
function onGesture(event) {
  // Partytown's path is no list.
  const touched = (selector) => [].find.call(event.composedPath() || 0, (node) => node.matches && node.matches(selector));
  const clicked = /click|menu/.test(event.type);
  // Not by what takes the focus before the page opens something.
  if (clicked) spared = touched('[data-edgeway=off]');
  // The second half of a double click is the same click.
  const clickId = clicked && event.detail < 2 && (tap = uuid());
  const link = touched(LINKS);
  if (!link) return;
  // What the page spares, or shows again after consent was withdrawn, may have the edge's address still.
  if (spared || !observer) return release(link);
  rewrite(link, true, clickId);
  if (!clicked || !link.hasAttribute(ORIGINAL)) return;
  // A menu, and the right button that opens it, only offer the way.
  if (/click/.test(event.type) && event.button < 2) follow(link.getAttribute('href'));
  else flush(true);
}

/** The page leaves, by a script or a form, where there was no link to rewrite. What a form posts, Telegram does not read. */
export function onNavigate(event) {
  const to = observer && !spared && event.cancelable && lead(event.destination.url, tap || uuid());
  if (!to) return;
  event.preventDefault();
  follow(to);
  location[event.navigationType === 'replace' ? 'replace' : 'assign'](to);
}

function openInvite(url, ...rest) {
  const to = observer && !spared && url && lead(absolute(url), tap || uuid());
  if (to) follow(to);
  return open.call(this, to || url, ...rest);
}

/** The visitor goes to the edge, which records the click; the visit must not come after it. */
function follow(href) {
  flush(true);
  emit('sent', { to: 'invite', body: { href }, via: 'link' });
}
