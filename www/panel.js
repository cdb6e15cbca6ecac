// Edgeway's debugger: shows, in the words of someone who buys ads, what the tracker on this page captured,
// sent and got back. It reads `edgeway.log`, listens to the `edgeway` event, and touches nothing else.
//
// It runs on other people's pages. So: a shadow root (their CSS stays out), a constructed style sheet (no inline
// style for a strict CSP to refuse), and elements made one by one (no markup for Trusted Types to refuse).

const CLICK_IDS = {
  fbc: ['Facebook click id', 'fbc'],
  fbclid: ['Facebook click id, as it came', 'fbclid'],
  gclid: ['Google click id', 'gclid'],
  gbraid: ['Google click id, app', 'gbraid'],
  wbraid: ['Google click id, web to app', 'wbraid'],
  ttclid: ['TikTok click id', 'ttclid'],
  sccid: ['Snapchat click id', 'ScCid'],
  tgclid: ['Telegram Ads click id', 'tgclid'],
};
const SECTIONS = [
  ['What the visit carries', {
    ...CLICK_IDS,
    utmSource: ['Ad source', 'utm_source'],
    utmMedium: ['Ad medium', 'utm_medium'],
    utmCampaign: ['Campaign', 'utm_campaign'],
    utmContent: ['Ad', 'utm_content'],
    utmTerm: ['Audience or keyword', 'utm_term'],
    referrer: ['Came from', 'referrer'],
    landingPage: ['Landed on', 'landing page'],
  }],
  ['Who it belongs to', {
    fbp: ['Facebook browser id', 'fbp'],
    ttp: ['TikTok browser id', '_ttp'],
    scid: ['Snapchat browser id', '_scid'],
    ga: ['Google Analytics browser id', '_ga'],
    tempId: ['Visitor', 'tempId'],
    clientSessionId: ['Session', 'clientSessionId'],
    eventId: ['This visit, counted once', 'eventId'],
    externalUserId: ['Your own user id', 'externalUserId'],
    consent: ['Consent', 'consent'],
    bot: ['Automated browser', 'webdriver'],
  }],
];
// Named when absent, so that a buyer sees what an ad could have brought.
const EXPECTED = ['fbc', 'gclid', 'ttclid', 'sccid', 'tgclid'];

const PLATFORMS = {
  fbc: 'Facebook', fbclid: 'Facebook', gclid: 'Google', gbraid: 'Google', wbraid: 'Google',
  ttclid: 'TikTok', sccid: 'Snapchat', tgclid: 'Telegram Ads',
};
const CORES = {
  wasm: 'WebAssembly in the page',
  'wasm-async': 'WebAssembly in the page, compiled in the background',
  wasm2js: 'JavaScript in the page, which allows no WebAssembly',
  edge: 'the edge, as the page allows neither WebAssembly nor its replacement',
};
const CALLS = { init: 'Visit', 'update-fbp': 'Facebook browser id', invite: 'Tap on the Telegram link', mark: 'Telegram Ads pixel' };
const REFUSALS = {
  FORBIDDEN_DOMAIN: 'This page’s domain is not among the site’s domains',
  WEBSITE_NOT_FOUND: 'The tag’s data-website-id is not known',
  CHANNEL_NOT_FOUND: 'No Telegram channel is set up for this site',
  RATE_LIMITED: 'Too many visits from this address; it is tried again later',
  INVALID_PAYLOAD: 'The visit was incomplete',
  PAYLOAD_TOO_LARGE: 'The visit was too large',
};
const MARKS = { wait: '', busy: '…', good: '✓', warn: '!', bad: '×' };
const PATIENCE_MS = 4000;
const MOST_ROWS = 200;

const folder = folderOf(import.meta.url);
/** Others' tags bear the same attribute. */
const tag = [...document.querySelectorAll('script[data-website-id]')].find(({ src }) => !src || folderOf(src).href === folder.href);
/** What the tag's settings say where they say something; anything else is as if they were not there. */
const WORDS = { consent: 'required', gpc: 'respect', dnt: 'respect', auto: 'off' };

/** What is known of the current visit, built from the tracker's events alone. */
let visit = {};
let core;
let overdue = false;
/** The visit sent last; refusals and failures do not say whose they are. */
let sentLast;
const log = [];
const taps = [];
/** Where each Telegram link leads now, by where it led before. */
const links = new Map();
/** Every address that a link was given: each tap gets one of its own. */
const given = new Set();
const seen = new WeakSet();

