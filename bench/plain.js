// What the tracker's first hit does, in plain JavaScript and nothing beside it: reads what the click carries, keeps the
// visitor's ids and Meta's click cookie, and sends the visit. No links, no retries, no single-page navigation, no consent.

const tag = document.currentScript;
const { hostname, href, search, hash, protocol } = location;
const { referrer } = document;
// On its own origin the edge sets the cookies.
const firstParty = new URL(tag.src).origin === location.origin;
const jar = {};
for (const pair of document.cookie.split('; ')) {
  const at = pair.indexOf('=');
  jar[pair.slice(0, at)] ??= pair.slice(at + 1);
}

let domain = '';
let subdomainIndex = 0;
const setCookie = (name, value, seconds) => {
  document.cookie = `${name}=${value};path=/;max-age=${seconds};samesite=lax${domain}${protocol === 'https:' ? ';secure' : ''}`;
};
const labels = hostname.split('.');
if (labels[1] && !/^\d+$/.test(labels.at(-1))) {
  while (++subdomainIndex < labels.length) {
    domain = ';domain=' + labels.slice(-subdomainIndex - 1).join('.');
    setCookie('plain_domain', 1, 9);
    if (document.cookie.includes('plain_domain=')) break;
  }
  setCookie('plain_domain', '', 0);
}

const FIELDS = {
  fbclid: 'fbclid', ttclid: 'ttclid', gclid: 'gclid', gbraid: 'gbraid', wbraid: 'wbraid', sccid: 'sccid', tgclid: 'tgclid',
  utm_source: 'utmSource', utm_medium: 'utmMedium', utm_campaign: 'utmCampaign', utm_content: 'utmContent', utm_term: 'utmTerm',
};
const carried = {};
const take = (query, only) => {
  for (const [name, value] of new URLSearchParams(query)) {
    const field = FIELDS[name.toLowerCase()];
    if (field && value && (!only || field === only)) carried[field] ??= value;
  }
};
take(search);
take(hash.split('?')[1] ?? hash.slice(1));
take(referrer.split('?')[1], 'fbclid');

const isMeta = (value) => /^fb\.\d+\.\d+\.[^.]{1,500}(\.([\w-]{8}|A[Qgw]|B[AQg]))?$/.test(value);
const { fbclid, ...visit } = carried;
let fbc = isMeta(jar._fbc) ? jar._fbc : undefined;
if (fbclid && fbc?.split('.')[3] !== fbclid) {
  if (/^[\w-]{1,500}$/.test(fbclid)) {
    fbc = `fb.${fbc?.split('.')[1] ?? subdomainIndex}.${Date.now()}.${fbclid}`;
    if (!firstParty) setCookie('_fbc', fbc, 7776000);
  } else visit.fbclid = fbclid;
}
visit.gclid ??= /^GCL\.\d+\.(.+)/.exec(jar._gcl_aw)?.[1];
visit.ttclid ??= jar.ttclid;

const uuid = () => '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
  (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
const id = (name, seconds) => {
  let value = jar[name];
  try { value ||= localStorage[name]; } catch { /* refused */ }
  value ||= uuid();
  if (!firstParty) setCookie(name, value, seconds);
  try { localStorage[name] = value; } catch { /* refused */ }
  return value;
};

fetch(new URL('/e/init', tag.src), {
  method: 'POST',
  keepalive: true,
  body: JSON.stringify({
    ...visit,
    websiteId: tag.dataset.websiteId,
    href,
    landingPage: href.split('#')[0],
    referrer: referrer || undefined,
    fbc,
    fbp: isMeta(jar._fbp) ? jar._fbp : undefined,
    ttp: jar._ttp,
    scid: jar._scid,
    tempId: id('adtarget_temp_id', 31536000),
    clientSessionId: id('adtarget_session_id', 1800),
    eventId: uuid(),
    bot: navigator.webdriver || undefined,
  }),
}).catch(() => {});
