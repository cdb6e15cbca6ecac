// Whatever is sent, to whatever takes input: an answer that says what is wrong, no failure, and the next good call is taken.
// Each run makes other cases; a failure names its seed, and `SEED=… npm test -- tests/edge.bad-input.test.mjs` makes the same again.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHmac, randomInt, randomUUID } from "node:crypto";
import { AD, WEEK } from "./harness/adstat.mjs";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { CLUB, NEWS, clickId, startChats } from "./harness/chats.mjs";
import { numbers } from "./harness/numbers.mjs";
import { only } from "./harness/world.mjs";
import { ACCOUNT, KKTU, PASSWORD, USERNAME, startAdStat } from "./standins/adstat.mjs";
import { BOT, WEBHOOK_SECRET } from "./standins/botapi.mjs";

const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));
const CASES = 90;
const AT_ONCE = 24;
const WEBSITE = "atid_shop";
const SHOP_KEY = Buffer.alloc(24, 7);
const STRIPE_SECRET = "whsec_stripes_own_7f3a";
const CRM_SECRET = "a-shared-secret";
const SITES = [
  {
    websiteId: WEBSITE,
    domains: ["shop.test"],
    channels: [
      { slug: "news", channelId: "chan_news", invite: "https://t.me/+NewsFallback01", telegramId: NEWS.id, purchaseValue: "manual" },
      { slug: "club", channelId: "chan_club", invite: "https://t.me/+ClubFallback01", telegramId: CLUB.id, mode: "request", poolSize: 1 },
    ],
  },
];
const MAP = {
  reference: "/customer/ref", eventType: { at: "/kind", table: { paid: "Purchase", new: "Lead" } }, value: "/total", currency: "/currency", email: "/customer/email",
  phone: "/customer/phone", firstName: "/customer/first_name", externalUserId: "/customer/id", contentName: "/product/name", eventTime: "/paid_at",
};
const WEBHOOKS = [
  { source: "shop", scheme: "standard", secret: "SHOP_SECRET", websiteId: WEBSITE, channelId: "news", when: { "/type": ["order.paid"] }, map: MAP },
  { source: "stripe", scheme: "stripe", secret: "STRIPE_SECRET", preset: "stripe-checkout", websiteId: WEBSITE },
  { source: "crm", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, hmac: { signatureHeader: "X-Signature", encoding: "hex" }, map: { telegramUserId: "/user", eventType: "/event", customEventName: "/name", channelId: "/channel" } },
];
/** The most bytes a body may have: of calls, of webhooks. */
const [CALL_LIMIT, HOOK_LIMIT] = [16 * 1024, 256 * 1024];

// ---- making cases --------------------------------------------------------------------------------------------------------------

/** Chance that is the same for the same seed. */
function chance(seed) {
  const next = numbers(seed);
  const below = (bound) => Math.floor(next() * bound);
  const of = (list) => list[below(list.length)];
  return { below, of, one: (share) => next() < share };
}