function take(detail) {
  if (!detail || seen.has(detail)) return;
  seen.add(detail);
  log.push(detail);
  const { type, data } = detail;
  const body = readable(data?.body);

  const fresh = type === 'link' && !links.has(data.from);

  if (type === 'core') core = data;
  if (type === 'link') {
    links.set(data.from, data.to);
    given.add(data.to);
  }
  if (type === 'captured') {
    if (data.eventId !== visit.fields?.eventId) visit = {};
    learn(data);
  }
  if (type === 'sent' && data.to === 'init') {
    sentLast = body?.eventId;
    if (isCurrent(sentLast)) {
      learn(body);
      Object.assign(visit, { sent: data, reply: undefined, failure: undefined });
    }
  }
  if (type === 'sent' && data.to === 'update-fbp' && isCurrent(body?.eventId)) learn({ fbp: body?.fbp });
  if (type === 'answered' && data.to === 'init' && isCurrent(body?.eventId ?? sentLast)) {
    const { tempId, clientSessionId } = body ?? {};
    learn({ tempId, clientSessionId });
    Object.assign(visit, { reply: { status: data.status, body }, failure: undefined });
  }
  if (type === 'failed' && data.to === 'init' && isCurrent(sentLast)) visit.failure = data;

  if (type !== 'link' || fresh) activity(detail, body);
  refresh();
}

/** The tracker also sends again what earlier pages could not. */
function isCurrent(eventId) {
  return !eventId || !visit.fields?.eventId || eventId === visit.fields.eventId;
}

function learn(fields) {
  const known = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  visit.fields = { ...visit.fields, ...Object.fromEntries(known) };
}

/** The folder of the edge's routes, for a file of the edge. */
function folderOf(file) {
  const folder = new URL('.', file);
  if (folder.pathname === '/') folder.pathname = '/e/';
  return folder;
}

function readable(body) {
  if (typeof body !== 'string') return body;
  try { return JSON.parse(body); } catch { return body; }
}

// ── What it means ──

function capturedStep() {
  const { fields } = visit;
  if (!fields) {
    if (isMissing()) return ['bad', 'The tracker is missing or blocked'];
    return log.length ? ['warn', heldBack() ?? 'Nothing yet'] : ['wait', 'Waiting for the tracker'];
  }
  const from = platforms();
  if (from) return ['good', `${from} click${Object.keys(CLICK_IDS).some(isFresh) ? '' : ', from an earlier visit'}`];
  if (core === 'edge') return ['good', 'The edge reads it'];
  return ['warn', fields.utmSource ? 'Campaign tags, but no click id' : 'No ad click in this address'];
}

function sentStep() {
  const { fields, sent, reply, failure } = visit;
  if (failure && !reply) return ['bad', `Did not get through: ${failure.why}`];
  if (sent) return ['good', `To ${folder.host}`];
  if (!fields) return ['wait', ''];
  return overdue ? ['warn', 'Not sent yet'] : ['busy', 'On its way'];
}

function recordedStep() {
  const { sent, reply, failure, fields = {} } = visit;
  if (failure && !reply) return ['bad', 'Not yet; it is tried again'];
  if (reply?.status < 300) {
    const id = reply.body?.visitId;
    if (fields.capturedBy === 'edge') return ['good', 'Already with the page request'];
    return ['good', id === undefined || id === null ? 'By the edge' : `As visit ${short(id)}`];
  }
  if (reply) return ['bad', REFUSALS[reply.body?.error?.code] ?? `Refused with status ${reply.status}${failure ? '; it is tried again' : ''}`];
  if (!sent) return ['wait', ''];
  return sent.via === 'beacon' ? ['warn', 'Unknown: a beacon gets no answer'] : ['busy', 'Waiting for the answer'];
}

