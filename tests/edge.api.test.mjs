// The keyed API on the ledger, from outside: who may call, what is kept, what comes back, what is refused.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { earlyInAMinute, until } from "./harness/wait.mjs";
import { CHANNELS, FALLBACK, WEBSITE, only } from "./harness/world.mjs";
import { MANUAL_CHANNEL, OPERATOR_KEY, OTHER_CHANNEL, OTHER_SITE, done, refused, startApi } from "./harness/api.mjs";

const USER = 1234567890;
const CONVERSION_ID = /^[0-9a-f]{32}$/;
const DAY = 86_400_000;
const lead = (fields = {}) => ({ telegramUserId: USER, eventType: "Lead", channelId: CHANNELS[0], ...fields });
const purchase = (fields = {}) => lead({ eventType: "Purchase", value: 97, currency: "USD", ...fields });

describe("the keyed API", () => {
  let api;
  before(async () => (api = await startApi()));
  after(() => api.close());
  beforeEach(() => api.reset());

  const conversions = (columns = "*") => api.edge.rows(`SELECT ${columns} FROM conversions ORDER BY attributed_ms, rowid`);
  const convert = async (fields, options) => done(await api.post("events/conversion", fields, options));

  describe("keys", () => {
    it("are shown once and kept as a hash", async () => {
      const made = await api.createKey({ name: "CRM" });
      assert.match(made.key, /^atk_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{32}$/);
      assert.equal(made.key.slice(9, 17), made.prefix);
      assert.ok(!JSON.stringify(await api.edge.rows("SELECT * FROM api_keys")).includes(made.key.slice(18)));
      const { keys } = done(await api.operate("GET", "keys"));
      assert.deepEqual(keys.map((key) => key.name).sort(), ["CRM", "test"]);
      assert.ok(!JSON.stringify(keys).includes(made.key.slice(18)));
    });

    it("are asked for in the contract's words", async () => {
      refused(await api.get("channels", { key: "" }), 401, "AUTH_REQUIRED");
      refused(await api.get("channels", { key: "", headers: { authorization: "Basic dTpw" } }), 401, "AUTH_REQUIRED");
      for (const key of ["x", "atk_live_", api.key.slice(0, -1), `${api.key}0`, `${api.key.slice(0, -1)}${api.key.endsWith("0") ? 1 : 0}`, `atk_live_aaaaaaaa_${"0".repeat(32)}`]) {
        refused(await api.get("channels", { key }), 401, "INVALID_KEY");
      }
      assert.equal((await api.get("channels", { key: "", headers: { authorization: `bearer ${api.key}` } })).status, 200);
    });

    it("that are revoked are refused at once", async () => {
      const { key, prefix } = await api.createKey();
      done(await api.get("channels", { key }));
      done(await api.operate("DELETE", `keys/${prefix}`));
      refused(await api.get("channels", { key }), 401, "REVOKED_KEY");
      refused(await api.get("channels", { key: `${key.slice(0, -1)}Z` }), 401, "INVALID_KEY");
      refused(await api.operate("DELETE", "keys/nokey000"), 404, "KEY_NOT_FOUND", "prefix");
    });

    it("are five of the account and five of a site", async () => {
      for (let made = 1; made < 5; made += 1) await api.createKey();
      refused(await api.operate("POST", "keys", { name: "sixth" }), 409, "KEY_LIMIT");
      const ofSite = await Promise.all(Array.from({ length: 12 }, () => api.operate("POST", "keys", { name: "site", websiteId: WEBSITE })));
      assert.equal(ofSite.filter((answer) => answer.status === 201).length, 5);
      done(await api.operate("DELETE", `keys/${ofSite.find((answer) => answer.status === 201).json().prefix}`));
      await api.createKey({ websiteId: WEBSITE });
    });

    it("are of the site that either name says, and never of all by mistake", async () => {
      for (const fields of [{ siteId: OTHER_SITE }, { websiteId: OTHER_SITE }, { siteId: OTHER_SITE, websiteId: OTHER_SITE }]) {
        assert.equal((await api.createKey(fields)).websiteId, OTHER_SITE);
      }
      refused(await api.operate("POST", "keys", { name: "x", siteId: "none" }), 400, "INVALID_PAYLOAD", "siteId");
      refused(await api.operate("POST", "keys", { name: "x", siteId: WEBSITE, websiteId: OTHER_SITE }), 400, "INVALID_PAYLOAD", "websiteId");
    });

    it("made again with their Idempotency-Key are the same, and kept nowhere", async () => {
      const [first, second] = [await api.operate("POST", "keys", { name: "a" }, { idempotencyKey: "k" }), await api.operate("POST", "keys", { name: "a" }, { idempotencyKey: "k" })];
      assert.equal(done(first, 201).key, done(second, 201).key);
      assert.ok(!JSON.stringify(await api.edge.rows("SELECT * FROM idempotency")).includes(first.json().key.slice(18)));
    });

    it("are the operator's alone to manage", async () => {
      refused(await api.call("GET", "keys", { key: "" }), 401, "AUTH_REQUIRED");
      refused(await api.call("GET", "keys"), 401, "INVALID_KEY");
      refused(await api.get("channels", { key: OPERATOR_KEY }), 401, "INVALID_KEY");
      refused(await api.operate("POST", "keys", {}), 400, "INVALID_PAYLOAD", "name");
      refused(await api.operate("POST", "keys", { name: "x", websiteId: "atid_none" }), 400, "INVALID_PAYLOAD", "websiteId");
    });

    it("tell when they were last used", async () => {
      done(await api.get("channels"));
      await until(async () => (await api.edge.rows("SELECT last_used_ms FROM api_keys"))[0].last_used_ms, "the use is noted");
    });
  });

  it("answers any origin's preflight", async () => {
    const answer = await api.call("OPTIONS", "events/conversion", { key: "", headers: { origin: "https://crm.example", "access-control-request-method": "POST" } });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["access-control-allow-headers"], "authorization, content-type, idempotency-key");
    const told = await api.post("events/conversion", lead(), { headers: { origin: "https://crm.example" } });
    assert.equal(told.headers["access-control-allow-origin"], "*");
    assert.equal(told.headers["access-control-expose-headers"], "X-Idempotent-Replay, Retry-After");
    assert.equal((await api.get("channels", { key: "" })).headers["access-control-allow-origin"], "*");
  });

  it("says what paths and methods there are", async () => {
    for (const path of ["", "nothing", "events", "events/none", "leads", "leads/5/none", "channels/", "leads//events"]) refused(await api.get(path), 404, "NOT_FOUND");
    const wrong = await api.get("events/conversion");
    refused(wrong, 405, "METHOD_NOT_ALLOWED");
    assert.equal(wrong.headers.allow, "POST, OPTIONS");
    refused(await api.call("PUT", "channels"), 405, "METHOD_NOT_ALLOWED");
    assert.equal((await api.call("HEAD", "channels")).status, 200);
  });

  describe("a conversion", () => {
    it("is stored and answered field for field", async () => {
      const at = Date.now() - 5_000;
      const answer = await convert(
        purchase({ value: 19.9, currency: "eur", contentName: "VIP", externalUserId: "u7", eventTime: at, fbc: "fb.1.1700000000000.Abc", clientIp: "203.0.113.9", eventSourceUrl: "https://shop.test/a" }),
        { headers: { "x-adtarget-client-ip": "2001:DB8::1", "x-adtarget-client-user-agent": "UA/1" } },
      );
      assert.deepEqual(Object.keys(answer), ["conversionId", "capiStatus", "coldLead", "dispatched", "warning", "sends"]);
      assert.match(answer.conversionId, CONVERSION_ID);
      assert.deepEqual([answer.capiStatus, answer.coldLead, answer.dispatched, answer.sends], ["skipped", true, false, []]);
      assert.match(answer.warning, /no pixel is configured/);
      const row = only(await conversions());
      assert.deepEqual(
        [row.conversion_id, row.website_id, row.channel_id, row.telegram_user_id, row.value_minor, row.currency, row.content_name, row.event_ms, row.source],
        [answer.conversionId, WEBSITE, CHANNELS[0], USER, 1990, "EUR", "VIP", at, "api"],
      );
      assert.deepEqual(JSON.parse(row.overrides), { fbc: "fb.1.1700000000000.Abc", clientIp: "2001:db8::1", userAgent: "UA/1", eventSourceUrl: "https://shop.test/a" });
      const known = done(await api.get(`leads/${USER}`));
      assert.deepEqual(Object.keys(known), ["telegramUserId", "firstSeenAt", "lastSeenAt", "externalUserId", "organic", "conversions"]);
      assert.deepEqual([known.telegramUserId, known.firstSeenAt, known.externalUserId], [USER, at, "u7"]);
      const { attributedAt, ...told } = only(known.conversions);
      assert.ok(attributedAt >= at);
      assert.deepEqual(told, { conversionId: answer.conversionId, channelId: CHANNELS[0], eventType: "Purchase", capiStatus: "skipped", sends: [], eventValue: 19.9, eventCurrency: "EUR", source: "api", attribution: { fbc: "fb.1.1700000000000.Abc", eventSourceUrl: "https://shop.test/a" } });
    });

    for (const eventType of ["Lead", "CompleteRegistration", "Subscribe", "Custom"]) {
      it(`may be a ${eventType}`, async () => {
        await convert(lead({ eventType, ...(eventType === "Custom" ? { customEventName: "Deposit" } : {}) }));
        assert.equal(only(await conversions()).event_type, eventType);
      });
    }

    const wrong = {
      "no telegramUserId": [{ telegramUserId: undefined }, "telegramUserId"],
      "a telegramUserId as text": [{ telegramUserId: "5" }, "telegramUserId"],
      "a telegramUserId of 53 bits": [{ telegramUserId: 2 ** 52 }, "telegramUserId"],
      "a telegramUserId of 0": [{ telegramUserId: 0 }, "telegramUserId"],
      "a broken telegramUserId": [{ telegramUserId: 1.5 }, "telegramUserId"],
      "no eventType": [{ eventType: undefined }, "eventType"],
      "another eventType": [{ eventType: "purchase" }, "eventType"],
      "a Custom without a name": [{ eventType: "Custom" }, "customEventName"],
      "a value without currency": [{ value: 5 }, "currency"],
      "a currency without value": [{ currency: "USD" }, "value"],
      "a value of 0": [{ value: 0, currency: "USD" }, "value"],
      "a negative value": [{ value: -1, currency: "USD" }, "value"],
      "a huge value": ['{"telegramUserId":5,"eventType":"Lead","channelId":"chan_main","value":1e308,"currency":"USD"}', "value"],
      "a value as text": [{ value: "5", currency: "USD" }, "value"],
      "more decimals than the currency has": [{ value: 1.001, currency: "USD" }, "value"],
      "decimals of yen": [{ value: 1.5, currency: "JPY" }, "value"],
      "no such currency": [{ value: 1, currency: "USX" }, "currency"],
      "a Purchase without value": [{ eventType: "Purchase" }, "value"],
      "pii that is no object": [{ pii: "jane@example.com" }, "pii"],
      "a name that is a number": [{ pii: { firstName: 5 } }, "pii.firstName"],
      "an eventTime as text": [{ eventTime: "2026-01-01" }, "eventTime"],
      "a negative eventTime": [{ eventTime: -1 }, "eventTime"],
      "an fbc of another form": [{ fbc: "IwAR1" }, "fbc"],
      "an fbp of another form": [{ fbp: "1234" }, "fbp"],
      "an address that is none": [{ clientIp: "localhost" }, "clientIp"],
      "a page that is none": [{ eventSourceUrl: "javascript:alert(1)" }, "eventSourceUrl"],
      "no such site": [{ siteId: "atid_none" }, "siteId"],
      "a site that contradicts itself": [{ siteId: WEBSITE, websiteId: OTHER_SITE }, "websiteId"],
      "a text too long": [{ contentName: "x".repeat(2_049) }, "contentName"],
      "a control character": [{ userAgent: "a\u0000b" }, "userAgent"],
    };
    for (const [what, [fields, field]] of Object.entries(wrong)) {
      it(`with ${what} is refused, by the field's name`, async () => {
        refused(await api.post("events/conversion", typeof fields === "string" ? fields : lead(fields)), 400, "INVALID_PAYLOAD", field);
        assert.deepEqual(await conversions(), []);
      });
    }

    it("that is not JSON is refused", async () => {
      for (const body of ["", "[1]", "NaN", '{"value":NaN}', "{", Buffer.from([0xff, 0xfe]), '"x"']) refused(await api.post("events/conversion", body), 400, "INVALID_PAYLOAD");
      refused(await api.post("events/conversion", "a=b", { headers: { "content-type": "application/x-www-form-urlencoded" } }), 400, "INVALID_PAYLOAD", "content-type");
      refused(await api.post("events/conversion", { ...lead(), contentName: "x".repeat(17_000) }), 413, "PAYLOAD_TOO_LARGE");
      refused(await api.post("events/conversion", lead({ channelId: "none" })), 404, "CHANNEL_NOT_FOUND");
    });

    it("keeps an amount exactly as it was written", async () => {
      for (const [value, currency, minor] of [["0.01", "USD", 1], ["12345678901.23", "USD", 1234567890123], ["1e3", "USD", 100000], ["500", "JPY", 500], ["1.234", "KWD", 1234], ["4.35", "EUR", 435]]) {
        const answer = await convert(`{"telegramUserId":${USER},"eventType":"Purchase","channelId":"${CHANNELS[0]}","value":${value},"currency":"${currency}"}`);
        const row = only(await api.edge.rows("SELECT * FROM conversions WHERE conversion_id = ?", answer.conversionId));
        assert.deepEqual([row.value_minor, row.currency], [minor, currency], value);
      }
      const { conversions: told } = done(await api.get(`leads/${USER}`));
      assert.deepEqual(told.map((each) => each.eventValue).sort((a, b) => a - b), [0.01, 1.234, 4.35, 500, 1000, 12345678901.23]);
    });

    it("takes what a program computed for what it meant", async () => {
      const { conversionId } = await convert(lead({ eventType: "Purchase", value: 0.1 + 0.2, currency: "EUR" }));
      await convert(lead({ eventType: "Purchase", value: 3 * 19.9, currency: "EUR" }));
      assert.deepEqual((await api.edge.rows("SELECT value_minor FROM conversions ORDER BY 1")).map((row) => row.value_minor), [30, 5970]);
      assert.equal(done(await api.get(`leads/${USER}`)).conversions.find((each) => each.conversionId === conversionId).eventValue, 0.3);
    });

    it("takes a user of 52 bits", async () => {
      await convert(lead({ telegramUserId: 2 ** 52 - 1 }));
      assert.equal(done(await api.get(`leads/${2 ** 52 - 1}`)).telegramUserId, 2 ** 52 - 1);
    });

    it("is stored however old, and says who will not take it", async () => {
      const warning = async (eventTime) => (await convert(lead({ eventTime }))).warning;
      const now = Date.now();
      assert.match(await warning(now + 3_600_000), /eventTime is in the future/);
      assert.doesNotMatch(await warning(now - 2 * DAY), /eventTime/);
      assert.match(await warning(now - 4 * DAY), /too old for GA4 \(72 hours\);/);
      assert.match(await warning(Math.floor(now / 1_000)), /as seconds are: expected milliseconds/);
      assert.match(await warning(now - 8 * DAY), /GA4 \(72 hours\), Meta \(7 days\);/);
      assert.match(await warning(now - 38 * DAY), /TikTok \(28 days\), Telegram Ads \(30 days\), Snapchat \(37 days\);/);
      assert.match(await warning(now - 70 * DAY), /Google Ads without a click's id \(63 days\);/);
      assert.equal((await conversions()).length, 7);
    });

    it("of a time to come is one of now", async () => {
      const { warning } = await convert(lead({ eventTime: 8_640_000_000_000_000 }));
      assert.match(warning, /eventTime is in the future: taken as now/);
      const [{ event_ms: stands }] = await conversions();
      assert.ok(Math.abs(stands - Date.now()) < 60_000, `it stands at ${stands}`);
      const ahead = Date.now() + 30_000;
      await convert(lead({ eventType: "Subscribe", eventTime: ahead }));
      assert.deepEqual((await conversions()).map((row) => row.event_ms).filter((at) => at !== stands), [ahead], "a clock's own error stays");
    });

    it("keeps of a person hashes alone", async () => {
      await convert(lead({ pii: { email: " Jane@Example.com ", phone: "+1 (555) 123-4567", firstName: "Jane", lastName: "Dœ" } }), { idempotencyKey: "pii" });
      const row = only(await conversions());
      const person = JSON.parse(row.person);
      assert.equal(person.email, "8c87b489ce35cf2e2f39f80e282cb2e804932a56a213983eeeb428407d43b52d");
      assert.ok(person.phone && person.firstName && person.lastName);
      const tables = await api.edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'");
      for (const { name } of tables) assert.doesNotMatch(JSON.stringify(await api.edge.rows(`SELECT * FROM "${name}"`)), /jane|5551234567|123-4567/i, name);
      assert.doesNotMatch(JSON.stringify(api.edge.logs), /jane|4567/i);
    });

    it("of a warm lead goes back to the first one's click, whatever it says of another", async () => {
      assert.equal((await convert(lead({ fbc: "fb.1.1700000000000.First" }))).coldLead, true);
      assert.equal((await convert(lead({ eventType: "Subscribe", fbc: "fb.1.1700000000001.Second" }))).coldLead, false);
      assert.deepEqual((await conversions()).map((row) => JSON.parse(row.overrides).fbc), ["fb.1.1700000000000.First", "fb.1.1700000000000.First"]);
      assert.equal((await convert(lead({ channelId: CHANNELS[1] }))).coldLead, true, "another channel knows nothing of it");
    });

    it("of a warm lead of whom an address alone is known is of the click that it names", async () => {
      const seen = { clientIp: "203.0.113.9", userAgent: "UA/1" };
      await convert(lead(seen));
      const { conversionId } = await convert(purchase());
      assert.equal((await convert(purchase({ gclid: "G1" }))).conversionId, conversionId, "the same sale, told by another");
      await convert(lead({ eventType: "Subscribe", fbc: "fb.1.1700000000001.Second" }));
      const [first, ...later] = (await conversions()).map((row) => [JSON.parse(row.overrides), row.origin_source]);
      assert.deepEqual(first, [seen, ""]);
      for (const each of later) assert.deepEqual(each, [{ ...seen, gclid: "G1" }, "google"]);
    });

    it("of a lead that a click led to goes back to that click", async () => {
      await convert(lead());
      await api.edge.rows("UPDATE conversions SET click_id = ?", "c".repeat(32));
      await convert(lead({ eventType: "Subscribe" }));
      assert.deepEqual((await conversions()).map((row) => row.click_id), ["c".repeat(32), "c".repeat(32)]);
    });

    it("of a lead whose click is forgotten has what is told of the person now, and still comes from where it came from", async () => {
      await convert(lead());
      await api.edge.rows("UPDATE conversions SET click_id = ?, origin_source = 'telegram', origin_ad = '77', attributed_ms = attributed_ms - 86400001", "c".repeat(32));
      const seen = { clientIp: "203.0.113.9", userAgent: "UA/1", fbp: "fb.1.1700000000000.9" };
      await convert(lead({ eventType: "Subscribe", ...seen }));
      const [, later] = await conversions();
      assert.deepEqual([JSON.parse(later.overrides), later.click_id, later.origin_source, later.origin_ad], [seen, "c".repeat(32), "telegram", "77"]);
    });

    it("finds its channel by what the lead did", async () => {
      refused(await api.post("events/conversion", lead({ channelId: undefined })), 400, "INVALID_PAYLOAD", "channelId", CHANNELS[0], OTHER_CHANNEL, WEBSITE);
      refused(await api.post("events/conversion", lead({ channelId: undefined, siteId: WEBSITE })), 400, "INVALID_PAYLOAD", "channelId", ...CHANNELS);
      await convert(lead({ channelId: undefined, websiteId: OTHER_SITE }));
      assert.equal((await convert(lead({ channelId: undefined }))).coldLead, false);
      await convert(lead({ channelId: CHANNELS[1] }));
      const ambiguous = await api.post("events/conversion", lead({ channelId: undefined }));
      refused(ambiguous, 400, "INVALID_PAYLOAD", "siteId", "channelId", OTHER_CHANNEL, CHANNELS[1]);
      assert.ok(!ambiguous.text.includes(CHANNELS[0]), "only what the lead did is offered");
      await convert(lead({ channelId: undefined, siteId: OTHER_SITE }));
      assert.deepEqual((await conversions("channel_id")).map((row) => row.channel_id), [OTHER_CHANNEL, OTHER_CHANNEL, CHANNELS[1], OTHER_CHANNEL]);
    });

    it("names its channel by id, by slug or by Telegram's id", async () => {
      for (const channelId of [CHANNELS[0], "main", "-1001234567890"]) await convert(lead({ channelId }));
      assert.deepEqual((await conversions("DISTINCT channel_id")).map((row) => row.channel_id), [CHANNELS[0]]);
    });

    it("that is the same Purchase is updated, not doubled", async () => {
      const first = await convert(purchase({ pii: { email: "a@example.com" } }), { idempotencyKey: "shop-1" });
      const again = await convert(purchase({ contentName: "VIP", pii: { email: "b@example.com", firstName: "Jane" } }), { idempotencyKey: "crm-9" });
      assert.equal(again.conversionId, first.conversionId);
      assert.equal(again.coldLead, false);
      const row = only(await conversions());
      const person = JSON.parse(row.person);
      assert.equal(row.content_name, "VIP");
      assert.ok(person.firstName);
      assert.equal(person.email, createHash("sha256").update("a@example.com").digest("hex"), "what stood stands");
      assert.notEqual((await convert(purchase({ value: 98 }), { idempotencyKey: "shop-2" })).conversionId, first.conversionId);
      assert.notEqual((await convert(purchase({ currency: "EUR" }))).conversionId, first.conversionId);
      assert.notEqual((await convert(purchase({ eventTime: Date.now() - 2 * DAY }))).conversionId, first.conversionId, "another day's sale");
      assert.equal((await conversions()).length, 4);
    });

    it("is told with blanks and line ends around its texts, as lists have them", async () => {
      await convert(purchase({ contentName: " VIP\t", pii: { email: "Jane@Example.com\r\n", firstName: " Jane\n" } }));
      await convert(lead({ telegramUserId: 6, contentName: "VIP", pii: { email: "jane@example.com", firstName: "Jane" } }));
      const [told, plain] = await conversions();
      assert.deepEqual([told.content_name, JSON.parse(told.person)], ["VIP", JSON.parse(plain.person)]);
      refused(await api.post("events/conversion", lead({ contentName: "a\nb" })), 400, "INVALID_PAYLOAD", "contentName");
    });

    it("told by twenty at once is one", async () => {
      const same = await Promise.all(Array.from({ length: 20 }, () => api.post("events/conversion", purchase())));
      assert.equal(new Set(same.map((answer) => done(answer).conversionId)).size, 1);
      only(await conversions());
    });

    it("is not acknowledged while the ledger is away, and told again is one", async () => {
      await api.edge.fail({ d1: "fail" });
      refused(await api.post("events/conversion", purchase(), { idempotencyKey: "p" }), 500, "INTERNAL_ERROR");
      await api.edge.fail({ d1: null });
      await convert(purchase(), { idempotencyKey: "p" });
      only(await conversions());
    });
  });

  describe("a Purchase whose value is told by hand", () => {
    const awaited = (fields, options) => convert({ telegramUserId: USER, eventType: "Purchase", channelId: MANUAL_CHANNEL, ...fields }, options);
    const tell = (id, body, user = USER, options) => api.post(`leads/${user}/conversions/${id}/value`, body, options);

    it("waits, is told and stays told", async () => {
      const answer = await awaited();
      assert.equal(answer.capiStatus, "skipped");
      assert.match(answer.warning, /awaits its value/);
      assert.deepEqual(done(await tell(answer.conversionId, { value: 12.5, currency: "EUR", pii: { email: "j@example.com" } })), { success: true });
      const row = only(await conversions());
      assert.deepEqual([row.value_minor, row.currency, row.awaits_value], [1250, "EUR", 0]);
      assert.ok(JSON.parse(row.person).email);
      done(await tell(answer.conversionId, { value: 12.5, currency: "EUR" }));
      refused(await tell(answer.conversionId, { value: 13, currency: "EUR" }), 404, "CONVERSION_NOT_FOUND");
      assert.equal(only(await conversions()).value_minor, 1250);
    });

    it("is the one that comes with its value next", async () => {
      const { conversionId } = await awaited();
      assert.equal((await awaited({ value: 5, currency: "USD" })).conversionId, conversionId);
      const row = only(await conversions());
      assert.deepEqual([row.value_minor, row.awaits_value], [500, 0]);
    });

    it("is the one that came with its value before; the next without is another", async () => {
      const { conversionId } = await awaited({ value: 50, currency: "EUR", eventTime: Date.now() - 60_000 });
      const answer = await awaited({ contentName: "VIP" }, { idempotencyKey: "crm-1" });
      assert.equal(answer.conversionId, conversionId);
      assert.doesNotMatch(answer.warning, /awaits its value/);
      const row = only(await conversions());
      assert.deepEqual([row.value_minor, row.awaits_value, row.content_name], [5000, 0, "VIP"]);
      await api.edge.rows("UPDATE idempotency SET status = NULL, body = NULL, claimed_ms = 0");
      assert.equal((await awaited({ contentName: "VIP" }, { idempotencyKey: "crm-1" })).conversionId, conversionId, "cut off and told again");
      const next = await awaited();
      assert.match(next.warning, /awaits its value/);
      done(await tell(next.conversionId, { value: 100, currency: "EUR" }));
      assert.notEqual((await awaited()).conversionId, next.conversionId, "valued by hand, and then another sale");
      assert.equal((await conversions()).length, 3);
    });

    it("is told by the id that ad platforms know it by, too", async () => {
      const { conversionId } = await awaited();
      const known = `adtarget_${conversionId}`;
      done(await tell(known.toUpperCase(), { value: 12.5, currency: "EUR" }));
      assert.equal(only(await conversions()).value_minor, 1250);
      assert.equal(done(await api.get(`trail?conversionId=${known}`)).steps.length, 1);
    });

    it("is refused where there is nothing to tell", async () => {
      const { conversionId } = await awaited();
      refused(await tell(conversionId, { value: 1, currency: "EUR" }, 99), 404, "LEAD_NOT_FOUND");
      refused(await tell("0".repeat(32), { value: 1, currency: "EUR" }), 404, "CONVERSION_NOT_FOUND");
      refused(await tell("nonsense", { value: 1, currency: "EUR" }), 404, "CONVERSION_NOT_FOUND");
      refused(await tell(conversionId, {}), 400, "INVALID_PAYLOAD", "value");
      refused(await tell(conversionId, { value: 0, currency: "EUR" }), 400, "INVALID_PAYLOAD", "value");
      refused(await tell(conversionId, { value: 1 }), 400, "INVALID_PAYLOAD", "currency");
      refused(await tell(conversionId, { value: 1, currency: "EUR" }, "abc"), 400, "INVALID_PAYLOAD", "telegramUserId");
      const { conversionId: ordinary } = await convert(lead());
      refused(await tell(ordinary, { value: 1, currency: "EUR" }), 404, "CONVERSION_NOT_FOUND");
    });
  });

  describe("a lead", () => {
    it("takes another event in the channel of its latest", async () => {
      refused(await api.post(`leads/${USER}/events`, { eventType: "Lead" }), 404, "LEAD_NOT_FOUND");
      await convert(lead());
      await convert(lead({ channelId: CHANNELS[1] }));
      const answer = done(await api.post(`leads/${USER}/events`, { eventType: "Custom", customEventName: "Deposit" }));
      assert.equal(answer.coldLead, false);
      assert.equal((await conversions()).at(-1).channel_id, CHANNELS[1]);
      done(await api.post(`leads/${USER}/events`, { eventType: "Lead", channelId: CHANNELS[0] }));
      assert.equal((await conversions()).at(-1).channel_id, CHANNELS[0]);
      refused(await api.post(`leads/${USER}/events`, { eventType: "Nothing" }), 400, "INVALID_PAYLOAD", "eventType");
      refused(await api.post("leads/x/events", { eventType: "Lead" }), 400, "INVALID_PAYLOAD", "telegramUserId");
    });

    it("that joined of its own accord takes events, too, in the channel that it joined", async () => {
      const other = (await api.createKey({ websiteId: OTHER_SITE })).key;
      await api.edge.rows("INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins) VALUES (-1001234567890, ?, 'member', 1, 1, 1, 1)", USER);
      await api.edge.rows("INSERT INTO leads (website_id, telegram_user_id, first_seen_ms, last_seen_ms, organic) VALUES (?, ?, 1, 1, 1)", WEBSITE, USER);
      assert.equal(done(await api.get(`leads/${USER}`)).organic, true);
      refused(await api.post(`leads/${USER}/events`, { eventType: "Lead" }, { key: other }), 404, "LEAD_NOT_FOUND");
      assert.equal(done(await api.post(`leads/${USER}/events`, { eventType: "Lead" })).coldLead, true);
      assert.equal(only(await conversions()).channel_id, CHANNELS[0]);
      await api.edge.rows("DELETE FROM conversions");
      await convert({ telegramUserId: USER, eventType: "Subscribe" });
      assert.equal(only(await conversions()).channel_id, CHANNELS[0]);
      refused(await api.post("events/conversion", { telegramUserId: USER + 1, eventType: "Lead" }), 400, "INVALID_PAYLOAD", "channelId: the lead is new");
    });

    it("is known from its first conversion on", async () => {
      refused(await api.get(`leads/${USER}`), 404, "LEAD_NOT_FOUND");
      refused(await api.get("leads/0"), 400, "INVALID_PAYLOAD", "telegramUserId");
      await convert(lead());
      await convert(purchase());
      assert.deepEqual(done(await api.get(`leads/${USER}`)).conversions.map((each) => each.eventType), ["Purchase", "Lead"]);
    });

    it("is no affair of another site's key", async () => {
      const shop = (await api.createKey({ websiteId: WEBSITE })).key;
      const other = (await api.createKey({ websiteId: OTHER_SITE })).key;
      const { conversionId } = await convert({ telegramUserId: USER, eventType: "Purchase", channelId: MANUAL_CHANNEL }, { key: shop });
      refused(await api.get(`leads/${USER}`, { key: other }), 404, "LEAD_NOT_FOUND");
      refused(await api.post(`leads/${USER}/events`, { eventType: "Lead" }, { key: other }), 404, "LEAD_NOT_FOUND");
      refused(await api.post(`leads/${USER}/conversions/${conversionId}/value`, { value: 1, currency: "EUR" }, { key: other }), 404, "LEAD_NOT_FOUND");
      refused(await api.call("DELETE", `leads/${USER}`, { key: other }), 404, "LEAD_NOT_FOUND");
      refused(await api.post("events/conversion", lead({ siteId: WEBSITE }), { key: other }), 400, "INVALID_PAYLOAD", "siteId");
      refused(await api.post("events/conversion", lead(), { key: other }), 404, "CHANNEL_NOT_FOUND");
      assert.equal((await convert(lead({ channelId: undefined }), { key: other })).coldLead, true);
      assert.deepEqual(done(await api.get("channels", { key: other })).channels.map((each) => each.channelId), [OTHER_CHANNEL]);
      assert.equal(done(await api.get(`leads/${USER}`, { key: shop })).conversions.length, 1);
      assert.equal(done(await api.get(`leads/${USER}`)).conversions.length, 2);
    });

    it("is forgotten with all that was its own", async () => {
      const [mine, theirs] = [randomUUID(), randomUUID()];
      for (const tempId of [mine, theirs]) {
        done(await api.post("events/visit", { href: "https://shop.test/", tempId }));
        done(await api.post("events/invite", { tempId, channelId: CHANNELS[0] }));
      }
      await api.edge.drained();
      await convert(lead());
      await convert(lead({ telegramUserId: 6 }));
      await api.edge.rows("UPDATE conversions SET click_id = (SELECT click_id FROM clicks WHERE temp_id = ?) WHERE telegram_user_id = ?", mine, USER);
      await api.edge.rows("INSERT INTO invite_names (name, click_id, chat_id, telegram_user_id, at_ms) VALUES ('mine', 'x', -1001234567890, ?, 1), ('theirs', 'x', -1001234567890, 6, 1)", USER);
      assert.deepEqual(done(await api.call("DELETE", `leads/${USER}`)), { success: true });
      for (const table of ["leads", "conversions"]) assert.deepEqual((await api.edge.rows(`SELECT telegram_user_id FROM ${table}`)).map((row) => row.telegram_user_id), [6], table);
      assert.deepEqual((await api.edge.rows("SELECT name FROM invite_names")).map((row) => row.name), ["theirs"]);
      for (const table of ["visits", "visitors", "clicks"]) assert.deepEqual((await api.edge.rows(`SELECT temp_id FROM ${table}`)).map((row) => row.temp_id), [theirs], table);
      refused(await api.get(`leads/${USER}`), 404, "LEAD_NOT_FOUND");
      refused(await api.call("DELETE", `leads/${USER}`), 404, "LEAD_NOT_FOUND");
    });

    describe("that never joined", () => {
      const CHAT = -1001234567890;
      /** Somebody visits and taps, as `externalUserId`, and `user`, if any, presses Start or asks to join by that click: `{tempId, click}`. */
      const arrive = async ({ user, externalUserId }) => {
        const tempId = randomUUID();
        done(await api.post("events/visit", { href: "https://shop.test/", tempId, ...(externalUserId && { externalUserId }) }));
        done(await api.post("events/invite", { tempId, channelId: CHANNELS[0] }));
        await api.edge.drained();
        const { click_id: click } = only(await api.edge.rows("SELECT click_id FROM clicks WHERE temp_id = ?", tempId));
        if (user) await led(click, user);
        return { tempId, click };
      };
      const led = (click, user) => api.edge.rows("INSERT INTO invite_names (name, click_id, chat_id, telegram_user_id, at_ms) VALUES (?1 || ?2, ?2, ?3, ?1, 1)", user, click, CHAT);
      /** Whose browsers and whose ways are known. */
      const left = async () => {
        const browsers = await Promise.all(["visits", "visitors", "clicks"].map((table) => api.edge.rows(`SELECT temp_id FROM ${table}`)));
        const ways = await api.edge.rows("SELECT telegram_user_id FROM invite_names ORDER BY 1");
        return [...browsers.map((rows) => rows.map((row) => row.temp_id)), ways.map((row) => row.telegram_user_id)];
      };
      const told = (fields) => ({ telegramUserId: USER, eventType: "Lead", channelId: CHANNELS[0], ...fields });
      const erase = (query, options) => api.call("DELETE", `trail?${new URLSearchParams(query)}`, options);

      it("is forgotten with its browser by its number at Telegram, and seen before", async () => {
        const theirs = await arrive({ user: 6 });
        const mine = await arrive({ user: USER });
        assert.deepEqual(done(await api.get(`trail?telegramUserId=${USER}`)).steps.map(({ kind }) => kind), ["visit", "click"]);
        refused(await api.call("DELETE", `leads/${USER}`, { key: (await api.createKey({ websiteId: OTHER_SITE })).key }), 404, "LEAD_NOT_FOUND");
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual(await left(), [[theirs.tempId], [theirs.tempId], [theirs.tempId], [6]]);
        assert.deepEqual((await api.edge.rows("SELECT id FROM erased")).map(({ id }) => id).sort(), [mine.click, mine.tempId].sort());
        refused(await api.call("DELETE", `leads/${USER}`), 404, "LEAD_NOT_FOUND");
      });

      it("takes nothing of who had sent on the link by which it came", async () => {
        const { tempId, click } = await arrive({});
        await api.edge.rows("INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, click_id) VALUES (?, 6, 'member', 1, 1, 1, 1, ?)", CHAT, click);
        await led(click, USER);
        refused(await api.get(`trail?telegramUserId=${USER}`), 404, "LEAD_NOT_FOUND");
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual(await left(), [[tempId], [tempId], [tempId], []]);
        done(await erase({ tempId }));
        assert.deepEqual([await left(), await api.edge.rows("SELECT * FROM members")], [[[], [], [], []], []]);
      });

      for (const name of ["tempId", "clickId", "externalUserId", "telegramUserId"]) {
        it(`is forgotten by its ${name}, with all that leads from it`, async () => {
          const theirs = await arrive({ user: 6, externalUserId: "u-6" });
          const { tempId, click } = await arrive({ user: USER, externalUserId: "u-1001" });
          await convert({ telegramUserId: USER, eventType: "Lead", channelId: CHANNELS[0] });
          await convert({ telegramUserId: 6, eventType: "Lead", channelId: CHANNELS[0] });
          const ids = { tempId: tempId.toUpperCase(), clickId: click, externalUserId: "u-1001", telegramUserId: USER };
          refused(await erase({ [name]: ids[name], websiteId: OTHER_SITE }), 404, "LEAD_NOT_FOUND");
          refused(await erase({ [name]: ids[name] }, { key: (await api.createKey({ websiteId: OTHER_SITE })).key }), 404, "LEAD_NOT_FOUND");
          assert.deepEqual(done(await api.get(`trail?${new URLSearchParams({ [name]: ids[name] })}`)).steps.map(({ kind }) => kind).slice(0, 2), ["visit", "click"]);
          assert.deepEqual(done(await erase({ [name]: ids[name] })), { success: true });
          assert.deepEqual(await left(), [[theirs.tempId], [theirs.tempId], [theirs.tempId], [6]]);
          for (const table of ["leads", "conversions"]) assert.deepEqual((await api.edge.rows(`SELECT telegram_user_id FROM ${table}`)).map((row) => row.telegram_user_id), [6], table);
          refused(await erase({ [name]: ids[name] }), 404, "LEAD_NOT_FOUND");
        });
      }

      it("is forgotten by the site's own id where conversions and webhooks alone named it", async () => {
        await convert(told({ externalUserId: "U-1001" }));
        await convert(told({ externalUserId: "u-1002" }));
        const hash = createHash("sha256").update("u-1001").digest("hex");
        for (const [id, externalId] of [["mine", hash], ["theirs", "0".repeat(64)]]) {
          await api.edge.rows("INSERT INTO webhook_events (source, event_id, at_ms, status, person) VALUES ('shop', ?, 1, 'failed', ?)", id, JSON.stringify({ externalId }));
        }
        await convert(told({ telegramUserId: 6, externalUserId: "u-1003" }));
        done(await erase({ externalUserId: "U-1001" }));
        assert.deepEqual((await conversions()).map((row) => row.telegram_user_id), [6], "an earlier id of a person is theirs, too");
        assert.deepEqual((await api.edge.rows("SELECT event_id FROM webhook_events")).map((row) => row.event_id), ["theirs"]);
      });

      it("is shown and forgotten with the browsers that named it as its conversions do, but by no name that is another's, too", async () => {
        const laptop = await arrive({ externalUserId: "cust-9" });
        const shared = await arrive({ externalUserId: "guest" });
        await convert(told({ externalUserId: "cust-9" }));
        await convert(told({ externalUserId: "guest", eventType: "Subscribe" }));
        await convert(told({ telegramUserId: 6, externalUserId: "guest" }));
        const seen = (await api.get(`trail?telegramUserId=${USER}`)).text;
        assert.deepEqual([seen.includes(laptop.tempId), seen.includes(shared.tempId)], [true, false]);
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual((await left()).slice(0, 3), [[shared.tempId], [shared.tempId], [shared.tempId]]);
      });

      it("takes nobody else's browser for the name that a page gave both, nor those of a name that many have", async () => {
        const other = await arrive({ externalUserId: "vip" });
        await convert(told({ telegramUserId: 6 }));
        await api.edge.rows("UPDATE conversions SET click_id = ?", other.click);
        const many = await Promise.all(Array.from({ length: 11 }, () => arrive({ externalUserId: "guest" })));
        for (const externalUserId of ["vip", "guest"]) await convert(told({ externalUserId, eventType: externalUserId === "vip" ? "Lead" : "Subscribe" }));
        assert.doesNotMatch((await api.get(`trail?telegramUserId=${USER}`)).text, new RegExp([other, ...many].map(({ tempId }) => tempId).join("|")));
        done(await api.call("DELETE", `leads/${USER}`));
        assert.equal((await left())[0].length, 12);
      });

      it("is forgotten by its browser, though the queue alone knows of it yet", async () => {
        await api.edge.fail({ record: true });
        const { tempId } = await arrive({});
        const records = (await api.edge.queue()).recorded.filter((message) => message.includes(tempId));
        await api.edge.fail({ record: false });
        for (const table of ["visits", "visitors", "clicks"]) await api.edge.rows(`DELETE FROM ${table}`);
        refused(await erase({ tempId }), 404, "LEAD_NOT_FOUND");
        for (const record of records) await api.edge.enqueue(record);
        await api.edge.drained();
        assert.deepEqual(await left(), [[], [], [], []]);
      });

      for (const name of ["tempId", "telegramUserId", "clickId"]) {
        it(`is forgotten by its ${name} with its browser, though the click by which it joined is forgotten`, async () => {
          const { tempId, click } = await arrive({});
          await convert(told());
          await api.edge.rows("UPDATE conversions SET click_id = ?, source = 'tracker'", click);
          await api.edge.rows("UPDATE clicks SET at_ms = 1");
          await api.edge.strike();
          assert.deepEqual(await left(), [[tempId], [tempId], [], []]);
          done(await erase({ [name]: { tempId, telegramUserId: USER, clickId: click }[name] }));
          assert.deepEqual([await left(), await conversions()], [[[], [], [], []], []]);
        });
      }

      it("is known no more by a browser that was forgotten as another's", async () => {
        const { tempId, click } = await arrive({});
        await convert(told());
        await api.edge.rows("UPDATE conversions SET joined_by = ?, click_id = NULL", tempId);
        await api.edge.rows("INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, click_id) VALUES (?, 6, 'member', 1, 1, 1, 1, ?)", CHAT, click);
        done(await erase({ telegramUserId: 6 }));
        assert.deepEqual((await conversions("telegram_user_id, joined_by")), [{ telegram_user_id: USER, joined_by: null }]);
      });

      it("is not erased by no id or several", async () => {
        for (const query of ["", "?tempId=a&clickId=b", "?telegramUserId=x"]) refused(await api.call("DELETE", `trail${query}`), 400, "INVALID_PAYLOAD", "telegramUserId");
      });
    });

    describe("that is erased while the queue holds its records", () => {
      /** Somebody visits, clicks and converts by that click, one visit and click of the other site included: their ids, and what the queue was sent. */
      const arrive = async () => {
        const [tempId, edge] = [randomUUID(), api.edge];
        await edge.fail({ record: true });
        for (const [siteId, host, channelId] of [[WEBSITE, "shop.test", CHANNELS[0]], [OTHER_SITE, "other.test", OTHER_CHANNEL]]) {
          done(await api.post("events/visit", { href: `https://${host}/`, tempId, siteId }));
          done(await api.post("events/update-fbp", { tempId, siteId, fbp: "fb.1.1700000000000.5" }));
          done(await api.post("events/invite", { tempId, siteId, channelId }));
        }
        await edge.drained();
        const { recorded } = await edge.queue();
        await edge.fail({ record: false });
        const records = recorded.filter((message) => message.includes(tempId));
        assert.equal(records.length, 6);
        await convert(lead());
        await edge.rows("UPDATE conversions SET click_id = (SELECT click_id FROM clicks WHERE temp_id = ? AND website_id = ?)", tempId, WEBSITE);
        return { tempId, records };
      };
      const enqueue = async (records) => {
        for (const record of records) await api.edge.enqueue(record);
        await api.edge.drained();
      };
      const sitesOf = (table) => api.edge.rows(`SELECT website_id FROM ${table} ORDER BY website_id`).then((rows) => rows.map((row) => row.website_id));
      const known = async () => [await sitesOf("visits"), await sitesOf("clicks"), (await api.edge.rows("SELECT * FROM visitors")).length];

      it("stays so when they come", async () => {
        const { records } = await arrive();
        done(await api.call("DELETE", `leads/${USER}`));
        assert.deepEqual(await known(), [[], [], 0]);
        const counts = await api.edge.rows("SELECT * FROM traffic");
        await enqueue(records);
        assert.deepEqual(await known(), [[], [], 0]);
        assert.deepEqual(await api.edge.rows("SELECT * FROM traffic"), counts, "what was counted is neither doubled nor lost");
        refused(await api.call("DELETE", `leads/${USER}`), 404, "LEAD_NOT_FOUND");
      });

      it("stays so when the click by which it joined comes last", async () => {
        const { records, tempId } = await arrive();
        await api.edge.rows("DELETE FROM clicks");
        await api.edge.rows("DELETE FROM visits");
        await api.edge.rows("DELETE FROM visitors");
        done(await api.call("DELETE", `leads/${USER}`));
        const isClick = (record) => record.includes('"click"');
        await enqueue(records.filter((record) => !isClick(record)));
        assert.deepEqual(await known(), [[OTHER_SITE, WEBSITE].sort(), [], 1], "nobody can know yet whose visits those are");
        await enqueue(records.filter(isClick));
        assert.deepEqual(await known(), [[], [], 0]);
        await enqueue(records);
        assert.deepEqual(await known(), [[], [], 0]);
        // The same browser comes back: that is somebody new.
        done(await api.post("events/visit", { href: "https://shop.test/", tempId }));
        done(await api.post("events/invite", { tempId, channelId: CHANNELS[0] }));
        await api.edge.drained();
        assert.deepEqual(await known(), [[WEBSITE], [WEBSITE], 1]);
      });

      it("is known to the other site as before, where one site erased it", async () => {
        const { records } = await arrive();
        done(await api.call("DELETE", `leads/${USER}`, { key: (await api.createKey({ websiteId: WEBSITE })).key }));
        assert.deepEqual(await known(), [[OTHER_SITE], [OTHER_SITE], 1]);
        await enqueue(records);
        assert.deepEqual(await known(), [[OTHER_SITE], [OTHER_SITE], 1]);
      });

      it("is not remembered longer than the queue can hold them", async () => {
        const { tempId } = await arrive();
        done(await api.call("DELETE", `leads/${USER}`));
        const remembered = await api.edge.rows("SELECT * FROM erased");
        assert.ok(remembered.some(({ id }) => id === tempId) && !JSON.stringify(remembered).includes(USER), JSON.stringify(remembered));
        await api.edge.strike();
        assert.equal((await api.edge.rows("SELECT * FROM erased")).length, remembered.length);
        await api.edge.rows("UPDATE erased SET erased_ms = erased_ms - 30 * 86400000");
        await api.edge.strike();
        assert.deepEqual(await api.edge.rows("SELECT * FROM erased"), []);
      });
    });

    it("is forgotten by one site, and known to the other", async () => {
      await convert(lead());
      await convert(lead({ channelId: OTHER_CHANNEL }));
      done(await api.call("DELETE", `leads/${USER}`, { key: (await api.createKey({ websiteId: OTHER_SITE })).key }));
      assert.deepEqual(done(await api.get(`leads/${USER}`)).conversions.map((each) => each.channelId), [CHANNELS[0]]);
    });
  });

  it("lists channels field for field", async () => {
    await api.edge.rows("INSERT INTO telegram_channels (chat_id, bot, title, username, changed_ms) VALUES (-1001234567890, 'b', 'Main', 'mainchannel', 1)");
    assert.deepEqual(done(await api.get("channels")), {
      channels: [
        { channelId: CHANNELS[0], telegramChannelId: "-1001234567890", title: "Main", username: "mainchannel", funnelOrder: 1, eventType: "CompleteRegistration" },
        { channelId: CHANNELS[1], telegramChannelId: null, title: "vip", funnelOrder: 2, eventType: "CompleteRegistration" },
        { channelId: OTHER_CHANNEL, telegramChannelId: null, title: "other", username: "otherchannel", funnelOrder: 1, eventType: "CompleteRegistration" },
      ],
    });
  });

  describe("an Idempotency-Key", () => {
    const tell = (body = lead(), idempotencyKey = "order-1", options) => api.post("events/conversion", body, { idempotencyKey, ...options });

    it("gives the same answer again, byte for byte", async () => {
      const first = await tell();
      assert.equal(first.headers["x-idempotent-replay"], undefined);
      const second = await tell();
      assert.equal(second.headers["x-idempotent-replay"], "true");
      assert.deepEqual([second.status, second.text], [first.status, first.text]);
      only(await conversions());
      const wrong = [await tell(lead({ value: 1 }), "bad"), await tell(lead({ value: 1 }), "bad")];
      refused(wrong[1], 400, "INVALID_PAYLOAD", "currency");
      assert.equal(wrong[1].headers["x-idempotent-replay"], "true");
    });

    it("is refused with another request", async () => {
      await tell();
      refused(await tell(lead({ eventType: "Subscribe" })), 422, "IDEMPOTENCY_MISMATCH");
      refused(await api.post(`leads/${USER}/events`, lead(), { idempotencyKey: "order-1" }), 422, "IDEMPOTENCY_MISMATCH");
      refused(await api.call("DELETE", `leads/${USER}`, { idempotencyKey: "order-1" }), 422, "IDEMPOTENCY_MISMATCH");
    });

    it("is its key's own", async () => {
      const { conversionId } = done(await tell());
      const other = done(await tell(lead(), "order-1", { key: (await api.createKey()).key }));
      assert.notEqual(other.conversionId, conversionId);
    });

    it("has at most 128 characters of ASCII", async () => {
      done(await tell(lead(), "x".repeat(128)));
      refused(await tell(lead(), "x".repeat(129)), 400, "INVALID_PAYLOAD", "idempotency-key");
      done(await tell(lead(), "order 1"));
      refused(await tell(lead(), "order\t1"), 400, "INVALID_PAYLOAD", "idempotency-key");
    });

    it("of twenty at once lets one through", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => tell()));
      for (const answer of answers) if (answer.status !== 200) refused(answer, 429, "IDEMPOTENCY_IN_PROGRESS");
      assert.equal(answers.filter((answer) => answer.status === 200 && !answer.headers["x-idempotent-replay"]).length, 1);
      only(await conversions());
      assert.equal(done(await tell()).conversionId, only(await conversions()).conversion_id);
    });

    it("whose first attempt was cut off goes on where it was", async () => {
      const { conversionId } = done(await tell());
      await api.edge.rows("UPDATE idempotency SET status = NULL, body = NULL");
      for (const body of [lead(), lead({ eventTime: Date.now() - 1 })]) {
        const early = await tell(body);
        refused(early, 429, "IDEMPOTENCY_IN_PROGRESS");
        assert.ok(early.headers["retry-after"] > 40 && early.headers["retry-after"] <= 60, "callers repeat a 429 once its time is over, and no 409");
      }
      await api.edge.rows("UPDATE idempotency SET claimed_ms = claimed_ms - 60001");
      assert.equal(done(await tell()).conversionId, conversionId);
      only(await conversions());
    });

    it("whose first attempt failed may come with another body: it has had no answer", async () => {
      // The claim stands, then the ledger goes.
      await api.edge.fail({ d1Chance: { seed: 1, before: { share: 1, of: "INSERT INTO conversions" }, after: {} } });
      assert.ok((await tell(lead({ eventTime: 1_700_000_000_000 }))).status >= 500);
      await api.edge.fail({ d1Chance: null });
      const eventTime = Date.now() - 1_000;
      const { conversionId } = done(await tell(lead({ eventTime })));
      const { conversion_id, event_ms } = only(await conversions());
      assert.deepEqual([conversion_id, event_ms], [conversionId, eventTime]);
      refused(await tell(lead({ eventTime: eventTime - 1 })), 422, "IDEMPOTENCY_MISMATCH");
    });

    it("whose first attempt was cut off behind its conversion takes no other body", async () => {
      const { conversionId } = done(await tell(purchase({ value: 19.9 })));
      const cutOff = "UPDATE idempotency SET status = NULL, body = NULL, claimed_ms = 0";
      await api.edge.rows(cutOff);
      refused(await tell(purchase({ value: 29.9 })), 422, "IDEMPOTENCY_MISMATCH");
      refused(await tell(purchase({ value: 19.9, telegramUserId: 6 })), 422, "IDEMPOTENCY_MISMATCH");
      assert.equal(done(await tell(purchase({ value: 19.9 }))).conversionId, conversionId);
      assert.equal(only(await conversions()).value_minor, 1990);
    });

    it("is free again after 24 hours", async () => {
      const { conversionId } = done(await tell());
      await api.edge.rows("UPDATE idempotency SET at_ms = at_ms - 86400001");
      const later = await tell(lead({ eventType: "Subscribe" }));
      assert.equal(later.headers["x-idempotent-replay"], undefined);
      assert.notEqual(done(later).conversionId, conversionId);
    });

    it("works on every call that changes something", async () => {
      const tempId = randomUUID();
      await convert({ telegramUserId: USER, eventType: "Purchase", channelId: MANUAL_CHANNEL });
      const { conversion_id: id } = only(await conversions());
      const calls = [
        ["POST", "events/visit", { href: "https://shop.test/" }],
        ["POST", "events/update-fbp", { tempId, fbp: "fb.1.1700000000000.5" }],
        ["POST", "events/invite", { tempId, channelId: CHANNELS[0] }],
        ["POST", `leads/${USER}/events`, { eventType: "Lead" }],
        ["POST", `leads/${USER}/conversions/${id}/value`, { value: 5, currency: "USD" }],
        ["DELETE", `leads/${USER}`],
      ];
      for (const [at, [method, path, body]] of calls.entries()) {
        const [first, second] = [await api.call(method, path, { body, idempotencyKey: `every-${at}` }), await api.call(method, path, { body, idempotencyKey: `every-${at}` })];
        assert.equal(first.status, 200, first.text);
        assert.deepEqual([second.status, second.text, second.headers["x-idempotent-replay"]], [200, first.text, "true"], path);
      }
    });
  });

  describe("tracking with a key", () => {
    const visits = () => api.edge.drained().then(() => api.edge.rows("SELECT * FROM visits"));

    it("believes what the caller says of the person", async () => {
      const body = { href: "https://elsewhere.test/?fbclid=AbC", clientIp: "198.51.100.1", userAgent: "UA/1", country: "DE", region: "BE", city: "Berlin", fbp: "fb.1.1700000000000.5", plan: [1.5] };
      const answer = await api.post("events/visit", body, { headers: { "x-adtarget-client-ip": "198.51.100.2", cookie: `adtarget_temp_id=${randomUUID()}`, "user-agent": "node" } });
      const ids = done(answer);
      assert.deepEqual(Object.keys(ids.cookies), ["tempId", "session"]);
      assert.equal(answer.headers["set-cookie"], undefined);
      const visit = only(await visits());
      assert.deepEqual([visit.visit_id, visit.temp_id, visit.website_id], [ids.visitId, ids.tempId, WEBSITE]);
      assert.deepEqual([visit.ip, visit.user_agent, visit.country, visit.region, visit.city, visit.fbclid], ["198.51.100.2", "UA/1", "DE", "BE", "Berlin", "AbC"]);
      assert.deepEqual(JSON.parse(visit.extra), { plan: [1.5] });
    });

    it("names the ad of a visit by what the caller says, too", async () => {
      for (const [told, ad] of [[{ ttclid: "Tt1", utmCampaign: "spring" }, "tiktok spring"], [{ fbclid: "Fb1" }, "meta "], [{ utmSource: "Blog" }, "blog "], [{ href: "https://www.shop.test/?fbclid=Fb1", gclid: "Before" }, "meta "], [{}, " "]]) {
        await api.reset();
        const { visitId, tempId } = done(await api.post("events/visit", { href: "https://www.shop.test/", ...told }));
        done(await api.post("events/invite", { tempId }));
        await api.edge.drained();
        const where = async (table, id, value) => only(await api.edge.rows(`SELECT source || ' ' || campaign AS ad FROM ${table} WHERE ${id} = ?`, value)).ad;
        assert.equal(await where("visit_origins", "visit_id", visitId), ad, JSON.stringify(told));
        assert.equal(await where("click_origins", "temp_id", tempId), ad, JSON.stringify(told));
      }
    });

    it("is of the key's site, else the named one, else the first", async () => {
      const key = (await api.createKey({ websiteId: OTHER_SITE })).key;
      done(await api.post("events/visit", { href: "https://other.test/" }, { key }));
      done(await api.post("events/visit", { href: "https://other.test/", siteId: OTHER_SITE }));
      assert.deepEqual((await visits()).map((visit) => visit.website_id), [OTHER_SITE, OTHER_SITE]);
      refused(await api.post("events/visit", { href: "https://other.test/", websiteId: WEBSITE }, { key }), 400, "INVALID_PAYLOAD", "websiteId");
    });

    it("is of the site whose page it is, where none is named", async () => {
      for (const href of ["https://www.other.test/?a=1", "https://shop.test/", "https://elsewhere.test/"]) done(await api.post("events/visit", { href }));
      const sites = Object.fromEntries((await visits()).map((visit) => [new URL(visit.href).hostname, visit.website_id]));
      assert.deepEqual(sites, { "www.other.test": OTHER_SITE, "shop.test": WEBSITE, "elsewhere.test": WEBSITE });
    });

    it("is found by the click's id in any form", async () => {
      done(await api.post("events/invite", { tempId: randomUUID(), channelId: CHANNELS[0] }));
      await api.edge.drained();
      const { click_id: id } = only(await api.edge.rows("SELECT click_id FROM clicks"));
      const uuid = id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
      for (const form of [id, uuid, uuid.toUpperCase()]) assert.equal(done(await api.get(`trail?clickId=${form}`)).steps.length, 1, form);
    });

    it("is kept in a burst that is larger than what the ledger takes at once", async () => {
      await api.edge.fail({ record: true });
      done(await api.post("events/visit", { href: "https://shop.test/" }));
      await api.edge.drained();
      const [sample] = (await api.edge.queue()).recorded.filter((message) => message.includes("https://shop.test/")).slice(-1);
      await api.edge.fail({ record: false });
      const { keep: { visit } } = JSON.parse(sample);
      const burst = Array.from({ length: 100 }, () => ({ keep: { visit: { ...visit, visitId: randomUUID(), extra: { long: "x".repeat(60_000) } } } }));
      await Promise.all(burst.map((message) => api.edge.enqueue(JSON.stringify(message))));
      await api.edge.drained();
      assert.equal((await visits()).length, 101);
      assert.deepEqual(api.edge.logs.filter(({ message }) => message.includes("took none")), []);
    });

    it("refuses what the contract does", async () => {
      refused(await api.post("events/visit", {}), 400, "INVALID_PAYLOAD", "href");
      refused(await api.post("events/visit", { href: "shop" }), 400, "INVALID_PAYLOAD", "href");
      refused(await api.post("events/visit", { href: "https://shop.test/", tempId: "x" }), 400, "INVALID_PAYLOAD", "tempId");
      refused(await api.post("events/visit", { href: "https://shop.test/", clientIp: "1.2.3" }), 400, "INVALID_PAYLOAD", "clientIp");
      refused(await api.post("events/update-fbp", { fbp: "fb.1.1700000000000.5" }), 400, "INVALID_PAYLOAD", "tempId");
      refused(await api.post("events/update-fbp", { tempId: randomUUID(), fbp: "5" }), 400, "INVALID_PAYLOAD", "fbp");
      refused(await api.post("events/invite", { channelId: CHANNELS[0] }), 400, "INVALID_PAYLOAD", "tempId");
      refused(await api.post("events/invite", { tempId: randomUUID(), channelId: "none" }), 404, "CHANNEL_NOT_FOUND");
    });

    it("patches the latest visit with a late browser id", async () => {
      const { tempId } = done(await api.post("events/visit", { href: "https://shop.test/" }));
      assert.deepEqual(done(await api.post("events/update-fbp", { tempId, fbp: "fb.1.1700000000000.77" })), { success: true });
      assert.equal(only(await visits()).fbp, "fb.1.1700000000000.77");
    });

    it("gives the way into a channel as JSON, and keeps the click", async () => {
      const [tempId, clientSessionId] = [randomUUID(), randomUUID()];
      assert.deepEqual(done(await api.post("events/invite", { tempId, clientSessionId, channelId: CHANNELS[1], clientIp: "198.51.100.1" })), { inviteLink: FALLBACK.vip });
      await api.edge.drained();
      const click = only(await api.edge.rows("SELECT * FROM clicks"));
      assert.deepEqual([click.temp_id, click.client_session_id, click.channel, click.invite_link, click.ip], [tempId, clientSessionId, "vip", FALLBACK.vip, "198.51.100.1"]);
    });

    it("counts a click to the visitor's latest visit of its own site, else of any", async () => {
      const tempId = randomUUID();
      for (const [siteId, campaign] of [[WEBSITE, "shop"], [OTHER_SITE, "other"]]) done(await api.post("events/visit", { siteId, href: `https://shop.test/?utm_campaign=${campaign}`, tempId }));
      done(await api.post("events/invite", { siteId: WEBSITE, tempId }));
      await api.edge.drained();
      const campaign = async () => only(await api.edge.rows("SELECT campaign FROM click_origins")).campaign;
      assert.equal(await campaign(), "shop");
      await api.edge.rows("DELETE FROM visits WHERE website_id = ?", WEBSITE);
      assert.equal(await campaign(), "other");
    });
  });

  it("never fails, whatever it is sent", async () => {
    const values = [null, true, 0, -1, 1.5, 1e400, 1e308, 2 ** 53, "", " ", "x", "\u0000", "\ud83d\ude00", "x".repeat(5_000), [], [[]], {}, { a: { b: 1 } }, "javascript:1", "-100", "' OR 1=1 --"];
    const good = { ...purchase(), href: "https://shop.test/", tempId: randomUUID() };
    const told = ["telegramUserId", "channelId", "siteId", "eventType", "customEventName", "value", "currency", "contentName", "pii", "eventTime", "fbc", "clientIp", "userAgent", "eventSourceUrl"];
    const paths = {
      "events/visit": ["href", "tempId", "eventId", "fbc", "clientIp", "country", "consent", "bot", "capturedBy", "cookie", "utmSource"],
      "events/update-fbp": ["tempId", "fbp", "websiteId"],
      "events/invite": ["tempId", "clientSessionId", "channelId", "gclid"],
      "events/conversion": told,
      [`leads/${USER}/events`]: ["telegramUserId", "channelId"],
      [`leads/${USER}/conversions/${"0".repeat(32)}/value`]: ["value", "currency", "pii"],
    };
    const raw = ["", "null", "[]", "1", "{", `{"a":${"[".repeat(3_000)}${"]".repeat(3_000)}}`, "[".repeat(9_000), `{"pii":${'{"a":'.repeat(1_500)}1${"}".repeat(1_500)}}`, '{"value":1e99999999999999999999}', '{"eventType":"\\ud800"}', '{"telegramUserId":00}', Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), Buffer.from("\ufeff{}", "utf8"), '{"a":1}{"b":2}', Buffer.alloc(20_000, 32)];
    const seen = async (answer) => {
      assert.ok(answer.status < 500, `${answer.status} ${answer.text}`);
      if (answer.status >= 400) assert.ok(answer.json().error.code, answer.text);
    };
    for (const [path, names] of Object.entries(paths)) {
      const bodies = [...raw, ...names.flatMap((name) => values.map((value) => JSON.stringify({ ...good, [name]: value })))];
      for (let at = 0; at < bodies.length; at += 40) await Promise.all(bodies.slice(at, at + 40).map((body) => api.post(path, body).then(seen)));
    }
    const words = ["%00", "a%2Fb", "-1", "0x5", "9".repeat(400), "1%0d%0aSet-Cookie:x", "☃", "' OR 1"];
    for (const word of words) for (const path of [`leads/${word}`, `leads/${word}/events`, `leads/5/conversions/${word}/value`, word]) for (const method of ["GET", "POST", "DELETE"]) await seen(await api.call(method, encodeURI(path), { body: method === "POST" ? { eventType: "Lead", value: 1, currency: "USD" } : undefined }));
    for (const header of ["", "Bearer", "Bearer ", "x".repeat(5_000), "Bearer \u00e9", `Bearer atk_live_${"é".repeat(8)}_${"0".repeat(32)}`]) await seen(await api.get("channels", { key: "", headers: { authorization: Buffer.from(header).toString("latin1") } }));
    assert.ok(!api.edge.logs.some(({ message }) => message.includes("panicked")), JSON.stringify(api.edge.logs));
  });
});

