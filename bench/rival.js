// The rival: a JavaScript Worker that does the job AdTarget's guide describes, written as well as we can. It awaits
// upstream on the way, as the guide does; it reads, checks and fills in the same fields as Edgeway, sets the same cookies,
// and rewrites the same links, but keeps nothing when upstream fails.

const KNOWN_HOST = /(^|\.)shop\.test$/;
const TELEGRAM = /^https?:\/\/(t\.me|telegram\.(me|dog))\/[\w+]/i;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const CLICK_IDS = { fbclid: "fbclid", ttclid: "ttclid", gclid: "gclid", gbraid: "gbraid", wbraid: "wbraid", sccid: "sccid", tgclid: "tgclid",
  utm_source: "utmSource", utm_medium: "utmMedium", utm_campaign: "utmCampaign", utm_content: "utmContent", utm_term: "utmTerm" };

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/backend/track/init":
        return env.BACKEND === "ledger" ? ledgerInit(request, env, context) : proxiedInit(request, env);
      case "/backend/track/invite":
        return invite(request, url, env);
      default:
        return page(request, url, env);
    }
  },
};

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

async function readVisit(request) {
  const visit = await request.json();
  if (!visit.websiteId || !visit.href) throw new Error("websiteId and href are required");
  if (!isOurs(visit.href)) throw new Error("not a domain of this site");
  const jar = cookies(request);
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

function setCookies(headers, hints, visit) {
  for (const { name, value, maxAge, sameSite } of Object.values(hints)) {
    headers.append("set-cookie", `${name}=${value}; Max-Age=${maxAge}; Path=/; SameSite=${sameSite}`);
  }
  if (visit.fbc) headers.append("set-cookie", `_fbc=${visit.fbc}; Max-Age=7776000; Path=/; SameSite=Lax`);
  if (visit.fbp) headers.append("set-cookie", `_fbp=${visit.fbp}; Max-Age=7776000; Path=/; SameSite=Lax`);
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
  return fetch(`${env.ADTARGET_BASE_URL}/backend/track/init`, { method: "POST", headers, body: JSON.stringify(visit) });
}

async function proxiedInit(request, env) {
  let visit;
  try {
    visit = await readVisit(request);
  } catch (why) {
    return error(400, "INVALID_PAYLOAD", why.message);
  }
  const upstream = await init(request, env, visit);
  const answer = await upstream.json();
  const response = Response.json(answer, { status: upstream.status, headers: { "cache-control": "no-store" } });
  setCookies(response.headers, answer.cookies ?? {}, visit);
  allow(response.headers, request);
  return response;
}

async function ledgerInit(request, env, context) {
  let visit;
  try {
    visit = await readVisit(request);
  } catch (why) {
    return error(400, "INVALID_PAYLOAD", why.message);
  }
  visit.visitId = visit.eventId ?? crypto.randomUUID();
  context.waitUntil(env.RECORDS.send(JSON.stringify({ visit }), { contentType: "text" }));
  const { visitId, tempId, clientSessionId } = visit;
  const hints = {
    tempId: { name: "adtarget_temp_id", value: tempId, maxAge: 31536000, sameSite: "Lax" },
    session: { name: "adtarget_session_id", value: clientSessionId, maxAge: 1800, sameSite: "Lax" },
  };
  const response = Response.json({ visitId, sessionId: clientSessionId, tempId, clientSessionId, cookies: hints }, { headers: { "cache-control": "no-store" } });
  setCookies(response.headers, hints, visit);
  allow(response.headers, request);
  return response;
}

async function invite(request, url, env) {
  const query = url.searchParams;
  if (!UUID.test(query.get("tempId") ?? "")) return error(400, "INVALID_PAYLOAD", "tempId: not a UUID");
  const upstream = await fetch(`${env.ADTARGET_BASE_URL}/backend/track/invite?${query}`, { headers: clientHeaders(request), redirect: "manual" });
  const link = upstream.ok ? (await upstream.json()).inviteLink : upstream.headers.get("location");
  if (!link || !TELEGRAM.test(link)) return error(502, "INTERNAL_ERROR", "no invite");
  const headers = new Headers({ location: link, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  return new Response(null, { status: 302, headers });
}

async function page(request, url, env) {
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
  const [told, origin] = await Promise.all([init(request, env, visit), fetch(new Request(env.SITE_ORIGIN + url.pathname + url.search, request))]);
  const { cookies: hints = {} } = await told.json();
  const response = new Response(origin.body, origin);
  setCookies(response.headers, hints, visit);
  response.headers.set("cache-control", "private, no-cache");
  return new HTMLRewriter()
    .on("a[href]", {
      element(anchor) {
        if (TELEGRAM.test(anchor.getAttribute("href"))) anchor.setAttribute("href", "/c/telegram");
      },
    })
    .on("head", {
      element(head) {
        head.append(`<script async src="/t.js" data-website-id="${env.ADTARGET_WEBSITE_ID}"></script>`, { html: true });
      },
    })
    .transform(response);
}