/** One state and one short sentence for the closed panel and for screen readers. */
function summary([captured, sent, recorded]) {
  const what = platforms() ? `${platforms()} click` : 'Visit';
  if (captured[0] === 'bad') return ['bad', 'No tracker on this page'];
  if (sent[0] === 'bad') return ['bad', `${what} not delivered`];
  if (recorded[0] === 'bad') return ['bad', `${what} refused`];
  if (recorded[0] === 'good') return captured[0] === 'warn' ? ['warn', 'Visit recorded, no click id'] : ['good', `${what} recorded`];
  if (sent[0] === 'good') return [recorded[0], `${what} sent`];
  if (visit.fields) return [sent[0], `${what} captured`];
  if (captured[0] === 'warn') return captured;
  return ['wait', 'Waiting for the tracker'];
}

function isMissing() {
  return overdue && !visit.fields && !log.length && !window.edgeway?.log;
}

/** Why the tag itself keeps the tracker still, if it does. */
function heldBack() {
  const { consent, gpc, dnt, auto } = tag?.dataset ?? {};
  if (gpc === 'respect' && navigator.globalPrivacyControl || dnt === 'respect' && navigator.doNotTrack === '1') return 'This visitor asked not to be tracked';
  if (consent === 'required') return 'Waiting for the visitor’s consent';
  if (auto === 'off') return 'Waiting for the page to call edgeway(\'visit\')';
}

/** The tag's settings that do nothing, as nobody knows what they say. */
function misspelt() {
  return Object.entries(WORDS).filter(([name, word]) => (tag?.dataset[name] ?? word) !== word)
    .map(([name, word]) => `The tag’s data-${name}="${tag.dataset[name]}" does nothing: it knows one word, "${word}".`);
}

/** Whose click it is: of the ids that came with this visit or, with none, of those kept from earlier ones. */
function platforms() {
  const ids = Object.keys(CLICK_IDS).filter((name) => visit.fields?.[name] || core === 'edge' && visit.fields && isFresh(name));
  const fresh = ids.filter(isFresh);
  return [...new Set((fresh.length ? fresh : ids).map((name) => PLATFORMS[name]))].join(' and ');
}

function isFresh(name) {
  const { landingPage, href, referrer = '' } = visit.fields;
  const outside = referrer.startsWith(location.origin) ? '' : referrer;
  return [landingPage, href, outside].join(' ').toLowerCase().includes(`${name === 'fbc' ? 'fbclid' : name}=`);
}

function short(id) {
  const text = String(id);
  return text.length > 12 ? `${text.slice(0, 8)}…` : text;
}

/** Seconds on this page; `at` may count from 1970 or from the page's start. What came before has a time of day. */
function clock(at) {
  const ms = at > 1e12 ? at - performance.timeOrigin : at;
  return ms < 0 ? new Date(at).toLocaleTimeString() : `${(ms / 1000).toFixed(2)} s`;
}

function story({ type, data = {} }, body) {
  const what = CALLS[data?.to] ?? data?.to;
  switch (type) {
    case 'core': return ['good', `Clicks are read by ${CORES[data] ?? data}`];
    case 'captured': return ['good', 'Visit captured'];
    case 'sent': return ['good', `${what} sent${data.via ? ` by ${data.via}` : ''}`];
    case 'answered': return data.status < 300
      ? ['good', `${what} recorded (${data.status})`]
      : ['bad', `${what} refused (${data.status}${body?.error?.code ? ` ${body.error.code}` : ''})`];
    case 'link': return ['good', 'Telegram link now goes through the edge'];
    case 'tap': return ['good', `Telegram link tapped${data.earlier ? ' before this page' : ''}`];
    case 'failed':
      if (data.to === 'tgp') return ['bad', `tgp('${data.why}') is no call of the pixel`];
      if (data.to === 'mark') return ['bad', `${what} did not get through: ${data.why}`];
      if (!CALLS[data.to]) return ['bad', `edgeway('${data.to}') failed: ${data.why}`];
      return /^\d+$/.test(data.why) ? ['warn', `${what} kept, to be sent again`] : ['bad', `${what} did not get through, kept to be sent again: ${data.why}`];
    default: return ['wait', type];
  }
}

// ── What is seen ──