describe("the keyed API of sites in several databases", () => {
  it("keeps each site's leads in its own, and knows them all", async () => {
    const site = (websiteId, database) => ({ websiteId, database, domains: [`${websiteId}.test`], channels: [{ slug: websiteId, invite: FALLBACK.main }] });
    const api = await startApi({ vars: { SITES: JSON.stringify([site("one"), site("two", "DB_TWO")]) }, databases: ["DB_TWO"] });
    try {
      await api.reset();
      for (const siteId of ["one", "two"]) done(await api.post("events/conversion", { telegramUserId: USER, eventType: "Lead", siteId }));
      assert.deepEqual((await api.edge.rows("SELECT website_id FROM conversions")).map((row) => row.website_id), ["one"]);
      assert.deepEqual((await api.edge.rowsOf("DB_TWO", "SELECT website_id FROM conversions")).map((row) => row.website_id), ["two"]);
      assert.deepEqual(done(await api.get(`leads/${USER}`)).conversions.map((each) => each.channelId), ["two", "one"]);
      refused(await api.post("events/conversion", { telegramUserId: USER, eventType: "Lead" }), 400, "INVALID_PAYLOAD", "siteId");
      done(await api.post(`leads/${USER}/events`, { eventType: "Subscribe" }));
      assert.equal((await api.edge.rowsOf("DB_TWO", "SELECT * FROM conversions")).length, 2, "in the channel of the latest");
      const two = (await api.createKey({ websiteId: "two" })).key;
      assert.deepEqual(done(await api.get(`leads/${USER}`, { key: two })).conversions.map((each) => each.eventType), ["Subscribe", "Lead"]);
      done(await api.call("DELETE", `leads/${USER}`));
      assert.deepEqual([await api.edge.rows("SELECT * FROM leads"), await api.edge.rowsOf("DB_TWO", "SELECT * FROM leads")], [[], []]);
    } finally {
      await api.close();
    }
  });
});