const nested = (open, close, depth) => open.repeat(depth) + close.repeat(depth);
/** Values as they are written: of each type, at the ends of their ranges and beyond. */
const VALUES = [
  "null", "true", "false", "0", "-0", "-1", "1.5", "1e400", "-1e400", "1e308", "1e-400", "9007199254740993", "4503599627370496", "18446744073709551616", "9".repeat(400), `0.${"9".repeat(300)}`,
  '""', '" "', '"x"', '"0"', '"-1001234567890"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"a\\u2028b"', '"\\r\\nSet-Cookie: a=b"', '"%00"', `"${"é".repeat(3_000)}"`, `"${"x".repeat(9_000)}"`,
  '"__proto__"', '"javascript:alert(1)"', '"https://evil.test/"', '"https://"', '"https://[::1"', '"\' OR 1=1 --"', '"00000000-0000-0000-0000-000000000000"', '"ffffffffffffffffffffffffffffffff"', '"2026-13-45T99:99:99Z"',
  '"fb.1.99999999999999999999.1"', '"fb.9.0."', '"granted"', '"edge"', "[]", "[[]]", '["x"]', "{}", '{"__proto__":{"x":1}}', '{"a":{"b":{"c":1}}}', '{"id":1,"id":2}', nested("[", "]", 60), nested("[", "]", 120), nested("[", "]", 130),
];
/** What is no JSON, or more than anyone reads. */
const BROKEN = [nested("[", "]", 1_500), `${'{"a":'.repeat(900)}1${"}".repeat(900)}`, "NaN", "undefined", "'x'", "01", "+1", "1.", ".5", '"\u0001"', '"\\x"', ""];
const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "", " ", "\\u0000", "\\ud800", "a.b", "$", "tempId", "websiteId", "id", "x".repeat(2_000), "ключ"];
const BODIES = [
  "", " ", "null", "true", "1", '"x"', "[]", "{}", "{", "}", "[{}]", '{"a":1}{"b":2}', "\ufeff{}", nested("[", "]", 8_000), "[".repeat(8_000), '{"a":'.repeat(3_000), `{"pii":${'{"a":'.repeat(1_500)}1${"}".repeat(1_500)}}`, "a=b&c=d", "<xml/>", "\0".repeat(100),
].map((text) => Buffer.from(text)).concat([Buffer.from([0xff, 0xfe, 0, 0x7b]), Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0x1f, 0x8b, 8, 0])]);
const TYPES = ["", "text/plain", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "APPLICATION/JSON", ";", "\u00e4/\u00f6", "x".repeat(3_000)];
const APP_LINK = "tg://resolve?domain=evil";
/** What stands in a query, a path or a header, as far as such a thing can be sent. */
const WORDS = [
  "", "%", "%00", "%ff%fe", "%c3%28", "%ed%a0%80", "%0d%0aSet-Cookie:a=b", "..%2f..%2f", "%2e%2e", "a%2Fb", "-1", "9".repeat(400), "x".repeat(4_000), "__proto__", "%F0%9F%98%80", "null", "https://evil.test/", "%27%20OR%201=1%20--",
  "00000000-0000-0000-0000-000000000000", "ffffffffffffffffffffffffffffffff", "news", "chan_news", "a;b=c", "&&==&", "+++", "~", APP_LINK,
];
const HEADERS = ["cookie", "referer", "origin", "user-agent", "accept-language", "cf-ipcountry", "idempotency-key", "x-adtarget-client-ip", "x-adtarget-client-user-agent", "accept", "sec-purpose", "authorization", "x-telegram-bot-api-secret-token", "webhook-timestamp"];
const FORGED = ["", "\u00ff\u00fe", "x".repeat(5_000), "null", "https://evil.test", "://", "https://www.shop.test", "adtarget_temp_id=%00; adtarget_temp_id=; _fbc=;;;=", `_fbp=${"9".repeat(900)}; __proto__=1`, "adtarget_touch=%7B%22", "999.999.999.999", "a\tb", "Bearer ", "\u00e9".repeat(300)];

/** JSON text in which an object is a list of pairs and a Raw stands as it is: so that keys can come twice and values be wrong. */
class Raw {
  constructor(text) {
    this.text = text;
  }
}
const pairs = (value) => (Array.isArray(value) ? value.map(pairs) : value && typeof value === "object" ? new Map(Object.entries(value).map(([name, each]) => [new Raw(JSON.stringify(name)), pairs(each)])) : value);
function written(value) {
  if (value instanceof Raw) return value.text;
  if (value instanceof Map) return `{${[...value].map(([name, each]) => `${name.text}:${written(each)}`)}}`;
  return Array.isArray(value) ? `[${value.map(written)}]` : JSON.stringify(value);
}

/** One thing in a body made wrong, at any depth. */
function bend(object, { of, one, below }) {
  const fields = [...object];
  const field = of(fields);
  if (field && field[1] instanceof Map && one(0.6)) return bend(field[1], { of, one, below });
  const name = field?.[0] ?? new Raw('"x"');
  const value = new Raw(of(one(0.06) ? BROKEN : VALUES));
  const kind = below(field ? 10 : 1);
  if (kind === 0) object.set(new Raw(`"${of(NAMES)}"`), value);
  else if (kind === 1) object.delete(name);
  // Twice.
  else if (kind === 2) object.set(new Raw(name.text), value);
  else object.set(name, value);
}