/** Makes an element: `make('p', { class: 'x', onclick }, 'text', child)`. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== ''));
  return element;
}

const host = make('edgeway-panel');
const root = host.attachShadow({ mode: 'open' });
const title = make('span', { class: 'title' });
const dot = make('span', { class: 'mark', 'aria-hidden': 'true' });
const toggle = make('button', { class: 'toggle', type: 'button', 'aria-controls': 'body', onclick: () => setOpen(!isOpen()) },
  dot, make('span', { class: 'brand' }, 'Edgeway'), title, make('span', { class: 'chevron', 'aria-hidden': 'true' }));
const steps = make('ol', { class: 'steps' });
const advice = make('p', { class: 'advice', hidden: true }, 'Nothing came from the tracker. Its tag may be missing here, an ad blocker may stop it, or the page’s content security policy may refuse it.');
const carried = make('div');
const linkList = make('div');
const activityList = make('ol', { class: 'activity' });
const copyButton = make('button', { type: 'button', onclick: copy }, 'Copy as JSON');
const moveButton = make('button', { type: 'button', onclick: () => { host.toggleAttribute('data-away'); } }, 'Move aside');
const live = make('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
const body = make('div', { id: 'body' },
  make('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Details of this visit' },
    steps, advice, ...misspelt().map((text) => make('p', { class: 'advice' }, text)), samples(), carried, linkList,
    make('section', {}, make('h2', {}, 'What happened, in order'), activityList)),
  make('div', { class: 'tools' }, copyButton, moveButton));

function refresh() {
  refresh.timer ??= setTimeout(() => {
    refresh.timer = undefined;
    draw();
  }, 30);
}

function draw() {
  const all = [capturedStep(), sentStep(), recordedStep()];
  const [state, text] = summary(all);
  mark(dot, state);
  title.textContent = text;
  if (live.textContent !== text) live.textContent = text;

  steps.replaceChildren(...['Captured', 'Sent', 'Recorded'].map((name, index) => {
    const [state, note] = all[index];
    return make('li', { class: state }, mark(make('span', { class: 'mark', role: 'img', 'aria-label': { wait: 'not yet', busy: 'under way', good: 'done', warn: 'look here', bad: 'failed' }[state] }), state),
      make('b', {}, name), make('span', { class: 'note' }, note));
  }));

  const fields = { landingPage: visit.fields?.href, ...visit.fields };
  const sections = visit.fields ? SECTIONS.map(([heading, labels], index) => {
    const rows = Object.keys(labels).filter((name) => name in fields).map((name) => row(labels[name], fields[name], name));
    if (index === 1 && core) rows.push(row(['Clicks are read by'], CORES[core] ?? core));
    const missing = index === 0 && core !== 'edge' ? EXPECTED.filter((name) => !(name in fields)).map((name) => PLATFORMS[name]) : [];
    return make('section', {}, make('h2', {}, heading), make('dl', {}, ...rows),
      missing.length ? make('p', { class: 'muted' }, `No click id from ${missing.join(', ')}.`) : '');
  }) : [];
  carried.replaceChildren(...sections);
  advice.hidden = !isMissing();

  const shown = [...links].slice(0, 8);
  const tap = taps.at(-1);
  linkList.replaceChildren(make('section', {}, make('h2', {}, 'Telegram links'),
    shown.length
      ? make('ul', { class: 'links' }, ...shown.map(([from, to]) => make('li', {}, make('span', { class: 'from' }, from),
        make('span', { class: 'to' }, make('span', { class: 'unseen' }, 'now goes to '), local(to)))))
      : make('p', { class: 'muted' }, 'None rewritten on this page so far.'),
    links.size > shown.length ? make('p', { class: 'muted' }, `And ${links.size - shown.length} more.`) : '',
    tap ? make('p', { class: 'tap' }, `Last tapped at ${new Date(tap.at).toLocaleTimeString()}`) : ''));
  dodge();
}

function mark(element, state) {
  element.className = `mark ${state}`;
  element.textContent = MARKS[state];
  return element;
}

function row([label, code], value, name) {
  const clicked = name === 'fbc' && Number(String(value).split('.')[2]);
  return make('div', { class: String(value).length < 21 ? 'brief' : undefined },
    make('dt', {}, label, code ? make('span', { class: 'code' }, ` (${code})`) : ''),
    make('dd', {}, String(value), clicked ? make('span', { class: 'code' }, `clicked ${new Date(clicked).toLocaleString()}`) : ''));
}

/** An address on this page's own site without its origin: the part that tells. */
function local(address) {
  return address.startsWith(`${location.origin}/`) ? address.slice(location.origin.length) : address;
}

