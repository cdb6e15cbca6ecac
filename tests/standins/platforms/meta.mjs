// Meta's Conversions API, as developers.facebook.com documents it: the parameters of a server event and of customer information, the best
// practices' rules on what is too little to match, and the Graph API's errors.
import { randomBytes } from "node:crypto";
import { also, anything, boolean, currency, integer, ip, list, matching, noted, number, object, oneOf, oneOrMore, required, sha256, string, url, written } from "./checks.mjs";
import { DAY_MS, HOUR_MS, Refusal, faultsIn, jsonOf } from "./server.mjs";

/** The default account. */
export const META = { pixelId: "1234567890123456", accessToken: "EAAMetaToken0123456789abcdefghijklmnopqrstuvwxyz" };

const MAX_EVENTS = 1_000;
const MAX_AGE_MS = 7 * DAY_MS;
const MAX_AGE_IN_STORE_MS = 62 * DAY_MS;
const DEDUPLICATION_MS = 48 * HOUR_MS;

const hashes = oneOrMore(sha256);
const strings = oneOrMore(string);
const browserId = (pattern, what) => noted(matching(pattern, what));
const USER_DATA = object({
  em: hashes, ph: hashes, fn: hashes, ln: hashes, ge: hashes, db: hashes, ct: hashes, st: hashes, zp: hashes, country: hashes, external_id: strings,
  client_ip_address: ip, client_user_agent: string,
  fbc: browserId(/^fb\.[0-2]\.\d{13}\.\S+$/, "fb.<index>.<ms>.<fbclid>"), fbp: browserId(/^fb\.[0-2]\.\d{13}\.\d{1,10}$/, "fb.<index>.<ms>.<number>"),
  subscription_id: string, fb_login_id: integer, lead_id: integer, anon_id: string, madid: string, page_id: string, page_scoped_user_id: string,
  ctwa_clid: string, ig_account_id: string, ig_sid: string,
});
const CUSTOM_DATA = object({
  currency: currency({ anyCase: true }), value: number, order_id: string, content_name: string, content_ids: list(string), num_items: integer,
}, { open: true });
const EVENT = object({
  event_name: required(string), event_time: required(integer), user_data: required(USER_DATA), custom_data: CUSTOM_DATA, event_source_url: url, opt_out: boolean,
  event_id: string, referrer_url: url, customer_segmentation: string, app_data: anything, original_event_data: anything, attribution_data: anything,
  action_source: required(oneOf("email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging", "other")),
  data_processing_options: list(oneOf("LDU"), { min: 0 }), data_processing_options_country: oneOf(0, 1), data_processing_options_state: integer,
});
const requestAt = (nowMs) => object({
  data: required(list(also(EVENT, together(nowMs)), { max: MAX_EVENTS })), access_token: string, test_event_code: string,
  partner_agent: string, namespace_id: string, upload_id: string, upload_tag: string, upload_source: string,
});

// Each by itself, or a part of it alone, is too broad to match anyone: best practices, "Baseline requirements for matching".
const TOO_BROAD = [["ct", "country", "st", "zp", "ge", "client_user_agent"], ["db", "client_user_agent"], ["fn", "ge"], ["ln", "ge"]];

const trace = () => ({ fbtrace_id: `A${randomBytes(16).toString("base64url").slice(0, 22)}` });
const graphError = (status, code, message, more = {}) => ({ status, body: { error: { message, type: "OAuthException", code, ...more, ...trace() } } });
const invalid = (title, text, subcode) =>
  graphError(400, 100, "Invalid parameter", { ...(subcode && { error_subcode: subcode }), is_transient: false, error_user_title: title, error_user_msg: text });

/** The Graph API's error codes that `misbehave({kind: "code"})` knows. */
const CODES = {
  1: [500, "An unknown error occurred", { is_transient: true }],
  2: [500, "Service temporarily unavailable", { is_transient: true }],
  3: [400, "(#3) Application does not have the capability to make this API call."],
  4: [403, "(#4) Application request limit reached", { is_transient: true }],
  17: [400, "(#17) User request limit reached", { is_transient: true }],
  100: [400, "(#100) Invalid parameter"],
  105: [400, "(#105) Too many parameters"],
  190: [401, "Invalid OAuth access token - Cannot parse access token"],
  200: [403, "(#200) Permissions error"],
  294: [403, "(#294) Managing advertisements requires the extended permission ads_management."],
  341: [400, "(#341) Feed action request limit reached"],
  368: [400, "(#368) The action attempted has been deemed abusive or is otherwise disallowed"],
  5000: [500, "(#5000) Unknown error"],
  21009: [500, "(#21009) Unknown error"],
  80003: [400, "(#80003) There have been too many calls to this ad-account. Wait a bit and try again.", { is_transient: true }],
};
const failure = (code) => {
  const [status, message, more] = CODES[code] ?? [400, `(#${code}) Unknown error`];
  return graphError(status, code, message, more);
};

/** A path as the Graph API writes it: `data[0]['event_time']`. */
const graphPath = ([first, ...rest]) => first + rest.map((word) => (typeof word === "number" ? `[${word}]` : `['${word}']`)).join("");