/** A body that is wrong in one to three ways, or wholly. */
function badBody(good, limit, luck) {
  const { below, of, one } = luck;
  if (one(0.08)) return of(BODIES);
  const body = pairs(good);
  for (let times = one(0.6) ? 1 : 1 + below(3); times > 0; times -= 1) bend(body, luck);
  let bytes = Buffer.from(written(body));
  if (one(0.06)) bytes = bytes.subarray(0, below(bytes.length));
  if (one(0.06) && bytes.length) (bytes = Buffer.from(bytes))[below(bytes.length)] = below(256);
  // Up to the limit, at it and over it.
  if (one(0.06)) bytes = Buffer.concat([Buffer.alloc(Math.max(0, limit + of([-1, 0, 1, 5_000]) - bytes.length), of([" ", "\n", "x"])), bytes]);
  if (one(0.04)) bytes = Buffer.from(`{"pad":"${"x".repeat(Math.max(0, limit - bytes.length - 11))}",${bytes.toString().slice(1)}`);
  return bytes;
}

function badHeaders(good, { of, one }) {
  const headers = { ...good };
  if (one(0.12)) headers["content-type"] = of(TYPES);
  // What proves who calls is left alone mostly, so that the body is read.
  if (one(0.25)) headers[of(HEADERS)] = of(FORGED);
  return headers;
}

/** A query with one to three values made wrong, or twice. */
function badQuery(good, { below, of, one }) {
  const fields = Object.entries(good).map(([name, value]) => [name, encodeURIComponent(value)]);
  for (let times = 1 + below(3); times > 0; times -= 1) {
    const at = below(fields.length);
    if (one(0.2)) fields.push([one(0.5) ? fields[at][0] : of(WORDS), of(WORDS)]);
    else fields[at] = [fields[at][0], of(WORDS)];
  }
  return fields.map(([name, value]) => `${name}=${value}`).join("&");
}

// ---- what takes input ----------------------------------------------------------------------------------------------------------