function activity(detail, body) {
  const [state, text] = story(detail, body);
  const where = detail.type === 'sent' && CALLS[detail.data.to] ? `${new URL(detail.data.to, folder).href}\n` : '';
  const data = typeof detail.data === 'object' && 'body' in detail.data ? { ...detail.data, body } : detail.data;
  activityList.append(make('li', { class: state }, make('details', {},
    make('summary', {}, mark(make('span', { 'aria-hidden': 'true' }), state), make('span', {}, text), make('time', {}, clock(detail.at))),
    make('pre', { tabindex: '0' }, where + (typeof data === 'string' ? data : JSON.stringify(data, null, 2))))));
  if (activityList.children.length > MOST_ROWS) activityList.firstElementChild.remove();
}

// ── What can be done ──

function isOpen() {
  return host.hasAttribute('data-open');
}

function setOpen(open) {
  host.toggleAttribute('data-open', open);
  toggle.setAttribute('aria-expanded', open);
  body.hidden = !open;
  keep('edgeway_panel', open ? 'open' : 'closed');
  dodge();
}

/** Where nobody asked for it, the page's own offer comes first. */
function startsOpen() {
  return location.href.includes('edgeway_debug=1') || recall('edgeway_panel') === 'open';
}

// Storage may be refused: then every page is as on a first visit.
function keep(name, value) {
  try { sessionStorage.setItem(name, value); } catch { /* nothing is lost */ }
}

function recall(name) {
  try { return sessionStorage.getItem(name); } catch { return null; }
}

/** The panel must not hide what it observes: it changes sides when it covers much of a Telegram link, or closed, any of it. */
function dodge() {
  if (!hidesLink()) return;
  host.toggleAttribute('data-away');
  if (hidesLink()) host.toggleAttribute('data-away');
}

function hidesLink() {
  const panel = host.getBoundingClientRect();
  return [...document.links].some((link) => {
    if (!given.has(link.href) && !/^(https?:\/\/(t|telegram)\.(me|dog)\/|tg:)/i.test(link.href)) return false;
    const box = link.getBoundingClientRect();
    const across = Math.min(box.right, panel.right) - Math.max(box.left, panel.left);
    const down = Math.min(box.bottom, panel.bottom) - Math.max(box.top, panel.top);
    return across > 0 && down > 0 && across * down > (isOpen() ? box.width * box.height * 0.4 : 0);
  });
}

/** The tracker tells of links, not of taps; the page may be gone a moment later, so the next one tells too. */
function watchTaps(event) {
  const link = event.composedPath().find((node) => given.has(node.href));
  // The right button only opens a menu.
  if (!link || event.button > 1) return;
  const tap = { at: Date.now(), to: link.href };
  keep('edgeway_tap', JSON.stringify(tap));
  tapped(tap);
}

function tapped(data) {
  taps.push(data);
  activity({ at: data.at, type: 'tap', data });
  refresh();
}

async function copy() {
  const [captured, sent, recorded] = [capturedStep(), sentStep(), recordedStep()].map((step) => step.join(': '));
  const text = JSON.stringify({
    page: location.href, at: new Date().toISOString(), browser: navigator.userAgent, core, endpoints: folder.href,
    steps: { captured, sent, recorded }, visit: visit.fields, links: Object.fromEntries(links), taps, log,
  }, null, 2);
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false) || copyBySelection(text);
  copyButton.textContent = live.textContent = done ? 'Copied' : 'The browser refused to copy';
  setTimeout(() => { copyButton.textContent = 'Copy as JSON'; }, 1600);
}

/** The clipboard API is absent on plain http. */
function copyBySelection(text) {
  const area = make('textarea', { class: 'unseen', 'aria-label': 'JSON' });
  area.value = text;
  root.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  copyButton.focus();
  return done;
}