describe("a person whom sites in several databases know", () => {
  let api;
  const site = (websiteId, database) => ({ websiteId, database, domains: [`${websiteId}.test`], channels: [{ slug: websiteId, invite: FALLBACK.main }] });
  before(async () => (api = await startApi({ vars: { SITES: JSON.stringify([site("one"), site("two", "DB_TWO")]) }, databases: ["DB_TWO"] })));
  after(() => api.close());
  const rows = (database, sql) => api.edge.rowsOf(database, sql);
  beforeEach(async () => {
    await api.reset();
    for (const table of ["visits", "clicks", "visitors", "leads", "conversions", "erased"]) await rows("DB_TWO", `DELETE FROM ${table}`);
  });

  /** Somebody's browser visits and taps on both sites, and a conversion of `first`'s is by its click there. Gives that conversion's id. */
  const arrive = async (first) => {
    const tempId = randomUUID();
    for (const siteId of ["one", "two"]) {
      done(await api.post("events/visit", { href: `https://${siteId}.test/`, tempId, siteId }));
      done(await api.post("events/invite", { tempId, siteId, channelId: siteId }));
    }
    await api.edge.drained();
    const { conversionId } = done(await api.post("events/conversion", { telegramUserId: USER, eventType: "Lead", siteId: first }));
    await rows({ one: "DB", two: "DB_TWO" }[first], `UPDATE conversions SET click_id = (SELECT click_id FROM clicks WHERE temp_id = '${tempId}') WHERE conversion_id = '${conversionId}'`);
    return conversionId;
  };
  const counts = async (database) => (await rows(database, "SELECT (SELECT count(*) FROM visits) AS visits, (SELECT count(*) FROM clicks) AS clicks, (SELECT count(*) FROM visitors) AS visitors"))[0];
  const gone = { visits: 0, clicks: 0, visitors: 0 };
  const known = { visits: 1, clicks: 1, visitors: 1 };

  for (const first of ["one", "two"]) {
    for (const name of ["telegramUserId", "conversionId", "lead"]) {
      it(`is forgotten in both with the browser that joined on ${first}: by ${name}`, async () => {
        const conversionId = await arrive(first);
        const path = { telegramUserId: `trail?telegramUserId=${USER}`, conversionId: `trail?conversionId=${conversionId}`, lead: `leads/${USER}` }[name];
        done(await api.call("DELETE", path));
        assert.deepEqual([await counts("DB"), await counts("DB_TWO")], [gone, gone]);
        for (const database of ["DB", "DB_TWO"]) assert.ok((await rows(database, "SELECT * FROM erased")).length, "and what the queue holds of it stays away");
        refused(await api.call("DELETE", path), 404, "LEAD_NOT_FOUND");
      });
    }
  }

  it("is forgotten by one, and known to the other", async () => {
    await arrive("one");
    done(await api.call("DELETE", `leads/${USER}`, { key: (await api.createKey({ websiteId: "one" })).key }));
    assert.deepEqual([await counts("DB"), await counts("DB_TWO")], [gone, known]);
  });

  it("is forgotten whole by the second call where the first was cut off between the two", async () => {
    await arrive("one");
    await arrive("two");
    await rows("DB_TWO", "CREATE TRIGGER stuck BEFORE DELETE ON leads BEGIN SELECT RAISE(ABORT, 'stuck'); END");
    refused(await api.call("DELETE", `leads/${USER}`), 500, "INTERNAL_ERROR");
    await rows("DB_TWO", "DROP TRIGGER stuck");
    done(await api.call("DELETE", `leads/${USER}`));
    assert.deepEqual([await counts("DB"), await counts("DB_TWO")], [gone, gone]);
  });
});

