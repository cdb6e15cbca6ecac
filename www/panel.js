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
  wasm: 'WebAssembly',
  'wasm-async': 'WebAssembly, compiled in the background',
  wasm2js: 'JavaScript: this page does not allow WebAssembly',
  edge: 'the edge: this page allows neither WebAssembly nor its replacement',
};
const CALLS = { init: 'Visit', 'update-fbp': 'Facebook browser id', invite: 'Tap on the Telegram link' };
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

const tag = document.querySelector('script[data-website-id]');
const folder = new URL('.', import.meta.url);
if (folder.pathname === '/') folder.pathname = '/e/';

/** What is known of the current visit, built from the tracker's events alone. */
let visit = {};
let core;
let overdue = false;
const log = [];
const links = new Map();
const seen = new WeakSet();

function take(detail) {
  if (!detail || seen.has(detail)) return;
  seen.add(detail);
  log.push(detail);
  const { type, data } = detail;
  const body = readable(data?.body);

  if (type === 'core') core = data;
  if (type === 'link') links.set(`${data.from} ${data.to}`, { ...data, count: (links.get(`${data.from} ${data.to}`)?.count ?? 0) + 1 });
  if (type === 'captured') learn(data, { captured: true });
  if (type === 'sent' && data.to === 'init') learn(body, { sent: data, reply: undefined, failure: undefined });
  if (type === 'sent' && data.to === 'update-fbp') learn({ fbp: body?.fbp }, {});
  if (type === 'answered' && data.to === 'init') {
    const { tempId, clientSessionId, eventId } = body ?? {};
    learn(data.status < 300 ? { tempId, clientSessionId, eventId } : {}, { reply: { status: data.status, body }, failure: undefined });
  }
  if (type === 'failed' && data.to === 'init') visit.failure = data;

  activity(detail, body);
  refresh();
}

/** Adds fields to the visit; another visit id means another visit (a single-page app moved on). */
function learn(fields, rest) {
  const known = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const next = Object.fromEntries(known);
  if (next.eventId && visit.fields?.eventId && next.eventId !== visit.fields.eventId) visit = {};
  visit = { ...visit, ...rest, fields: { ...visit.fields, ...next } };
}

function readable(body) {
  if (typeof body !== 'string') return body;
  try { return JSON.parse(body); } catch { return body; }
}

// ── What it means ──

function capturedStep() {
  const { captured, sent, fields = {} } = visit;
  if (!captured && !sent) return overdue ? ['bad', 'The tracker is missing or blocked'] : ['wait', 'Waiting for the tracker'];
  const from = platforms();
  if (from) return ['good', `${from} click${clickedBefore(fields) ? ', from an earlier visit' : ''}`];
  if (fields.cookie !== undefined) return ['warn', 'Left for the edge to read'];
  return ['warn', fields.utmSource ? 'Campaign tags, but no click id' : 'No ad click in this address'];
}

function sentStep() {
  const { captured, sent, failure } = visit;
  if (failure) return ['bad', `Did not get through: ${failure.why}`];
  if (sent) return ['good', `To ${folder.host}`];
  if (!captured) return ['wait', ''];
  const { consent, gpc, dnt } = tag?.dataset ?? {};
  if (gpc === 'respect' && navigator.globalPrivacyControl || dnt === 'respect' && navigator.doNotTrack === '1') return ['warn', 'This visitor asked not to be tracked'];
  if (consent === 'required') return ['warn', 'Waiting for consent'];
  return overdue ? ['warn', 'Not sent yet'] : ['busy', 'On its way'];
}

function recordedStep() {
  const { sent, reply, failure, fields = {} } = visit;
  if (failure) return ['bad', 'Not yet; it is tried again'];
  if (reply?.status < 300) {
    const id = reply.body?.visitId;
    if (fields.capturedBy === 'edge') return ['good', 'Already with the page request'];
    return ['good', id === undefined || id === null ? 'By the edge' : `As visit ${short(id)}`];
  }
  if (reply) return ['bad', REFUSALS[reply.body?.error?.code] ?? `Refused with status ${reply.status}`];
  if (!sent) return ['wait', ''];
  return sent.via === 'beacon' ? ['warn', 'Unknown: a beacon gets no answer'] : ['busy', 'Waiting for the answer'];
}

/** One state and one short sentence for the closed panel and for screen readers. */
function summary([captured, sent, recorded]) {
  const what = platforms() ? `${platforms()} click` : 'Visit';
  if (captured[0] === 'bad') return ['bad', 'No tracker on this page'];
  if (visit.failure) return ['bad', `${what} not delivered`];
  if (recorded[0] === 'bad') return ['bad', `${what} refused`];
  if (recorded[0] === 'good') return captured[0] === 'warn' ? ['warn', 'Visit recorded, no click id'] : ['good', `${what} recorded`];
  if (sent[0] === 'good') return [recorded[0], `${what} sent`];
  if (captured[0] !== 'wait') return [sent[0], `${what} captured`];
  return ['wait', 'Waiting for the tracker'];
}

function platforms() {
  const names = Object.keys(PLATFORMS).filter((name) => visit.fields?.[name]).map((name) => PLATFORMS[name]);
  return [...new Set(names)].join(' and ');
}

function clickedBefore({ fbc, landingPage, href, referrer, fbclid, ...others }) {
  const sources = [landingPage, href, referrer].join(' ').toLowerCase();
  const otherClick = Object.keys(PLATFORMS).some((name) => others[name]);
  return fbc && !fbclid && !otherClick && !sources.includes('fbclid=');
}