function answerTo({ path, kind, text, title, subcode }) {
  if (title) return invalid(title, `${written(path)} ${text}`, subcode);
  if (kind === "missing") return graphError(400, 100, `(#100) The parameter ${graphPath(path)} is required`);
  if (kind === "type") return graphError(400, 100, `(#100) Param ${graphPath(path)} must be ${text}`);
  if (kind === "unknown") return graphError(400, 100, `(#100) Invalid keys "${path.at(-1)}" were found in param "${graphPath(path.slice(0, -1))}".`);
  if (kind === "hash") return invalid("Customer information is not hashed", `${written(path)} ${text}`);
  return graphError(400, 100, `(#100) Param ${graphPath(path)} ${text}`);
}

/** What holds between fields, at `nowMs`. */
function together(nowMs) {
  return (event, path, report) => {
    const at = (...words) => [...path, ...words];
    const { event_time: time, user_data: user, custom_data: custom, action_source: source } = event;
    if (Number.isSafeInteger(time)) {
      const age = nowMs - time * 1000;
      if (time > 1e11) report(at("event_time"), "range", "is in milliseconds, not seconds", { title: "Event Timestamp in the Future" });
      else if (age < -60_000) report(at("event_time"), "range", "is in the future", { title: "Event Timestamp in the Future" });
      else if (age > (source === "physical_store" ? MAX_AGE_IN_STORE_MS : MAX_AGE_MS)) {
        report(at("event_time"), "range", "is more than 7 days ago", { title: "Event Timestamp Too Old", subcode: 2804003 });
      }
    }
    if (user && typeof user === "object") {
      const keys = Object.keys(user);
      if (TOO_BROAD.some((group) => keys.every((key) => group.includes(key)))) {
        report(at("user_data"), "form", "is too little to match anyone", { title: "You haven't added sufficient customer information parameter data for this event", subcode: 2804050 });
      }
      if (source === "website" && !user.client_user_agent) report(at("user_data", "client_user_agent"), "missing", "is required");
      const clickMs = Number(/^fb\.\d\.(\d{13})\./.exec(user.fbc)?.[1]);
      if (clickMs && nowMs - clickMs > 90 * DAY_MS) report(at("user_data", "fbc"), "range", "is of a click over 90 days ago", { soft: true });
    }
    if (source === "website" && !event.event_source_url) report(at("event_source_url"), "missing", "is required");
    if (event.event_name === "Purchase") {
      if (custom?.currency === undefined) report(at("custom_data", "currency"), "missing", "is required", { title: "Missing Currency for Purchase Event" });
      if (custom?.value === undefined) report(at("custom_data", "value"), "missing", "is required", { title: "Missing Value for Purchase Event", subcode: 2804019 });
    }
    if (event.data_processing_options?.includes?.("LDU")) {
      for (const name of ["data_processing_options_country", "data_processing_options_state"]) {
        if (event[name] === undefined) report(at(name), "missing", "is required with LDU");
      }
    }
  };
}

export function metaPlatform({ accounts = [META] } = {}) {
  function account(call, state, body) {
    const [, version, pixelId] = /^\/v(\d+)\.0\/([^/]+)\/events$/.exec(call.path) ?? [];
    if (!version) {
      call.breach("no such path");
      throw new Refusal(graphError(400, 2500, "Unknown path components"));
    }
    const token = body.access_token ?? /^Bearer (.+)$/.exec(call.headers.authorization ?? "")?.[1] ?? call.query.access_token;
    if (!token) {
      call.breach("no access token");
      throw new Refusal(graphError(400, 104, "An access token is required to request this resource."));
    }
    const own = accounts.filter((each) => each.accessToken === token);
    if (!own.length) call.breach("an unknown access token");
    if (state.revoked || !own.length) throw new Refusal(failure(190));
    if (own.some((each) => each.pixelId === pixelId)) return;
    call.breach("an unknown pixel id");
    const text =
      `Unsupported post request. Object with ID '${pixelId}' does not exist, cannot be loaded due to missing permissions, or does not support ` +
      "this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api";
    throw new Refusal({ status: 400, body: { error: { message: text, type: "GraphMethodException", code: 100, error_subcode: 33, ...trace() } } });
  }

  return {
    name: "meta",
    accounts,
    secrets: accounts.map(({ accessToken }) => accessToken),
    take(call, state) {
      const body = jsonOf(call, (what) => graphError(400, 100, `(#100) ${what}`));
      account(call, state, body);
      const [fault] = faultsIn(call, requestAt(state.nowMs()), body);
      if (fault) throw new Refusal(answerTo(fault));
      const events = body.data.map((event, index) => ({
        // Without an id nothing is ever a copy.
        id: event.event_id ?? `${state.requests.length}:${index}`,
        keys: event.event_id === undefined ? [] : [[`${call.path} ${event.event_name} ${event.event_id}`, DEDUPLICATION_MS]],
        event,
      }));
      return { events, test: body.test_event_code !== undefined, body: { events_received: events.length, messages: [], ...trace() } };
    },
    outage: (status) => ({ ...failure(status === 429 ? 4 : 2), status }),
    failure,
    poisoned: (index) => answerTo({ path: ["data", index, "event_name"], kind: "form", text: "can't be taken" }),
  };
}