describe("a visit that a server tells, of sites whose domains nest", () => {
  const main = { websiteId: "main", domains: ["example.com"], channels: [] };
  const landing = { websiteId: "landing", domains: ["lp.example.com"], channels: [] };
  for (const sites of [[main, landing], [landing, main]]) {
    it(`is of the closest, where ${sites[0].websiteId} stands first`, async () => {
      const api = await startApi({ vars: { SITES: JSON.stringify(sites) } });
      try {
        await api.reset();
        for (const host of ["example.com", "lp.example.com"]) done(await api.post("events/visit", { href: `https://${host}/`, tempId: randomUUID() }));
        await api.edge.drained();
        const visits = await api.edge.rows("SELECT href, website_id FROM visits ORDER BY href");
        assert.deepEqual(visits, [{ href: "https://example.com/", website_id: "main" }, { href: "https://lp.example.com/", website_id: "landing" }]);
      } finally {
        await api.close();
      }
    });
  }
});

describe("a late browser id that names no site, of sites in several databases", () => {
  let api;
  const site = (websiteId, database) => ({ websiteId, database, domains: [`${websiteId}.test`], channels: [{ slug: websiteId, invite: FALLBACK.main }] });
  before(async () => (api = await startApi({ vars: { SITES: JSON.stringify([site("one"), site("three"), site("two", "DB_TWO")]) }, databases: ["DB_TWO"] })));
  after(() => api.close());
  beforeEach(() => api.reset());

  const FBP = "fb.1.1700000000000.77";
  const inOne = (sql) => api.edge.rows(sql);
  const inTwo = (sql) => api.edge.rowsOf("DB_TWO", sql);
  const tell = async (tempId) => {
    assert.deepEqual(done(await api.post("events/update-fbp", { tempId, fbp: FBP })), { success: true });
    await api.edge.drained();
  };

  it("is of the site of the visit that it belongs to, the latest of several", async () => {
    const tempId = randomUUID();
    done(await api.post("events/visit", { href: "https://one.test/", tempId }));
    done(await api.post("events/visit", { href: "https://two.test/", tempId }));
    await api.edge.drained();
    await tell(tempId);
    assert.deepEqual([await inOne("SELECT fbp FROM visits"), await inTwo("SELECT fbp FROM visits")], [[{ fbp: null }], [{ fbp: FBP }]]);
    assert.deepEqual([await inOne("SELECT fbp FROM visitors"), await inTwo("SELECT fbp FROM visitors")], [[{ fbp: null }], [{ fbp: FBP }]]);
  });

  it("is of that site, also where another has the same database", async () => {
    await api.edge.fail({ record: true });
    const tempId = randomUUID();
    done(await api.post("events/visit", { href: "https://three.test/", tempId }));
    await api.edge.drained();
    await tell(tempId);
    const told = (await api.edge.queue()).recorded.find((message) => message.includes(FBP));
    assert.equal(JSON.stringify(JSON.parse(told)).includes('"websiteId":"three"'), true, told);
    await api.edge.fail({ record: false });
  });

  for (const host of ["one.test", "two.test"]) {
    it(`waits for a visit that comes after it: ${host}`, async () => {
      const tempId = randomUUID();
      await tell(tempId);
      done(await api.post("events/visit", { href: `https://${host}/`, tempId }));
      await api.edge.drained();
      assert.deepEqual([...(await inOne(`SELECT fbp FROM visits WHERE temp_id = '${tempId}'`)), ...(await inTwo(`SELECT fbp FROM visits WHERE temp_id = '${tempId}'`))], [{ fbp: FBP }]);
    });
  }
});