function short(id) {
  const text = String(id);
  return text.length > 12 ? `${text.slice(0, 8)}…` : text;
}

/** `at` may count from 1970 or from the page's start; both read as seconds on this page. */
function clock(at) {
  const ms = at > 1e12 ? at - performance.timeOrigin : at;
  return `${(Math.max(0, ms) / 1000).toFixed(2)} s`;
}

function story({ type, data = {} }, body) {
  const what = CALLS[data?.to] ?? data?.to;
  switch (type) {
    case 'core': return ['good', `Tracker runs as ${CORES[data] ?? data}`];
    case 'captured': return ['good', 'Visit captured'];
    case 'sent': return ['good', `${what} sent${data.via ? ` by ${data.via}` : ''}`];
    case 'answered': return data.status < 300 || data.type === 'opaqueredirect'
      ? ['good', `${what} recorded (${data.status})`]
      : ['bad', `${what} refused (${data.status}${body?.error?.code ? ` ${body.error.code}` : ''})`];
    case 'link': return ['good', 'Telegram link now goes through the edge'];
    case 'failed': return ['bad', `${what} did not get through: ${data.why}`];
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
    steps, advice, samples(), carried, linkList,
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

  const fields = visit.fields ?? {};
  const sections = visit.fields ? SECTIONS.map(([heading, labels], index) => {
    const rows = Object.keys(labels).filter((name) => name in fields).map((name) => row(labels[name], fields[name], name));
    if (index === 1 && core) rows.push(row(['Tracker runs as'], CORES[core] ?? core));
    const missing = index === 0 ? EXPECTED.filter((name) => !(name in fields)).map((name) => PLATFORMS[name]) : [];
    return make('section', {}, make('h2', {}, heading), make('dl', {}, ...rows),
      missing.length ? make('p', { class: 'muted' }, `No click id from ${missing.join(', ')}.`) : '');
  }) : [];
  carried.replaceChildren(...sections);
  advice.hidden = visit.fields !== undefined || !overdue;

  const shown = [...links.values()].slice(0, 8);
  linkList.replaceChildren(make('section', {}, make('h2', {}, 'Telegram links'),
    shown.length
      ? make('ul', { class: 'links' }, ...shown.map(({ from, to, count }) => make('li', {},
        make('span', { class: 'from' }, from, count > 1 ? ` (${count} times)` : ''), make('span', { class: 'to' }, make('span', { class: 'unseen' }, 'now goes to '), local(to)))))
      : make('p', { class: 'muted' }, 'None rewritten on this page so far.'),
    links.size > shown.length ? make('p', { class: 'muted' }, `And ${links.size - shown.length} more.`) : ''));
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
  // Storage may be refused: then the panel starts closed on a phone and open elsewhere, as on a first visit.
  try { sessionStorage.setItem('edgeway_panel', open ? 'open' : 'closed'); } catch { /* nothing is lost */ }
  dodge();
}

function startsOpen() {
  let kept;
  try { kept = sessionStorage.getItem('edgeway_panel'); } catch { /* as on a first visit */ }
  return kept ? kept === 'open' : matchMedia('(min-width: 760px)').matches;
}

/** The panel must not hide what it observes: it changes sides when it covers most of a Telegram link. */
function dodge() {
  if (!hidesLink()) return;
  host.toggleAttribute('data-away');
  if (hidesLink()) host.toggleAttribute('data-away');
}

function hidesLink() {
  const panel = host.getBoundingClientRect();
  const rewritten = new Set([...links.values()].map(({ to }) => to));
  return [...document.links].some((link) => {
    if (!rewritten.has(link.href) && !/^(https?:\/\/(t|telegram)\.(me|dog)\/|tg:)/i.test(link.href)) return false;
    const box = link.getBoundingClientRect();
    const across = Math.min(box.right, panel.right) - Math.max(box.left, panel.left);
    const down = Math.min(box.bottom, panel.bottom) - Math.max(box.top, panel.top);
    return across > 0 && down > 0 && across * down > box.width * box.height * 0.4;
  });
}

async function copy() {
  const [captured, sent, recorded] = [capturedStep(), sentStep(), recordedStep()].map((step) => step.join(': '));
  const text = JSON.stringify({
    page: location.href, at: new Date().toISOString(), browser: navigator.userAgent, core, endpoints: folder.href,
    steps: { captured, sent, recorded }, visit: visit.fields, links: [...links.values()], log,
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
    make('p', {}, ...Object.entries(clicks).map(([name, query]) => make('a', { href: `${location.pathname}?${new URLSearchParams(query)}` }, name))));
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

.links li + li { margin-top: 10px; }
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

// The tag and the page may both ask for the panel, under two addresses: the first one stays.
if (!document.querySelector('edgeway-panel')) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.append(make('aside', { 'aria-label': 'Edgeway debugger', onkeydown: (event) => {
    if (event.key !== 'Escape' || !isOpen()) return;
    setOpen(false);
    toggle.focus();
  } }, toggle, body, live));
  // Beside the body rather than in it: an app that redraws its body leaves the panel alone.
  document.documentElement.append(host);

  addEventListener('edgeway', (event) => take(event.detail));
  for (const detail of window.edgeway?.log ?? []) take(detail);
  setOpen(startsOpen());
  draw();
  setTimeout(() => { overdue = true; draw(); }, PATIENCE_MS);

  let settled;
  const settle = () => { clearTimeout(settled); settled = setTimeout(dodge, 150); };
  addEventListener('scroll', settle, { passive: true, capture: true });
  addEventListener('resize', settle);
}