/** On the demo page only: the same page again, as if an ad had been tapped just now. */
function samples() {
  if (tag?.dataset.websiteId !== 'atid_demo') return '';
  const utm = (source, medium) => ({ utm_source: source, utm_medium: medium, utm_campaign: 'Seven Lines | EU | Oct', utm_content: 'video_02', utm_term: 'lookalike_1' });
  const clicks = {
    Meta: { ...utm('facebook', 'paid_social'), fbclid: `IwZXh0bgNhZW0CMTEAAR${random(40)}_aem_${random(22)}` },
    TikTok: { ...utm('tiktok', 'paid_social'), ttclid: `E.C.P.${random(60)}` },
    Snapchat: { ...utm('snapchat', 'paid_social'), ScCid: random(32) },
    Google: { ...utm('google', 'cpc'), gclid: `Cj0KCQ${random(50)}_wcB`, gbraid: `0AAAAA${random(18)}` },
    'Telegram Ads': { ...utm('telegram_ads', 'cpm'), tgclid: random(24) },
    'No ad': {},
  };
  return make('section', { class: 'samples' }, make('h2', {}, 'Try it with a sample ad click'),
    make('p', {}, ...Object.entries(clicks).map(([name, query]) => make('a', { href: `${location.pathname}?${new URLSearchParams(query)}`, rel: 'noreferrer' }, name))));
}

function random(length) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => alphabet[byte & 63]).join('');
}

const STYLE = `
:host {
  all: initial !important; position: fixed !important; z-index: 2147483647 !important; direction: ltr !important;
  right: 12px !important; bottom: calc(12px + env(safe-area-inset-bottom)) !important; max-width: calc(100vw - 24px) !important;
}
:host([data-away]) { bottom: auto !important; top: calc(12px + env(safe-area-inset-top)) !important; }
:host([data-open]) { left: 0 !important; right: 0 !important; bottom: 0 !important; max-width: none !important; }
:host([data-open][data-away]) { bottom: auto !important; top: 0 !important; }

aside {
  --paper: #fff; --ink: #14202e; --soft: #526075; --line: #dbe2ea; --tint: #f2f5f9; --link: #0a58a8;
  --wait: #7b8798; --good: #0b6b43; --warn: #8a5200; --bad: #b3261e; --on: #fff;
  display: flex; flex-direction: column; overflow: hidden; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 6px 28px #0b162938;
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; text-align: left; color-scheme: light;
}
@media (prefers-color-scheme: dark) {
  aside {
    --paper: #141b26; --ink: #e8eef6; --soft: #a3b2c6; --line: #303c4e; --tint: #1d2735; --link: #8cc2ff;
    --wait: #8a98ab; --good: #5ed49b; --warn: #f3b94d; --bad: #ff8b82; --on: #10161f; color-scheme: dark;
    box-shadow: 0 6px 28px #0009;
  }
}
:host([data-open]) aside { max-height: 48vh; max-height: 48dvh; border-radius: 16px 16px 0 0; padding-bottom: env(safe-area-inset-bottom); }
:host([data-open][data-away]) aside { border-radius: 0 0 16px 16px; padding-top: env(safe-area-inset-top); }

button, a { font: inherit; color: inherit; }
button { border: 0; background: none; cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: -3px; border-radius: 6px; }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; border: 0; padding: 0; }
.muted, .note, .code { color: var(--soft); }
h2 { margin: 0 0 6px; font-size: 14px; font-weight: 700; }
p, dl, dd, ol, ul { margin: 0; padding: 0; list-style: none; }

.toggle { display: flex; align-items: center; gap: 8px; min-height: 46px; padding: 8px 14px; text-align: left; width: 100%; flex: none; }
.brand { font-weight: 700; }
.title { margin-right: 8px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chevron { width: 8px; height: 8px; margin: 4px 2px 0 auto; border: solid; border-width: 2px 0 0 2px; transform: rotate(45deg); flex: none; }
:host([data-open]) .chevron { transform: rotate(225deg); margin-top: -4px; }

#body { display: flex; flex-direction: column; min-height: 0; border-top: 1px solid var(--line); }
[hidden] { display: none !important; }
.scroll { overflow-y: auto; overscroll-behavior: contain; padding: 14px 14px 4px; flex: 1; min-height: 0; }
section { padding: 14px 0; border-top: 1px solid var(--line); }

.mark {
  flex: none; display: grid; place-items: center; width: 20px; height: 20px; border-radius: 50%; box-sizing: border-box;
  font-weight: 800; font-size: 13px; line-height: 1; color: var(--on); background: var(--wait);
}
.mark.wait { background: none; border: 2px dashed var(--wait); }
.mark.busy, .mark.warn { background: var(--warn); }
.mark.good { background: var(--good); }
.mark.bad { background: var(--bad); }

.steps { display: grid; grid-template-columns: repeat(3, 1fr); padding-bottom: 14px; }
.steps li { display: grid; justify-items: start; align-content: start; gap: 3px; padding-right: 10px; position: relative; }
.steps .mark { width: 26px; height: 26px; font-size: 16px; }
.steps li + li::before { content: ""; position: absolute; top: 12px; right: calc(100% + 5px); left: calc(-100% + 31px); height: 2px; background: var(--line); }
.steps li.good + li.good::before { background: var(--good); }
.note { font-size: 13px; line-height: 1.35; overflow-wrap: anywhere; }

.advice { margin-bottom: 14px; padding: 10px 12px; border-radius: 8px; background: var(--tint); }
.samples p { display: flex; gap: 6px; margin: 0 -14px; padding: 0 14px; overflow-x: auto; scrollbar-width: none; }
.samples a { padding: 7px 11px; border: 1px solid var(--line); border-radius: 8px; background: var(--tint); text-decoration: none; white-space: nowrap; }
.samples a:hover, .tools button:hover { border-color: var(--soft); }

dl > div { padding: 5px 0; }
dl > .brief { display: grid; grid-template-columns: 1.4fr 1fr; gap: 10px; align-items: baseline; }
dt { font-size: 13px; }
dd, pre, .links span { font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
dd { color: var(--ink); }
dt .code { font-size: 12.5px; }
dd .code { display: block; font: 12.5px/1.4 system-ui, sans-serif; }
dl + .muted { margin-top: 6px; font-size: 13px; }

section:has(> .activity:empty) { display: none; }
.links li + li, .tap { margin-top: 10px; }
.links .from, .links .to { display: block; }
.links .from { color: var(--soft); }
.links .to { padding-left: 18px; position: relative; }
.links .to::before { content: "→"; position: absolute; left: 0; }

summary { display: flex; align-items: center; gap: 8px; padding: 6px 0; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary .mark { width: 16px; height: 16px; font-size: 11px; }
time { margin-left: auto; padding-left: 8px; color: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { margin: 2px 0 8px; padding: 10px; border-radius: 8px; background: var(--tint); white-space: pre-wrap; }

.tools { display: flex; gap: 8px; padding: 8px 14px; border-top: 1px solid var(--line); flex: none; }
.tools button { flex: 1; min-height: 38px; border: 1px solid var(--line); border-radius: 8px; background: var(--tint); font-weight: 600; }

@media (min-width: 760px) {
  :host([data-open]) { left: auto !important; right: 16px !important; bottom: 16px !important; width: 380px !important; }
  :host([data-open][data-away]) { top: auto !important; right: auto !important; left: 16px !important; bottom: 16px !important; }
  :host([data-open]) aside, :host([data-open][data-away]) aside { max-height: calc(100vh - 32px); border-radius: 14px; padding: 0; }
  .samples p { flex-wrap: wrap; }
}
@media print { :host { display: none !important; } }
`;