describe("the keyed API's limits and lacks", () => {
  it("counts the calls of each key", async () => {
    const api = await startApi({ limits: { RATE_LIMIT_KEY: 5 } });
    try {
      await api.reset();
      await earlyInAMinute();
      const statuses = [];
      for (let call = 0; call < 8; call += 1) statuses.push(await api.get("channels"));
      const limited = statuses.filter((answer) => answer.status === 429);
      assert.ok(limited.length >= 2, String(statuses.map((answer) => answer.status)));
      refused(limited[0], 429, "RATE_LIMITED");
      assert.equal(limited[0].headers["retry-after"], "10");
      const { key } = await api.createKey();
      assert.equal((await api.get("channels", { key })).status, 200, "another key is not concerned");
    } finally {
      await api.close();
    }
  });

  it("counts calls whose key is refused against their address, and no others", async () => {
    const api = await startApi({ limits: { RATE_LIMIT_ADDRESS: 3 } });
    try {
      await api.reset();
      const unknown = `atk_live_${"0".repeat(8)}_${"0".repeat(32)}`;
      const refusals = { "an unknown key": ["channels", { key: unknown }], "no key": ["channels", { key: "" }], "not the operator's": ["keys", { key: unknown }] };
      for (const [name, call] of Object.entries(refusals)) {
        const headers = { "cf-connecting-ip": `192.0.2.${name.length}` };
        const answers = [];
        await earlyInAMinute();
        for (let each = 0; each < 6; each += 1) answers.push(await api.get(call[0], { ...call[1], headers }));
        assert.equal(answers[0].status, 401, name);
        refused(answers.at(-1), 429, "RATE_LIMITED");
        assert.equal(answers.at(-1).headers["retry-after"], "60", name);
        assert.equal((await api.get("channels", { headers })).status, 200, `${name}: a good key from the same address`);
      }
      const health = () => api.edge.request("/healthz", { headers: { authorization: "Bearer nobody's", "cf-connecting-ip": "192.0.2.200" } });
      const statuses = [];
      await earlyInAMinute();
      for (let each = 0; each < 6; each += 1) statuses.push((await health()).status);
      assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
    } finally {
      await api.close();
    }
  });

  it("says what the deployment lacks", async () => {
    const api = await startApi({ vars: { OPERATOR_KEY: "too short" } });
    try {
      refused(await api.operate("GET", "keys"), 503, "API_DISABLED", "OPERATOR_KEY", "too short: it takes 32 characters or more");
      const health = (await api.edge.request("/healthz")).json();
      assert.deepEqual(health.problems.map((problem) => problem.setting), ["OPERATOR_KEY"]);
    } finally {
      await api.close();
    }
  });
});
