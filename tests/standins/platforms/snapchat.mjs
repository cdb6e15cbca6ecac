// Snapchat's Conversions API v3, as developers.snap.com documents it: Using the API, Parameters, Verify Set Up. Its token goes in the URL.
import { also, anything, currency, integer, ip, list, matching, number, object, oneOf, oneOrMore, required, sha256, string, url, written } from "./checks.mjs";
import { DAY_MS, HOUR_MS, Refusal, faultsIn, jsonOf } from "./server.mjs";

/** The default account. */
export const SNAPCHAT = { pixelId: "1ec32188-754e-4be2-8e55-c949a984a39f", accessToken: "snap.token-0123456789abcdef0123456789abcdef" };

const MAX_EVENTS = 2_000;
const MAX_AGE_MS = 37 * DAY_MS;
const DEDUPLICATION_MS = 48 * HOUR_MS;
const ORDER_DEDUPLICATION_MS = 30 * DAY_MS;

const EVENT_NAMES = [
  "PAGE_VIEW", "VIEW_CONTENT", "ADD_CART", "ADD_TO_WISHLIST", "SIGN_UP", "SEARCH", "PURCHASE", "ADD_BILLING", "COMPLETE_TUTORIAL", "SUBSCRIBE", "AD_CLICK", "AD_VIEW",
  "START_CHECKOUT", "RATE", "LIST_VIEW", "ADD_TO_CART", "LEVEL_COMPLETE", "ACHIEVEMENT_UNLOCKED", "SPEND_CREDITS", "SAVE", "SHARE", "INVITE", "LOGIN", "RESERVE",
  "START_TRIAL", "CUSTOM_EVENT_1", "CUSTOM_EVENT_2", "CUSTOM_EVENT_3", "CUSTOM_EVENT_4", "CUSTOM_EVENT_5",
];
const hashes = oneOrMore(sha256);
/** Amounts are numbers, or strings of them as in the documents' own example. */
const amount = (value, path, report) => (typeof value === "string" ? matching(/^\d+(\.\d+)?$/, "an amount")(value, path, report) : number(value, path, report));
const EVENT = object({
  event_name: required(oneOf(...EVENT_NAMES)), event_time: required(integer), event_id: string, event_source_url: url, integration: string,
  action_source: required(oneOf("WEB", "MOBILE_APP", "OFFLINE")), data_processing_options: list(oneOf("LMU"), { min: 0 }), app_data: anything,
  user_data: required(object({
    em: hashes, ph: hashes, fn: hashes, ln: hashes, ge: hashes, db: hashes, ct: hashes, st: hashes, zp: hashes, country: hashes, external_id: hashes,
    client_ip_address: ip, client_user_agent: string, sc_click_id: string, sc_cookie1: string, idfv: string, madid: string, subscription_id: string, lead_id: string,
  })),
  custom_data: object({ currency: currency(), value: amount, order_id: string, content_ids: list(string), num_items: amount, event_id: string }, { open: true }),
});

const reply = (status, verdict, reason) => ({ status, body: { status: verdict, reason } });

/** What `misbehave({kind: "code"})` knows: a status of the body's, under HTTP 200 as well. */
const failure = (code) => reply(code === "INVALID_TOKEN" ? 401 : code === "INVALID_UNDER_200" ? 200 : 400, code === "INVALID_TOKEN" ? "UNAUTHORIZED" : "INVALID", `${code}`);

function answerTo({ path, kind, text }) {
  if (kind === "missing") return reply(400, "INVALID", `Missing required field: ${path.at(-1)}`);
  if (kind === "hash") return reply(400, "INVALID", `Unhashed PII: ${path.filter((word) => typeof word === "string").at(-1)}`);
  return reply(400, "INVALID", `Invalid ${written(path)}: ${kind === "type" ? `must be ${text}` : text}`);
}

function together(nowMs) {
  return (event, path, report) => {
    const at = (...words) => [...path, ...words];
    const { user_data: user, custom_data: custom } = event;
    if (Number.isSafeInteger(event.event_time)) {
      const age = nowMs - event.event_time * 1000;
      if (event.event_time > 1e11) report(at("event_time"), "range", "is in milliseconds, not seconds");
      else if (age > MAX_AGE_MS) report(at("event_time"), "range", "is more than 37 days ago");
      else if (age < -60_000) report(at("event_time"), "range", "is in the future");
    }
    if (event.action_source === "WEB" && !event.event_source_url) report(at("event_source_url"), "missing", "is required");
    if (event.action_source === "MOBILE_APP" && !event.app_data) report(at("app_data"), "missing", "is required");
    if (user && !(user.em || user.ph || user.madid || (user.client_ip_address && user.client_user_agent))) report(at("user_data"), "form", "has insufficient PII");
    if (event.event_name === "PURCHASE") {
      for (const name of ["currency", "value"]) if (custom?.[name] === undefined) report(at("custom_data", name), "missing", "is required");
    }
    if (event.event_id === undefined) report(at("event_id"), "missing", "is missing: nothing can tell a copy", { soft: true });
  };
}

export function snapchatPlatform({ accounts = [SNAPCHAT] } = {}) {
  return {
    name: "snapchat",
    accounts,
    secrets: accounts.map(({ accessToken }) => accessToken),
    secretInUrl: true,
    take(call, state) {
      const [, pixelId, test] = /^\/v3\/([^/]+)\/events(\/validate)?$/.exec(call.path) ?? [];
      if (!pixelId) {
        call.breach("no such path");
        throw new Refusal(reply(404, "ERROR", "Not found"));
      }
      const token = call.query.access_token ?? /^Bearer (.+)$/.exec(call.headers.authorization ?? "")?.[1];
      const own = accounts.filter(({ accessToken }) => accessToken === token);
      if (!own.length) call.breach(token ? "an unknown access token" : "no access token");
      if (state.revoked || !own.length) throw new Refusal(failure("INVALID_TOKEN"));
      if (!own.some((each) => each.pixelId === pixelId)) {
        call.breach("an unknown pixel id");
        throw new Refusal(reply(401, "UNAUTHORIZED", "The token has no access to this asset"));
      }
      const body = jsonOf(call, (what) => reply(400, "INVALID", what));
      const [fault] = faultsIn(call, object({ data: required(list(also(EVENT, together(state.nowMs())), { max: MAX_EVENTS })) }), body);
      if (fault) throw new Refusal(answerTo(fault));
      const events = body.data.map((event, index) => {
        const keys = [];
        if (event.event_id !== undefined) keys.push([`${pixelId} event ${event.event_id}`, DEDUPLICATION_MS]);
        if (event.event_name === "PURCHASE" && event.custom_data.order_id) keys.push([`${pixelId} order ${event.custom_data.order_id}`, ORDER_DEDUPLICATION_MS]);
        return { id: event.event_id ?? `${state.requests.length}:${index}`, keys, event };
      });
      return { ...reply(200, "VALID", "Events have been processed successfully."), events, test: test !== undefined };
    },
    outage: (status) => reply(status, "ERROR", status === 429 ? "Rate limit exceeded" : "Internal error"),
    failure,
    poisoned: (index) => answerTo({ path: ["data", index, "event_name"], kind: "form", text: "can't be taken" }),
  };
}
