// The rival: a JavaScript Worker that does the job AdTarget's guide describes, written as well as we can. It awaits
// upstream on the way, as the guide does; it reads, checks and fills in the same fields as Edgeway, sets the same cookies,
// and rewrites the same links, but keeps nothing when upstream fails.
//
// With GUARDS set it also does, on the way where nothing fails, what Edgeway does beyond that job: a deadline for every upstream call, an
// idempotency key on every record, first and last touch in a cookie, the session prolonged by a click, a page's visit sent once the page
// is known to be one and without its answer waiting, and no second tag where a page has its own.

const KNOWN_HOST = /(^|\.)shop\.test$/;
const TELEGRAM = /^https?:\/\/(t\.me|telegram\.(me|dog))\/[\w+]/i;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const CLICK_IDS = { fbclid: "fbclid", ttclid: "ttclid", gclid: "gclid", gbraid: "gbraid", wbraid: "wbraid", sccid: "sccid", tgclid: "tgclid",
  utm_source: "utmSource", utm_medium: "utmMedium", utm_campaign: "utmCampaign", utm_content: "utmContent", utm_term: "utmTerm" };
const FIELDS = Object.values(CLICK_IDS);

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/backend/track/init":
        return env.BACKEND === "ledger" ? ledgerInit(request, env, context) : proxiedInit(request, env);
      case "/backend/track/invite":
        return invite(request, url, env);
      default:
        return page(request, url, env, context);
    }
  },
};

/** What `promise` becomes, unless that takes longer than AdTarget is waited for. */
function within(env, promise) {
  if (!env.GUARDS) return promise;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer in time")), 1_500);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (why) => {
        clearTimeout(timer);
        reject(why);
      },
    );
  });
}

/** First and last touch as a cookie's value: the visit's own where none is known yet, or where it carries something. */
function touches(visit, jar, now) {
  const known = jar.edgeway_touches;
  let carried = "";
  for (const field of FIELDS) if (visit[field]) carried += `&${field}=${encodeURIComponent(visit[field])}`;
  if (known && !carried) return known;
  const { href } = visit;
  const query = href.indexOf("?");
  const own = `at=${now}&page=${encodeURIComponent(query < 0 ? href : href.slice(0, query))}${carried}`;
  return `${known ? known.slice(0, known.indexOf("*")) : own}*${own}`;
}