const hmac = (key, encoding, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest(encoding);
const now = () => Math.floor(Date.now() / 1000);
const JSON_TYPE = { "content-type": "application/json" };

let people = 7_300_000_000;
const user = () => ({ id: ++people, is_bot: false, first_name: "Ada", username: "ada", language_code: "de" });
const chat = { id: NEWS.id, title: NEWS.title, type: "channel" };
const botUser = { id: BOT.id, is_bot: true, first_name: "Gate", username: BOT.username };
const link = (name = clickId()) => ({ invite_link: `https://t.me/+${name.slice(0, 16)}`, creator: botUser, name, creates_join_request: false, is_primary: false, is_revoked: false });
let updates = 600_000_000;
const update = (kind, value) => ({ update_id: ++updates, [kind]: value });
const UPDATES = {
  join: () => ((who) => update("chat_member", { chat, from: who, date: now(), old_chat_member: { user: who, status: "left" }, new_chat_member: { user: who, status: "member" }, invite_link: link() }))(user()),
  request: () => ((who) => update("chat_join_request", { chat: { ...chat, id: CLUB.id }, from: who, user_chat_id: who.id, date: now(), invite_link: link() }))(user()),
  start: () => ((who) => update("message", { message_id: 1, from: who, chat: { id: who.id, first_name: "Ada", type: "private" }, date: now(), text: `/start ${clickId()}` }))(user()),
  standing: () => update("my_chat_member", { chat, from: user(), date: now(), old_chat_member: { user: botUser, status: "left" }, new_chat_member: { user: botUser, status: "administrator", can_invite_users: true } }),
};
const page = () => ({
  websiteId: WEBSITE, href: "https://www.shop.test/?fbclid=F&utm_source=s", eventId: randomUUID(), tempId: randomUUID(), clientSessionId: randomUUID(), referrer: "https://www.google.com/", externalUserId: "u",
  fbp: "fb.1.1795000000000.1", fbc: "fb.1.1795000000000.F", ttclid: "T", consent: "granted", bot: false, capturedBy: "page", cookie: "_ga=1", own: { a: [1] },
});
const conversion = () => ({
  telegramUserId: ++people, siteId: WEBSITE, channelId: "chan_news", eventType: "Purchase", value: 19.9, currency: "EUR", contentName: "Gold", externalUserId: "u", eventTime: Date.now(),
  pii: { email: "ada@example.com", phone: "+49 151 12345678", firstName: "Ada", lastName: "Lovelace" }, fbc: "fb.1.1795000000000.F", fbp: "fb.1.1795000000000.1", gclid: "G", clientIp: "203.0.113.1", userAgent: "UA", eventSourceUrl: "https://shop.test/",
});
const lead = 7_299_999_999;

/** A call that is good, made bad by `luck`, by what takes it: `{where, method, headers, body}`. */
function endpoints(key) {
  const told = (where, good, headers) => (luck) => ({ where, method: "POST", body: badBody(good(), CALL_LIMIT, luck), headers: badHeaders({ ...JSON_TYPE, origin: "https://www.shop.test", ...headers }, luck) });
  const api = (where, good, bearer = key) => told(`/api/v1/${where}`, good, { authorization: `Bearer ${bearer}` });
  const clicked = (where, good) => (luck) => ({ where: `${where(luck)}?${badQuery(good(), luck)}`, method: "GET", headers: badHeaders({ referer: "https://www.shop.test/?gclid=G" }, luck) });
  const telegram = (good) => (luck) => ({
    where: `/hooks/telegram/${BOT.username}`, method: "POST", body: badBody(good(), HOOK_LIMIT, luck), headers: badHeaders({ ...JSON_TYPE, "x-telegram-bot-api-secret-token": WEBHOOK_SECRET }, luck),
  });
  const signed = (source, good, sign) => (luck) => {
    const body = badBody(good(), HOOK_LIMIT, luck);
    return { where: `/hooks/${source}`, method: "POST", body, headers: badHeaders({ ...JSON_TYPE, ...sign(body) }, luck) };
  };
  const operate = (method, where, good) => (luck) => ({
    where: `/ops/adstat/api/${where(luck)}`, method, body: badBody(good(), HOOK_LIMIT, luck), headers: badHeaders({ ...JSON_TYPE, authorization: `Bearer ${OPERATOR_KEY}` }, luck),
  });
  const form = (where) => operate("POST", where, () => ({}));
  return {
    "a visit": told("/e/init", page),
    "a visit, by AdTarget's path": told("/backend/track/init", page, { "content-type": "text/plain" }),
    "a late _fbp": told("/e/update-fbp", () => ({ websiteId: WEBSITE, tempId: randomUUID(), fbp: "fb.1.1795000000000.1", eventId: randomUUID() })),
    "a click": clicked(() => "/e/invite", () => ({ websiteId: WEBSITE, tempId: randomUUID(), clientSessionId: randomUUID(), eventId: randomUUID(), visit: randomUUID(), channelId: "chan_news", to: "https://t.me/+NewsFallback01" })),
    "a short link": clicked(({ of, one }) => `/c/${one(0.5) ? "news" : of(WORDS)}`, () => ({ start: "promo", tempId: randomUUID(), eventId: randomUUID() })),
    ...Object.fromEntries(Object.entries(UPDATES).map(([kind, good]) => [`an update: ${kind}`, telegram(good)])),
    "a standard webhook": signed(
      "shop",
      () => ({ type: "order.paid", kind: "paid", total: 19.9, currency: "EUR", product: { name: "Gold" }, paid_at: new Date().toISOString(), customer: { id: "c", ref: String(++people), email: "ada@example.com", phone: "+4915112345678", first_name: "Ada" } }),
      (body) => ((id, at) => ({ "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${hmac(SHOP_KEY, "base64", `${id}.${at}.`, body)}` }))(`msg_${randomUUID()}`, now()),
    ),
    "Stripe's webhook": signed(
      "stripe",
      () => ({
        id: `evt_${randomUUID()}`, object: "event", type: "checkout.session.completed", created: now(),
        data: { object: { id: "cs_1", amount_total: 1990, currency: "eur", payment_status: "paid", client_reference_id: String(lead), metadata: { telegram_user_id: String(lead) }, customer_details: { email: "ada@example.com", phone: "+4915112345678", name: "Ada Lovelace" } } },
      }),
      (body) => ((at) => ({ "stripe-signature": `t=${at},v1=${hmac(STRIPE_SECRET, "hex", `${at}.`, body)}` }))(now()),
    ),
    "a CRM's webhook": signed("crm", () => ({ user: ++people, event: "Custom", name: "Trial", channel: "news" }), (body) => ({ "x-signature": hmac(CRM_SECRET, "hex", body) })),
    "a visit with a key": api("events/visit", page),
    "a late _fbp with a key": api("events/update-fbp", () => ({ websiteId: WEBSITE, tempId: randomUUID(), fbp: "fb.1.1795000000000.1" })),
    "an invite with a key": api("events/invite", () => ({ siteId: WEBSITE, tempId: randomUUID(), clientSessionId: randomUUID(), channelId: "chan_news", gclid: "G", clientIp: "203.0.113.1" })),
    "a conversion": api("events/conversion", conversion),
    "a lead's event": api(`leads/${lead}/events`, conversion),
    "a Purchase's value": api(`leads/${lead}/conversions/${"0".repeat(32)}/value`, () => ({ value: 5, currency: "EUR", pii: { email: "ada@example.com" } })),
    "an ad": operate("POST", ({ of }) => `advertisement/telegram/${of(["", "?decorate=true", "?dry_run=true", "?dry_run=%00"])}`, () => ({ ...AD, schedule: WEEK, kktu_ids: [KKTU.third], tg_event_id: "JuKiaLISFD", target_bots: [{ id: 1, url: "t.me/b" }], start_date: "2026-09-01" })),
    "an edit of an ad": operate("PUT", ({ of }) => `advertisement/telegram/${of(["1364756", "1364756?amend=true", ...WORDS])}`, () => ({ title: "a", cpm: 2, schedule: WEEK, kktu_ids: [KKTU.third] })),
    "a pixel event": operate("POST", () => "pixel_events/", () => ({ account_id: ACCOUNT, title: "Lead", type: "custom" })),
    "a pixel event's name": operate("PATCH", ({ of }) => `pixel_events/${of(WORDS)}`, () => ({ account_id: ACCOUNT, title: "Lead" })),
    "statistics": operate("POST", () => "v1/stats/page", () => ({ period_from: "2026-09-01", period_to: "2026-09-02", period_grouping_unit: "day", grouping: ["ad"], limit: 5, cursor: null })),
    "a list of ads": (luck) => ({ where: `/ops/adstat/api/v2/advertisement/?${badQuery({ period: "today", limit: "5", offset: "0" }, luck)}`, method: "GET", headers: badHeaders({ authorization: `Bearer ${OPERATOR_KEY}` }, luck) }),
    "media": form(({ of }) => `v1/advertising/telegram/upload_media?account_id=${of([ACCOUNT, ...WORDS])}`),
    "an audience": form(({ of }) => `advertisement/telegram/${of([ACCOUNT, ...WORDS])}/audiences`),
    "a key": api("keys", () => ({ name: "crm", siteId: WEBSITE }), OPERATOR_KEY),
  };
}

/** What nobody outside may read in an answer. */
const INTERNALS = /D1_|SQLITE|panicked|\.rs:|wasm|TypeError/;

describe(`bad input (seed ${SEED})`, () => {
  let chats, edge, key, adstat;
  const post = (where, body, headers) => edge.request(where, { method: "POST", body, headers: { ...JSON_TYPE, ...headers }, ip: "203.0.113.7" });
  const keyed = (where, body) => post(`/api/v1/${where}`, body, { authorization: `Bearer ${key}` });
  before(async () => {
    adstat = await startAdStat();
    chats = await startChats({
      retries: 3,
      vars: { SITES: JSON.stringify(SITES), WEBHOOKS: JSON.stringify(WEBHOOKS), OPERATOR_KEY, SHOP_SECRET: `whsec_${SHOP_KEY.toString("base64")}`, STRIPE_SECRET, CRM_SECRET, ADSTAT_USERNAME: USERNAME, ADSTAT_PASSWORD: PASSWORD, ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url },
    });
    edge = chats.edge;
    key = (await post("/api/v1/keys", { name: "good" }, { authorization: `Bearer ${OPERATOR_KEY}` })).json().key;
    assert.equal((await keyed("events/conversion", { telegramUserId: lead, channelId: "chan_news", eventType: "Lead" })).status, 200);
  });
  after(() => Promise.all([chats.close(), adstat.close()]));

  /** Asserts that a good call of each kind is taken, and kept. */
  async function takesGoodCalls() {
    const [who, tempId, eventId] = [++people, randomUUID(), randomUUID()];
    const { status, location } = await edge.request(`/c/news?${new URLSearchParams({ tempId, eventId })}`, { ip: "203.0.113.7" });
    assert.deepEqual([status, location], [302, "https://t.me/+NewsFallback01"]);
    const join = UPDATES.join();
    Object.assign(join.chat_member, { invite_link: link(eventId.replaceAll("-", "")) });
    for (const standing of ["old_chat_member", "new_chat_member"]) join.chat_member[standing].user.id = who;
    const body = JSON.stringify({ user: who, event: "Subscribe", channel: "news" });
    const answers = await Promise.all([
      post("/e/init", { ...page(), tempId }, { origin: "https://www.shop.test" }),
      post(`/hooks/telegram/${BOT.username}`, join, { "x-telegram-bot-api-secret-token": WEBHOOK_SECRET }),
      post("/hooks/crm", body, { "x-signature": hmac(CRM_SECRET, "hex", body) }),
      keyed("events/conversion", { telegramUserId: who, channelId: "chan_news", eventType: "Lead" }),
    ]);
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200], answers.map(({ text }) => text).join());
    await edge.drained();
    assert.equal(only(await edge.rows("SELECT count(*) AS n FROM visits JOIN clicks USING (temp_id) WHERE temp_id = ?", tempId)).n, 1);
    assert.deepEqual((await edge.rows("SELECT event_type FROM conversions WHERE telegram_user_id = ? ORDER BY 1", who)).map(({ event_type }) => event_type), ["CompleteRegistration", "Lead", "Subscribe"]);
  }

  for (const [nth, what] of Object.keys(endpoints("")).entries()) {
    it(`for ${what} is answered with what is wrong, and harms nothing`, async () => {
      const make = endpoints(key)[what];
      const statuses = {};
      async function attempt(each) {
        const call = make(chance(SEED + 1_000_003 * nth + each));
        const told = () => `SEED=${SEED}, case ${each} for ${what}: ${call.method} ${call.where.slice(0, 300)} ${JSON.stringify(call.headers).slice(0, 500)} ${JSON.stringify(call.body?.toString("latin1").slice(0, 500))}`;
        const answer = await edge.request(call.where, { ...call, ip: "203.0.113.7" }).catch((error) => assert.fail(`no answer: ${error.message}; ${told()}`));
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        assert.ok(answer.status < 500, `${answer.status} ${answer.text}; ${told()}`);
        assert.ok(!INTERNALS.test(answer.text), `${answer.text}; ${told()}`);
        if (answer.status >= 400 && /json/.test(answer.headers["content-type"])) {
          const { error, detail } = answer.json();
          // AdStat's own words are passed on.
          assert.ok((error?.code && error.message) || (call.where.startsWith("/ops/adstat/") && detail), told());
        }
        // A page of the site may have a link of the app's itself.
        const isOfPage = answer.location === APP_LINK && call.where.split("&").includes(`to=${APP_LINK}`) && call.headers.referer?.startsWith("https://www.shop.test");
        if (answer.location && !isOfPage) assert.match(answer.location, /^https:\/\/t\.me\//, told());
        assert.deepEqual(Object.keys(answer.cookies).filter((name) => !/^(adtarget_|edgeway_|_fb)/.test(name)), [], told());
      }
      for (let each = 0; each < CASES; each += AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, CASES - each) }, (_, at) => attempt(each + at)));
      // What was taken can be kept: one record that the ledger does not take would hold up its whole batch.
      await edge.drained();
      assert.deepEqual(edge.deadLetters, [], `SEED=${SEED}`);
      const wrong = edge.logs.filter(({ message }) => /panicked|unreachable|RuntimeError|took none of|"lost"/.test(message));
      assert.deepEqual(wrong, [], `SEED=${SEED}`);
      edge.logs.length = 0;
      await takesGoodCalls();
      if (process.env.SHOW) console.log(what, statuses);
    });
  }
});
