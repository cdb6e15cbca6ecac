// Google Analytics 4's Measurement Protocol, as developers.google.com documents it. It says 204 to whatever comes; its validation server, under
// /debug, says what is wrong, of the body alone.
import { also, anything, boolean, currency, integer, ip, list, matching, noted, number, object, oneOf, oneOrMore, problems, required, sha256, string, written } from "./checks.mjs";
import { HOUR_MS, Refusal, faultsIn, jsonOf } from "./server.mjs";

/** The default data stream. */
export const GA4 = { measurementId: "G-EDGEWAY123", apiSecret: "ga4-secret-0123456789" };

const MAX_EVENTS = 25;
const MAX_PARAMETERS = 25;
const MAX_BYTES = 130_000;
const MAX_AGE_MS = 72 * HOUR_MS;
const RESERVED_EVENTS = new Set([
  "ad_activeview", "ad_click", "ad_exposure", "ad_impression", "ad_query", "ad_reward", "adunit_exposure", "app_background", "app_clear_data", "app_exception", "app_remove",
  "app_store_refund", "app_store_subscription_cancel", "app_store_subscription_convert", "app_store_subscription_renew", "app_update", "app_upgrade", "dynamic_link_app_open",
  "dynamic_link_app_update", "dynamic_link_first_open", "error", "firebase_campaign", "firebase_in_app_message_action", "firebase_in_app_message_dismiss",
  "firebase_in_app_message_impression", "first_open", "first_visit", "in_app_purchase", "notification_dismiss", "notification_foreground", "notification_open",
  "notification_receive", "notification_send", "os_update", "session_start", "user_engagement",
]);
const RESERVED_PREFIX = /^(_|firebase_|ga_|google_|gtag\.)/;

const hashes = oneOrMore(sha256);
const CONSENT = oneOf("GRANTED", "DENIED");
const ADDRESS = object({ sha256_first_name: sha256, sha256_last_name: sha256, sha256_street: sha256, city: string, region: string, postal_code: string, country: string });

const microseconds = (nowMs) => (value, path, report) => {
  if (!Number.isSafeInteger(value)) return report(path, "type", "an integer");
  const age = nowMs - value / 1000;
  if (value < 1e14) report(path, "form", "is not in microseconds");
  else if (age > MAX_AGE_MS) report(path, "range", "is more than 72 hours ago");
  else if (age < -60_000) report(path, "form", "is in the future");
};

/** A name of an event or a parameter. */
function nameProblem(name, max) {
  if (!/^[a-z]/i.test(name)) return ["NAME_INVALID", "Names must start with an alphabetic character."];
  if (!/^\w+$/.test(name)) return ["NAME_INVALID", "Only alphanumeric characters and underscores are allowed."];
  if (name.length > max) return ["NAME_INVALID", `Names must be ${max} characters or fewer.`];
  return RESERVED_PREFIX.test(name) ? ["NAME_RESERVED", "The name has a reserved prefix."] : undefined;
}

const parameters = (event, path, report) => {
  const at = (...words) => [...path, ...words];
  const { name, params = {} } = event;
  if (typeof name === "string") {
    const wrong = RESERVED_EVENTS.has(name) ? ["NAME_RESERVED", "The name is reserved."] : nameProblem(name, 40);
    if (wrong) report(at("name"), "form", `has invalid name [${name}]. ${wrong[1]}`, { code: wrong[0], event: true });
  }
  if (params === null || typeof params !== "object") return;
  const named = Object.entries(params);
  if (named.length > MAX_PARAMETERS) report(at("params"), "range", `has more than ${MAX_PARAMETERS} parameters`, { code: "EXCEEDED_MAX_ENTITIES" });
  for (const [parameter, value] of named) {
    const wrong = nameProblem(parameter, 40);
    if (wrong) report(at("params", parameter), "form", wrong[1], { code: wrong[0] });
    if (typeof value === "string" && value.length > (/^page_(location|referrer)$/.test(parameter) ? 1_000 : parameter === "page_title" ? 300 : 100)) {
      report(at("params", parameter), "range", "is too long", { code: "VALUE_OUT_OF_BOUNDS" });
    }
    if (parameter !== "items" && value !== null && typeof value === "object") report(at("params", parameter), "type", "a string or a number");
  }
  if (params.value !== undefined && params.currency === undefined) report(at("params", "currency"), "missing", "is required with a value");
  if (name === "purchase" && params.transaction_id === undefined) report(at("params", "transaction_id"), "missing", "is required");
};