function cookies(request) {
  const found = {};
  for (const pair of (request.headers.get("cookie") ?? "").split("; ")) {
    const at = pair.indexOf("=");
    if (at > 0) found[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return found;
}

function carried(href, jar, now) {
  const found = {};
  for (const [name, value] of new URL(href).searchParams) {
    const field = CLICK_IDS[name.toLowerCase()];
    if (field && value) found[field] ??= value;
  }
  if (jar._fbc || found.fbclid) found.fbc = jar._fbc?.endsWith(`.${found.fbclid ?? ""}`) || !found.fbclid ? jar._fbc : `fb.1.${now}.${found.fbclid}`;
  if (jar._fbp) found.fbp = jar._fbp;
  return found;
}

function error(status, code, message) {
  return Response.json({ error: { code, message } }, { status });
}

function isOurs(address) {
  return URL.canParse(address) && KNOWN_HOST.test(new URL(address).hostname);
}

async function readVisit(request, jar) {
  const visit = await request.json();
  if (!visit.websiteId || !visit.href) throw new Error("websiteId and href are required");
  if (!isOurs(visit.href)) throw new Error("not a domain of this site");
  visit.tempId ??= jar.adtarget_temp_id ?? crypto.randomUUID();
  visit.clientSessionId ??= jar.adtarget_session_id ?? crypto.randomUUID();
  if (!UUID.test(visit.tempId) || !UUID.test(visit.clientSessionId)) throw new Error("not a UUID");
  return { ...carried(visit.href, jar, Date.now()), ...visit, ...client(request) };
}

function client({ headers, cf }) {
  return { clientIp: headers.get("cf-connecting-ip"), userAgent: headers.get("user-agent"), country: cf?.country, region: cf?.region, city: cf?.city };
}

function clientHeaders(request) {
  const headers = new Headers();
  for (const name of ["user-agent", "referer", "origin"]) {
    const value = request.headers.get(name);
    if (value) headers.set(name, value);
  }
  headers.set("x-adtarget-client-ip", request.headers.get("cf-connecting-ip") ?? "");
  headers.set("x-adtarget-client-user-agent", request.headers.get("user-agent") ?? "");
  return headers;
}

function setCookies(headers, hints, visit, jar, env) {
  for (const { name, value, maxAge, sameSite } of Object.values(hints)) {
    headers.append("set-cookie", `${name}=${value}; Max-Age=${maxAge}; Path=/; SameSite=${sameSite}`);
  }
  if (visit.fbc) headers.append("set-cookie", `_fbc=${visit.fbc}; Max-Age=7776000; Path=/; SameSite=Lax`);
  if (visit.fbp) headers.append("set-cookie", `_fbp=${visit.fbp}; Max-Age=7776000; Path=/; SameSite=Lax`);
  if (env.GUARDS) headers.append("set-cookie", `edgeway_touches=${touches(visit, jar, Date.now())}; Max-Age=7776000; Path=/; SameSite=Lax`);
}

function allow(headers, request) {
  const origin = request.headers.get("origin");
  headers.set("vary", "origin");
  if (origin && isOurs(origin)) {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-allow-credentials", "true");
  }
}

async function init(request, env, visit) {
  const headers = clientHeaders(request);
  headers.set("content-type", "application/json");
  if (env.GUARDS) headers.set("idempotency-key", (visit.eventId ??= crypto.randomUUID()));
  return within(env, fetch(`${env.ADTARGET_BASE_URL}/backend/track/init`, { method: "POST", headers, body: JSON.stringify(visit) }));
}

async function proxiedInit(request, env) {
  const jar = cookies(request);
  let visit;
  try {
    visit = await readVisit(request, jar);
  } catch (why) {
    return error(400, "INVALID_PAYLOAD", why.message);
  }
  const upstream = await init(request, env, visit);
  const answer = await upstream.json();
  const response = Response.json(answer, { status: upstream.status, headers: { "cache-control": "no-store" } });
  setCookies(response.headers, answer.cookies ?? {}, visit, jar, env);
  allow(response.headers, request);
  return response;
}

const hintsOf = ({ tempId, clientSessionId }) => ({
  tempId: { name: "adtarget_temp_id", value: tempId, maxAge: 31536000, sameSite: "Lax" },
  session: { name: "adtarget_session_id", value: clientSessionId, maxAge: 1800, sameSite: "Lax" },
});

async function ledgerInit(request, env, context) {
  const jar = cookies(request);
  let visit;
  try {
    visit = await readVisit(request, jar);
  } catch (why) {
    return error(400, "INVALID_PAYLOAD", why.message);
  }
  visit.visitId = visit.eventId ?? crypto.randomUUID();
  context.waitUntil(env.RECORDS.send(JSON.stringify({ visit }), { contentType: "text" }));
  const { visitId, tempId, clientSessionId } = visit;
  const hints = hintsOf(visit);
  const response = Response.json({ visitId, sessionId: clientSessionId, tempId, clientSessionId, cookies: hints }, { headers: { "cache-control": "no-store" } });
  setCookies(response.headers, hints, visit, jar, env);
  allow(response.headers, request);
  return response;
}

async function invite(request, url, env) {
  const query = url.searchParams;
  if (!UUID.test(query.get("tempId") ?? "")) return error(400, "INVALID_PAYLOAD", "tempId: not a UUID");
  const asked = clientHeaders(request);
  if (env.GUARDS) asked.set("idempotency-key", query.get("eventId") ?? crypto.randomUUID());
  const upstream = await within(env, fetch(`${env.ADTARGET_BASE_URL}/backend/track/invite?${query}`, { headers: asked, redirect: "manual" }));
  const link = upstream.ok ? (await upstream.json()).inviteLink : upstream.headers.get("location");
  if (!link || !TELEGRAM.test(link)) return error(502, "INTERNAL_ERROR", "no invite");
  const headers = new Headers({ location: link, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  if (env.GUARDS) headers.append("set-cookie", `adtarget_session_id=${query.get("clientSessionId")}; Max-Age=1800; Path=/; SameSite=Lax`);
  return new Response(null, { status: 302, headers });
}

async function page(request, url, env, context) {
  const jar = cookies(request);
  const visit = {
    ...carried(request.url, jar, Date.now()),
    websiteId: env.ADTARGET_WEBSITE_ID,
    href: request.url,
    tempId: jar.adtarget_temp_id ?? crypto.randomUUID(),
    clientSessionId: jar.adtarget_session_id ?? crypto.randomUUID(),
    referrer: request.headers.get("referer") ?? undefined,
    ...client(request),
  };
  const asked = within(env, fetch(new Request(env.SITE_ORIGIN + url.pathname + url.search, request)));
  let origin;
  let hints;
  if (env.GUARDS) {
    origin = await asked;
    if (!origin.ok || !origin.headers.get("content-type")?.startsWith("text/html")) return origin;
    context.waitUntil(init(request, env, visit).then((told) => told.json()));
    hints = hintsOf(visit);
  } else {
    const [told, page] = await Promise.all([init(request, env, visit), asked]);
    origin = page;
    ({ cookies: hints = {} } = await told.json());
  }
  const response = new Response(origin.body, origin);
  setCookies(response.headers, hints, visit, jar, env);
  response.headers.set("cache-control", "private, no-cache");
  const tag = `<script async src="/t.js" data-website-id="${env.ADTARGET_WEBSITE_ID}"></script>`;
  const rewriter = new HTMLRewriter().on("a[href]", {
    element(anchor) {
      if (TELEGRAM.test(anchor.getAttribute("href"))) anchor.setAttribute("href", "/c/telegram");
    },
  });
  if (!env.GUARDS) return rewriter.on("head", { element: (head) => void head.append(tag, { html: true }) }).transform(response);
  let tagged = false;
  return rewriter
    .on("script[data-website-id]", {
      element(script) {
        tagged = true;
        script.setAttribute("data-visit", visit.eventId);
      },
    })
    .onDocument({
      end(end) {
        if (!tagged) end.append(tag, { html: true });
      },
    })
    .transform(response);
}
