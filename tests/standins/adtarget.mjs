// A stand-in AdTarget on loopback: the keyless tracking surface and the keyed API as its documents tell them, state one can look
// at, and misbehaviour on demand. `node tests/standins/adtarget.mjs [port]` runs it by itself.
import { randomBytes, randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { readBody, standIn } from "../harness/http.mjs";
import { answerWith, misbehaving } from "./faults.mjs";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const OPTIONAL_STRINGS = [
  "tempId", "clientSessionId", "externalUserId", "landingPage", "referrer", "clientIp", "userAgent", "country", "city", "region", "fbc", "fbp",
  "gclid", "ttclid", "sccid", "utmSource", "utmMedium", "utmCampaign", "utmContent", "utmTerm",
];

/** A refusal in AdTarget's own form. */
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}
const EVENT_TYPES = ["Lead", "Purchase", "CompleteRegistration", "Subscribe", "Custom"];
const invalid = (message) => new Refusal(400, "INVALID_PAYLOAD", message);

/** The default account: one site with two channels, of which the first is the default. */
export const WEBSITE = "atid_shop";
export const CHANNELS = ["chan_main", "chan_vip"];
/** The account's API key. */
export const ACCOUNT_KEY = "atk_live_a1b2c3d4_0123456789abcdef0123456789abcdef";

/**
 * Starts the stand-in.
 * State: `calls` (everything that arrived), `visits`, `sessions`, `fbps`, `clicks`, `conversions`, `violations` (what must never arrive).
 * `misbehave({path, times, …})` makes the next calls fail, see [`misbehaving`] and below. `reset()` forgets all of it.
 */