function requestAt(nowMs) {
  const micros = microseconds(nowMs);
  const params = object({
    currency: currency(), value: number, transaction_id: string, timestamp_micros: micros, engagement_time_msec: integer, session_id: matching(/^\d+$/, "digits"),
    items: list(anything, { max: 200 }),
  }, { open: true });
  return object({
    client_id: required(noted(matching(/^\d+\.\d+$/, "two numbers joined by a period"), "form")), user_id: string,
    timestamp_micros: micros, user_properties: anything, non_personalized_ads: boolean,
    user_data: object({ sha256_email_address: hashes, sha256_phone_number: hashes, address: oneOrMore(ADDRESS) }),
    consent: object({ ad_user_data: CONSENT, ad_personalization: CONSENT }), user_location: anything, ip_override: ip, device: anything, user_agent: string,
    validation_behavior: oneOf("RELAXED", "ENFORCE_RECOMMENDATIONS"),
    events: required(list(also(object({ name: required(string), params }), parameters), { max: MAX_EVENTS })),
  });
}

/** A problem as the validation server words it. */
function message({ path, kind, text, code, event, length }) {
  const CODES = { missing: "VALUE_REQUIRED", range: length > MAX_EVENTS ? "EXCEEDED_MAX_ENTITIES" : "VALUE_OUT_OF_BOUNDS", unknown: "NAME_INVALID" };
  const fieldPath = event ? "events" : written(path);
  const description = event ? `Event at index: [${path[1]}] ${text}` : `Measurement ${fieldPath} ${kind === "type" ? `is not ${text}` : text}.`;
  return { fieldPath, description, validationCode: code ?? CODES[kind] ?? "VALUE_INVALID" };
}

const SAID = { status: 204 };
const saying = (validationMessages) => ({ status: 200, body: { validationMessages } });

export function ga4Platform({ accounts = [GA4] } = {}) {
  return {
    name: "ga4",
    accounts,
    secrets: accounts.map(({ apiSecret }) => apiSecret),
    secretInUrl: true,
    take(call, state) {
      const debug = call.path === "/debug/mp/collect";
      if (!debug && call.path !== "/mp/collect") {
        call.breach("no such path");
        throw new Refusal({ status: 404, html: "<html></html>" });
      }
      const body = jsonOf(call, (what) =>
        debug ? saying([{ fieldPath: "", description: `Unable to parse Measurement Protocol JSON payload. ${what}`, validationCode: "VALUE_INVALID" }]) : SAID,
      );
      if (debug) {
        const found = problems(requestAt(state.nowMs()), body).filter(({ soft }) => !soft);
        const events = Array.isArray(body.events) ? body.events.map((event) => ({ event })) : [];
        return { events, test: true, ...saying(found.map(message)) };
      }
      const { measurement_id: id, api_secret: secret } = call.query;
      const known = accounts.some(({ measurementId, apiSecret }) => measurementId === id && apiSecret === secret);
      if (!known) call.breach("an unknown measurement_id or api_secret");
      if (call.bytes > MAX_BYTES) call.breach(`the body has ${call.bytes} bytes`);
      const found = faultsIn(call, requestAt(state.nowMs()), body);
      // What is wrong is dropped without a word.
      if (found.length || !known || state.revoked || call.bytes > MAX_BYTES) throw new Refusal(SAID);
      const events = body.events.map((event, index) => {
        const order = event.params?.transaction_id;
        return { id: order ?? `${state.requests.length}:${index}`, keys: order === undefined ? [] : [[`${id} ${event.name} ${order}`, Infinity]], event };
      });
      return { ...SAID, events };
    },
    outage: (status) => ({ status, html: `<html><title>Error ${status}</title></html>` }),
    failure: () => SAID,
    poisoned: () => SAID,
  };
}