/** Styles the panel: by a sheet that no policy refuses, where the browser can make one (Safari from 16.4, Firefox from 101). */
function dress(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(make('style', {}, STYLE));
  }
}

// The tag and the page may both ask for the panel, under two addresses: the first one stays.
if (!document.querySelector('edgeway-panel')) {
  dress(root);
  root.append(make('aside', { 'aria-label': 'Edgeway debugger', onkeydown: (event) => {
    if (event.key !== 'Escape' || !isOpen()) return;
    setOpen(false);
    toggle.focus();
  } }, toggle, body, live));
  // Beside the body rather than in it: an app that redraws its body leaves the panel alone.
  document.documentElement.append(host);

  const tap = JSON.parse(recall('edgeway_tap'));
  if (tap) tapped({ ...tap, earlier: true });
  keep('edgeway_tap', 'null');
  addEventListener('edgeway', (event) => take(event.detail));
  for (const type of ['click', 'auxclick']) addEventListener(type, watchTaps, true);
  for (const detail of window.edgeway?.log ?? []) take(detail);
  setOpen(startsOpen());
  draw();
  setTimeout(() => { overdue = true; draw(); }, PATIENCE_MS);

  let settled;
  const settle = () => { clearTimeout(settled); settled = setTimeout(dodge, 150); };
  addEventListener('scroll', settle, { passive: true, capture: true });
  addEventListener('resize', settle);
}