export async function startAdTarget({ port = 0, websites = { [WEBSITE]: { domains: null, channels: CHANNELS } }, inviteAs = "redirect" } = {}) {
  const state = { url: "", websites, inviteAs, calls: [], visits: [], sessions: new Map(), fbps: [], clicks: [], conversions: [], violations: [], replays: new Map() };

  /**
   * Faults are by `path`: init, update-fbp, invite, of the keyed API such as `events/conversion`, `leads`, `leads/events` or `leads/value`. Beside those
   * of all: `location`, `redirect` (its status) put into an otherwise good answer · `huge` bytes of body · `endless`: so many without saying so, until
   * the line is hung up on; the call's `written` is how many went. One with `body` or `huge` answers 200 with that body, recorded.
   */
  misbehaving(state, "path");
  state.reset = () => {
    state.behave();
    for (const list of [state.calls, state.visits, state.fbps, state.clicks, state.conversions, state.violations]) list.length = 0;
    state.sessions.clear();
    state.replays.clear();
    state.inviteAs = inviteAs;
  };

  function site(websiteId) {
    if (typeof websiteId !== "string" || !websiteId) throw invalid("websiteId is required");
    const found = state.websites[websiteId];
    if (!found) throw invalid("unknown websiteId");
    return found;
  }

  function checkDomain(found, address) {
    if (!found.domains || !address) return;
    const host = URL.canParse(address) ? new URL(address).hostname : "";
    if (!found.domains.some((domain) => host === domain || host.endsWith(`.${domain}`))) throw invalid("the domain is not this website's");
  }

  const uuid = (value, name) => {
    if (!UUID.test(value)) throw invalid(`${name} must be a UUID`);
    return value;
  };

  const handlers = {
    "POST init"({ body, headers }) {
      const found = site(body.websiteId);
      if (typeof body.href !== "string" || !URL.canParse(body.href)) throw invalid("href is required");
      for (const name of OPTIONAL_STRINGS) if (body[name] !== undefined && typeof body[name] !== "string") throw invalid(`${name} must be a string`);
      checkDomain(found, body.href);
      checkDomain(found, headers.origin);
      const tempId = body.tempId ? uuid(body.tempId, "tempId") : randomUUID();
      const clientSessionId = body.clientSessionId || randomUUID();
      const session = state.sessions.get(clientSessionId) ?? { sessionId: `s_${randomUUID()}`, tempId, visits: 0 };
      session.visits += 1;
      state.sessions.set(clientSessionId, session);
      const visit = { visitId: `v_${randomUUID()}`, ...body, tempId, clientSessionId, headers };
      state.visits.push(visit);
      return {
        status: 200,
        body: {
          visitId: visit.visitId, sessionId: session.sessionId, tempId, clientSessionId,
          cookies: {
            tempId: { name: "adtarget_temp_id", value: tempId, maxAge: 31_536_000, sameSite: "Lax" },
            session: { name: "adtarget_session_id", value: clientSessionId, maxAge: 1_800, sameSite: "Lax" },
          },
        },
      };
    },
    "POST update-fbp"({ body, headers }) {
      if (body.websiteId !== undefined) site(body.websiteId);
      uuid(body.tempId, "tempId");
      if (typeof body.fbp !== "string" || !body.fbp) throw invalid("fbp is required");
      const visit = state.visits.findLast((each) => each.tempId === body.tempId);
      if (visit) visit.fbp = body.fbp;
      state.fbps.push({ ...body, visitId: visit?.visitId, headers });
      return { status: 200, body: { success: true } };
    },
    "GET invite"({ query, headers }) {
      const found = site(query.websiteId);
      uuid(query.tempId, "tempId");
      const channelId = query.channelId ?? found.channels[0];
      if (!found.channels.includes(channelId)) throw new Refusal(404, "CHANNEL_NOT_FOUND", "no such channel");
      const link = inviteLink();
      state.clicks.push({ ...query, channelId, inviteLink: link, headers });
      return state.inviteAs === "redirect" ? { status: 302, location: link } : { status: 200, body: { inviteLink: link } };
    },
  };

  const inviteLink = () => `https://t.me/+${randomBytes(12).toString("base64url").replace(/[-_]/g, "x")}`;
  const leadOf = (text) => {
    if (!/^[1-9]\d{0,15}$/.test(text)) throw invalid("telegramUserId must be a number");
    return Number(text);
  };
  const historyOf = (lead) => state.conversions.filter((each) => each.telegramUserId === lead);

  /** A conversion by the documents' rules; `lead` is whose it is. */
  function convert(lead, body, channelId = body.channelId) {
    if (!EVENT_TYPES.includes(body.eventType)) throw invalid("eventType is not one of the five");
    if (body.eventType === "Custom" && !body.customEventName) throw invalid("customEventName is required with Custom");
    if (body.value !== undefined && typeof body.value !== "number") throw invalid("value must be a number");
    if (body.eventType === "Purchase" && !(body.value > 0 && body.currency)) throw invalid("value and currency are required for Purchase");
    channelId ??= historyOf(lead).at(-1)?.channelId;
    if (!channelId) throw invalid("channelId is required for a cold lead");
    if (!Object.values(state.websites).some((website) => website.channels.includes(channelId))) throw new Refusal(404, "CHANNEL_NOT_FOUND", "no such channel");
    const coldLead = !historyOf(lead).some((each) => each.channelId === channelId);
    const conversion = { ...body, telegramUserId: lead, channelId, conversionId: `j97${randomBytes(14).toString("hex")}`, at: Date.now() };
    state.conversions.push(conversion);
    const sends = [{ sendId: `kn7${randomBytes(8).toString("hex")}`, platform: "meta" }];
    return { status: 200, body: { conversionId: conversion.conversionId, capiStatus: "pending", coldLead, dispatched: true, sends } };
  }

  const keyed = {
    "POST events/visit": (call) => handlers["POST init"]({ ...call, body: { websiteId: Object.keys(state.websites)[0], ...call.body } }),
    "POST events/update-fbp": (call) => handlers["POST update-fbp"](call),
    "POST events/invite"({ body, headers }) {
      uuid(body.tempId, "tempId");
      if (!Object.values(state.websites).some((website) => website.channels.includes(body.channelId))) throw new Refusal(404, "CHANNEL_NOT_FOUND", "no such channel");
      const link = inviteLink();
      state.clicks.push({ ...body, inviteLink: link, headers });
      return { status: 200, body: { inviteLink: link } };
    },
    "POST events/conversion"({ body }) {
      if (typeof body.telegramUserId !== "number") throw invalid("telegramUserId must be a number");
      return convert(body.telegramUserId, body);
    },
    "POST leads/events"({ body, words: [lead] }) {
      const known = historyOf(leadOf(lead)).at(-1);
      if (!known) throw new Refusal(404, "LEAD_NOT_FOUND", "no such lead");
      return convert(leadOf(lead), body, body.channelId ?? known.channelId);
    },
    "POST leads/value"({ body, words: [lead, conversionId] }) {
      const conversion = historyOf(leadOf(lead)).find((each) => each.conversionId === conversionId);
      if (!conversion) throw new Refusal(404, "CONVERSION_NOT_FOUND", "no such conversion");
      if (!(body.value > 0) || !body.currency) throw invalid("value and currency are required");
      Object.assign(conversion, { submitted: { value: body.value, currency: body.currency } });
      return { status: 200, body: { success: true } };
    },
    "GET leads"({ words: [lead] }) {
      const telegramUserId = leadOf(lead);
      const history = historyOf(telegramUserId);
      if (!history.length) throw new Refusal(404, "LEAD_NOT_FOUND", "no such lead");
      const conversions = history.map(({ conversionId, channelId, eventType, at, value, currency }) => ({
        conversionId, channelId, eventType, capiStatus: "pending", attributedAt: at, eventValue: value, eventCurrency: currency, source: "api",
      }));
      return { status: 200, body: { telegramUserId, firstSeenAt: history[0].at, lastSeenAt: history.at(-1).at, conversions } };
    },
    "GET channels"() {
      const ids = Object.values(state.websites).flatMap((website) => website.channels);
      return { status: 200, body: { channels: ids.map((channelId, order) => ({ channelId, telegramChannelId: `-10012345678${order}`, title: channelId, funnelOrder: order })) } };
    },
  };

  /** The keyed API's name of a path behind /api/v1, and its words: `leads/5/events` is `leads/events` of 5. */
  function keyedPath(pathname) {
    const rest = /^\/api\/v1\/(.*)$/.exec(pathname)?.[1];
    if (rest === undefined) return {};
    const [, lead, event, conversion] = /^leads\/([^/]+)(\/events)?(?:\/conversions\/([^/]+)\/value)?$/.exec(rest) ?? [];
    if (!lead) return { path: rest, words: [] };
    return { path: conversion ? "leads/value" : event ? "leads/events" : "leads", words: [lead, conversion] };
  }

  /** Refuses a keyed call without the account's key. */
  function checkKey({ headers }) {
    if (!headers.authorization) throw new Refusal(401, "AUTH_REQUIRED", "no key");
    if (headers.authorization !== `Bearer ${ACCOUNT_KEY}`) throw new Refusal(401, "INVALID_KEY", "no such key");
  }

  /** What `answer` gives, or is refused with: of a key, the same status and body come back either way. */
  function refusalOr(answer) {
    try {
      return answer();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { error: { code: error.code, message: error.message } } };
    }
  }

  function answerCall(call, body) {
    if (call.words) checkKey(call);
    const handler = (call.words ? keyed : handlers)[`${call.method} ${call.path}`];
    if (!handler) throw new Refusal(404, "NOT_FOUND", `no ${call.method} ${call.pathname}`);
    if (call.method === "POST") {
      try {
        call.body = JSON.parse(body);
      } catch {
        throw invalid("the body is not JSON");
      }
      if (call.body === null || typeof call.body !== "object" || Array.isArray(call.body)) throw invalid("the body is not an object");
    }
    // Scoped as narrowly as the documents allow: one key, one answer, whatever the endpoint.
    const key = call.headers["idempotency-key"];
    if (key === undefined) return handler(call);
    if (key.length > 128) throw invalid("Idempotency-Key is longer than 128 characters");
    const kept = state.replays.get(key);
    if (kept) return { ...kept, replay: true };
    const fresh = refusalOr(() => handler(call));
    state.replays.set(key, fresh);
    return fresh;
  }

  function inspect(call) {
    for (const name of Object.keys(call.headers)) {
      if ((name === "authorization" && !call.words) || name.includes("api-key")) state.violations.push(`${name} on ${call.method} ${call.pathname}`);
    }
    if (`${JSON.stringify(call.headers)}${call.text}`.replace(call.words ? `Bearer ${ACCOUNT_KEY}` : "", "").includes("atk_live_")) state.violations.push(`an API key on ${call.method} ${call.pathname}`);
  }

  async function serve(incoming, outgoing) {
    const { pathname, searchParams } = new URL(incoming.url, "http://adtarget.test");
    const text = await readBody(incoming);
    if (pathname.startsWith("/control/")) return control(pathname, text, outgoing);
    const tracked = /^(?:\/backend)?\/track\/(init|update-fbp|invite)$/.exec(pathname)?.[1];
    const { path = tracked, words } = keyedPath(pathname);
    const call = { at: Date.now(), method: incoming.method, path, words, pathname, query: Object.fromEntries(searchParams), headers: incoming.headers, text };
    state.calls.push(call);
    inspect(call);

    const fault = state.takeFault(path);
    if (fault.cut === "arrival") return incoming.socket.destroy();
    let answer;
    if (fault.status) {
      const code = fault.status === 429 ? "RATE_LIMITED" : "INTERNAL_ERROR";
      answer = { status: fault.status, body: { error: { code, message: "on demand" } }, retryAfter: fault.retryAfter };
    } else {
      answer = refusalOr(() => answerCall(call, text));
    }
    if (fault.endless) return writeEndlessly(call, fault.endless, outgoing);

    if (fault.body !== undefined || fault.huge) answer = { ...answer, status: 200, location: undefined };
    if (fault.redirect && answer.location) answer = { ...answer, status: fault.redirect };
    if (fault.huge) answer = { ...answer, body: "x".repeat(fault.huge) };
    const headers = {};
    if (answer.location) headers.location = fault.location ?? answer.location;
    if (answer.replay) headers["x-idempotent-replay"] = "true";
    if (answer.retryAfter !== undefined) headers["retry-after"] = String(answer.retryAfter);
    return answerWith(call, { ...answer, headers }, fault, outgoing);
  }

  /** Writes a body of that size in pieces, as far as it is read. */
  async function writeEndlessly(call, size, outgoing) {
    outgoing.writeHead(200, { "content-type": "application/json" });
    const piece = Buffer.alloc(100_000, "x");
    call.written = 0;
    const pieces = async function* () {
      for (; call.written < size; call.written += piece.length) yield piece;
    };
    // It fails where the line is hung up on.
    await pipeline(pieces, outgoing).catch(() => undefined);
  }

  function control(pathname, text, outgoing) {
    const reply = (value) => outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (pathname === "/control/misbehave") return reply(state.misbehave(JSON.parse(text)));
    if (pathname === "/control/reset") return reply(state.reset() ?? {});
    const { visits, fbps, clicks, conversions, violations, calls } = state;
    return reply({ visits, fbps, clicks, conversions, violations, calls });
  }

  return standIn(state, serve, port);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const adtarget = await startAdTarget({ port: Number(process.argv[2] ?? 8799) });
  console.log(`AdTarget's stand-in answers at ${adtarget.url}; GET /control/state shows what it has seen`);
}
