// A stand-in AdTarget on loopback: the keyless tracking surface as its documents tell it, state one can look at, and
// misbehaviour on demand. `node tests/standins/adtarget.mjs [port]` runs it by itself.
import http from "node:http";
import { randomBytes, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { listen, readBody, shut } from "../harness/http.mjs";

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
const invalid = (message) => new Refusal(400, "INVALID_PAYLOAD", message);

/** The default account: one site with two channels, of which the first is the default. */
export const WEBSITE = "atid_shop";
export const CHANNELS = ["chan_main", "chan_vip"];

/**
 * Starts the stand-in.
 * State: `calls` (everything that arrived), `visits`, `sessions`, `fbps`, `clicks`, `violations` (what must never arrive).
 * `misbehave({path, times, …})` makes the next calls fail; see `Fault` below. `reset()` forgets all of it.
 */
export async function startAdTarget({ port = 0, websites = { [WEBSITE]: { domains: null, channels: CHANNELS } }, inviteAs = "redirect" } = {}) {
  const state = { url: "", websites, inviteAs, calls: [], visits: [], sessions: new Map(), fbps: [], clicks: [], violations: [], faults: [], replays: new Map() };

  /**
   * Fault: which calls it strikes (`path`: init, update-fbp, invite or any; `times`: how many) and how:
   * `delay` ms before the answer · `status` (+ `retryAfter`) without a record · `cut`: "arrival" (nothing recorded), "headers" (recorded, no
   * answer), "body" (recorded, the answer breaks off) · `body`, `type`, `location`, `redirect` (its status) put into an otherwise good answer · `huge` bytes of body.
   * A fault with `body` or `huge` answers 200 with that body, recorded.
   */
  state.misbehave = (fault) => state.faults.push({ times: 1, ...fault });
  state.reset = () => {
    for (const list of [state.calls, state.visits, state.fbps, state.clicks, state.violations, state.faults]) list.length = 0;
    state.sessions.clear();
    state.replays.clear();
    state.inviteAs = inviteAs;
  };

  function takeFault(path) {
    const fault = state.faults.find((each) => !each.path || each.path === path);
    if (fault && --fault.times <= 0) state.faults.splice(state.faults.indexOf(fault), 1);
    return fault;
  }

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
      const clientSessionId = body.clientSessionId ? uuid(body.clientSessionId, "clientSessionId") : randomUUID();
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
      if (query.clientSessionId !== undefined) uuid(query.clientSessionId, "clientSessionId");
      const channelId = query.channelId ?? found.channels[0];
      if (!found.channels.includes(channelId)) throw new Refusal(404, "CHANNEL_NOT_FOUND", "no such channel");
      const inviteLink = `https://t.me/+${randomBytes(12).toString("base64url").replace(/[-_]/g, "x")}`;
      state.clicks.push({ ...query, channelId, inviteLink, headers });
      return state.inviteAs === "redirect" ? { status: 302, location: inviteLink } : { status: 200, body: { inviteLink } };
    },
  };

  async function answerCall(call, body) {
    const handler = handlers[`${call.method} ${call.path}`];
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
    const fresh = handler(call);
    state.replays.set(key, fresh);
    return fresh;
  }

  function inspect(call) {
    for (const name of Object.keys(call.headers)) {
      if (name === "authorization" || name.includes("api-key")) state.violations.push(`${name} on ${call.method} ${call.pathname}`);
    }
    if (`${JSON.stringify(call.headers)}${call.text}`.includes("atk_live_")) state.violations.push(`an API key on ${call.method} ${call.pathname}`);
  }

  async function serve(incoming, outgoing) {
    const { pathname, searchParams } = new URL(incoming.url, "http://adtarget.test");
    const text = await readBody(incoming);
    if (pathname.startsWith("/control/")) return control(pathname, text, outgoing);
    const path = /^(?:\/backend)?\/track\/(init|update-fbp|invite)$/.exec(pathname)?.[1];
    const call = { at: Date.now(), method: incoming.method, path, pathname, query: Object.fromEntries(searchParams), headers: incoming.headers, text };
    state.calls.push(call);
    inspect(call);

    const fault = takeFault(path) ?? {};
    if (fault.cut === "arrival") return incoming.socket.destroy();
    let answer;
    if (fault.status) {
      const code = fault.status === 429 ? "RATE_LIMITED" : "INTERNAL_ERROR";
      answer = { status: fault.status, body: { error: { code, message: "on demand" } }, retryAfter: fault.retryAfter };
    } else {
      try {
        answer = await answerCall(call, text);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer = { status: error.status, body: { error: { code: error.code, message: error.message } } };
      }
    }
    if (fault.delay) await new Promise((resolve) => setTimeout(resolve, fault.delay));
    if (fault.cut === "headers") return incoming.socket.destroy();
    call.status = answer.status;

    if (fault.body !== undefined || fault.huge) answer = { ...answer, status: 200, location: undefined };
    if (fault.redirect && answer.location) answer = { ...answer, status: fault.redirect };
    const bytes = Buffer.from(fault.huge ? `"${"x".repeat(fault.huge)}"` : (fault.body ?? (answer.body ? JSON.stringify(answer.body) : "")));
    const headers = { "content-type": fault.type ?? "application/json", "content-length": bytes.length };
    if (answer.location) headers.location = fault.location ?? answer.location;
    if (answer.replay) headers["x-idempotent-replay"] = "true";
    if (answer.retryAfter !== undefined) headers["retry-after"] = String(answer.retryAfter);
    outgoing.writeHead(answer.status, headers);
    if (fault.cut === "body") return outgoing.write(bytes.subarray(0, bytes.length >> 1), () => incoming.socket.destroy());
    outgoing.end(bytes);
  }

  function control(pathname, text, outgoing) {
    const reply = (value) => outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (pathname === "/control/misbehave") return reply(state.misbehave(JSON.parse(text)));
    if (pathname === "/control/reset") return reply(state.reset() ?? {});
    const { visits, fbps, clicks, violations, calls } = state;
    return reply({ visits, fbps, clicks, violations, calls });
  }

  const server = http.createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error) => {
      state.violations.push(`the stand-in itself: ${error.stack}`);
      outgoing.destroy();
    });
  });
  state.url = await listen(server, port);
  state.close = () => shut(server);
  return state;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const adtarget = await startAdTarget({ port: Number(process.argv[2] ?? 8799) });
  console.log(`AdTarget's stand-in answers at ${adtarget.url}; GET /control/state shows what it has seen`);
}
