// TikTok's Events API 2.0, as business-api.tiktok.com documents it. Whatever is wrong, HTTP says 200 and the body's `code` says what.
import { randomUUID } from "node:crypto";
import { also, anything, boolean, currency, integer, ip, list, matching, noted, number, object, oneOf, oneOrMore, required, sha256, string, url } from "./checks.mjs";
import { HOUR_MS, Refusal, faultsIn, jsonOf } from "./server.mjs";

/** The default account. */
export const TIKTOK = { pixelCode: "C4A1B2C3D4E5F6G7H8I0", accessToken: "tiktok-token-0123456789abcdef0123456789abcdef" };

const MAX_EVENTS = 1_000;
const DEDUPLICATION_MS = 48 * HOUR_MS;

const hashes = oneOrMore(sha256);
const CONTENT = object({
  content_id: string, content_type: oneOf("product", "product_group"), content_name: string, content_category: string, price: number, quantity: integer, brand: string,
});
const EVENT = object({
  event: required(string), event_time: required(integer), event_id: string, limited_data_use: boolean,
  user: required(object({
    email: hashes, phone: hashes, external_id: hashes, ttclid: string, ttp: string, ip, user_agent: string, locale: string,
    first_name: hashes, last_name: hashes, city: string, state: string, country: string, zip_code: sha256, idfa: string, idfv: string, gaid: string, att_status: string,
  })),
  page: object({ url: required(url), referrer: url }),
  properties: object({
    value: number, currency: currency(), contents: list(CONTENT), content_ids: list(string), content_type: oneOf("product", "product_group"), content_name: string,
    num_items: integer, query: string, description: string, order_id: string, shop_id: string, status: string,
  }, { open: true }),
  ad: anything, app: anything, lead: anything,
});
// Of what the documents don't name, TikTok says nothing: it is noted.
const requestFrom = (source) => noted(object({
  event_source: required(oneOf("web", "app", "offline", "crm")), event_source_id: required(string), test_event_code: matching(/^TEST\d+$/, "a test code"),
  data: required(list(also(EVENT, together(source)), { max: MAX_EVENTS })), partner_name: string, pixel_code: string,
}), "unknown");

const requestId = () => `${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}${randomUUID().replaceAll("-", "").slice(0, 18).toUpperCase()}`;
const reply = (code, message) => ({ status: 200, body: { code, message, request_id: requestId(), data: {} } });

/** TikTok's return codes that `misbehave({kind: "code"})` knows. */
const CODES = {
  20001: "Partial success",
  40000: "Invalid request",
  40001: "No permission to operate pixel code. You must be an admin or operator of this advertiser account.",
  40002: "Invalid parameters",
  40100: "Too many requests. Please retry in some time.",
  40102: "Access token is expired.",
  40104: "Access token is empty.",
  40105: "Access token is incorrect or has been revoked.",
  50000: "System error",
  50002: "Service error",
};
const failure = (code) => reply(code, CODES[code] ?? "Unknown error");
const WORDS = {
  "a string": "Not a valid string.", "a number": "Not a valid number.", "an integer": "Not a valid integer.", "a boolean": "Not a valid boolean.",
  "an array": "Not a valid list.", "an object": "Invalid input type.",
};

function answerTo({ path, kind, text }) {
  const said = kind === "missing" ? "Missing data for required field." : kind === "type" ? WORDS[text] : `The value ${text}.`;
  return reply(40002, `${path.join(".")}: ${said}`);
}

function together(source) {
  return (event, path, report) => {
    if (event.event_time > 1e11) report([...path, "event_time"], "range", "is in milliseconds, not seconds");
    // Without a page, or without anyone to match, TikTok takes a web event and can do nothing with it.
    if (source === "web" && !event.page) report([...path, "page"], "missing", "is required", { soft: true });
    const { user } = event;
    const matches = user && (["email", "phone", "external_id", "ttclid", "ttp"].some((key) => user[key]) || (user.ip && user.user_agent));
    if (user && !matches) report([...path, "user"], "form", "has nobody to match", { soft: true });
    if (event.event_id === undefined) report([...path, "event_id"], "missing", "is missing: nothing can tell a copy", { soft: true });
  };
}

export function tiktokPlatform({ accounts = [TIKTOK] } = {}) {
  return {
    name: "tiktok",
    accounts,
    secrets: accounts.map(({ accessToken }) => accessToken),
    take(call, state) {
      if (!/^\/open_api\/v1\.3\/event\/track\/$/.test(call.path)) {
        call.breach("no such path");
        throw new Refusal({ status: 404, body: { code: 40006, message: "The path is invalid.", request_id: requestId() } });
      }
      const token = call.headers["access-token"];
      if (!token) {
        call.breach("no Access-Token");
        throw new Refusal(failure(40104));
      }
      const own = accounts.filter(({ accessToken }) => accessToken === token);
      if (!own.length) call.breach("an unknown access token");
      if (state.revoked || !own.length) throw new Refusal(failure(40105));
      const body = jsonOf(call, (what) => reply(40002, what));
      const [fault] = faultsIn(call, requestFrom(body.event_source), body);
      if (fault) throw new Refusal(answerTo(fault));
      if (!own.some(({ pixelCode }) => pixelCode === body.event_source_id)) {
        call.breach("an unknown pixel code");
        throw new Refusal(reply(40001, `No permission to operate pixel code: ${body.event_source_id}. You must be an admin or operator of this advertiser account.`));
      }
      const events = body.data.map((event, index) => ({
        id: event.event_id ?? `${state.requests.length}:${index}`,
        keys: event.event_id === undefined ? [] : [[`${body.event_source_id} ${event.event} ${event.event_id}`, DEDUPLICATION_MS]],
        event,
      }));
      return { ...reply(0, "OK"), events, test: body.test_event_code !== undefined };
    },
    outage: (status) => ({ ...failure(status === 429 ? 40100 : 50000), status }),
    failure,
    poisoned: (index) => answerTo({ path: ["data", index, "event"], kind: "form", text: "can't be taken" }),
  };
}
