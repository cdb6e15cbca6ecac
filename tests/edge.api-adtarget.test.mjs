// The keyed API with AdTarget behind it: what goes there and comes back, and what becomes of a conversion while it is away.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { until } from "./harness/wait.mjs";
import { API_KEY, CHANNELS, FALLBACK, WEBSITE, only } from "./harness/world.mjs";
import { OPERATOR_KEY, done, refused, startApi } from "./harness/api.mjs";

const USER = 1234567890;
const ONE_SITE = [{ websiteId: WEBSITE, domains: ["shop.test"], channels: [{ slug: "main", channelId: CHANNELS[0], invite: FALLBACK.main }] }];
const purchase = (fields = {}) => ({ telegramUserId: USER, eventType: "Purchase", channelId: CHANNELS[0], value: 97.5, currency: "USD", ...fields });

/** Everything AdTarget may do wrong; `kept`: whether it did what it was asked all the same. */
const FAULTS = {
  "is slow": { delay: 14_000, kept: true },
  "answers 408": { status: 408 },
  "answers 425": { status: 425 },
  "answers 429": { status: 429, retryAfter: 7 },
  "answers 500": { status: 500 },
  "answers 503": { status: 503 },
  "wants another key": { status: 401 },
  "is out of money": { status: 402 },
  "cuts the line on arrival": { cut: "arrival" },
  "cuts the line before its answer": { cut: "headers", kept: true },
  "cuts the line within its answer": { cut: "body", kept: true },
  "answers HTML": { body: "<!doctype html>", type: "text/html", kept: true },
  "answers half a JSON": { body: '{"conversionId":"', kept: true },
  "answers a list": { body: "[]", kept: true },
};

describe("the keyed API in front of AdTarget", () => {
  let api, adtarget;
  before(async () => {
    api = await startApi({ backend: "adtarget", vars: { SITES: JSON.stringify(ONE_SITE) } });
    adtarget = api.world.adtarget;
  });
  after(() => api.close());
  beforeEach(() => api.reset());

  const owed = () => api.edge.rows("SELECT * FROM owed_conversions");
  const tell = (fields, options) => api.post("events/conversion", purchase(fields), options);

  it("lets AdTarget answer every call, with its own key in place of the caller's", async () => {
    const tempId = randomUUID();
    const calls = [
      ["POST", "events/visit", { href: "https://shop.test/", clientIp: "198.51.100.1" }],
      ["POST", "events/update-fbp", { tempId, fbp: "fb.1.1700000000000.5" }],
      ["POST", "events/invite", { tempId, channelId: CHANNELS[0] }],
      ["POST", "events/conversion", purchase()],
      ["POST", `leads/${USER}/events`, { eventType: "Lead" }],
      ["GET", `leads/${USER}`],
      ["GET", "channels?limit=5"],
    ];
    for (const [method, path, body] of calls) {
      const answer = await api.call(method, path, { body, headers: { "x-adtarget-client-ip": "198.51.100.2" } });
      assert.equal(answer.status, 200, `${path}: ${answer.text}`);
      const call = adtarget.calls.at(-1);
      assert.deepEqual([call.method, call.pathname], [method, `/api/v1/${path.split("?")[0]}`]);
      assert.equal(call.headers.authorization, `Bearer ${API_KEY}`);
      assert.equal(call.headers["x-adtarget-client-ip"], "198.51.100.2");
      if (body) assert.equal(call.text, JSON.stringify(body), "byte for byte");
      assert.equal("idempotency-key" in call.headers, method === "POST");
    }
    assert.deepEqual(adtarget.calls.at(-1).query, { limit: "5" });
    const { conversionId } = adtarget.conversions[0];
    done(await api.post(`leads/${USER}/conversions/${conversionId}/value`, { value: 5, currency: "USD" }));
    assert.deepEqual(adtarget.conversions[0].submitted, { value: 5, currency: "USD" });
    assert.deepEqual(adtarget.violations, []);
  });

  it("shows a lead of a thousand conversions", async () => {
    done(await tell());
    const [{ ...conversion }] = adtarget.conversions;
    for (let more = 1; more < 1_000; more += 1) adtarget.conversions.push(conversion);
    assert.equal(done(await api.get(`leads/${USER}`)).conversions.length, 1_000);
  });

  it("checks its own keys, and asks AdTarget nothing for a stranger", async () => {
    for (const key of ["", "x", API_KEY]) refused(await tell({}, { key }), 401, key ? "INVALID_KEY" : "AUTH_REQUIRED");
    const { key, prefix } = await api.createKey();
    done(await api.operate("DELETE", `keys/${prefix}`));
    refused(await tell({}, { key }), 401, "REVOKED_KEY");
    assert.deepEqual(adtarget.calls, []);
  });

  it("passes AdTarget's refusals on as they are", async () => {
    for (const [method, path, body, status, code] of [
      ["GET", "leads/5", undefined, 404, "LEAD_NOT_FOUND"],
      ["POST", "events/conversion", { telegramUserId: "5" }, 400, "INVALID_PAYLOAD"],
      ["POST", "events/conversion", purchase({ channelId: "none" }), 404, "CHANNEL_NOT_FOUND"],
      ["POST", "leads/5/conversions/none/value", { value: 1, currency: "USD" }, 404, "CONVERSION_NOT_FOUND"],
    ]) {
      refused(await api.call(method, path, { body }), status, code);
      assert.equal(adtarget.calls.at(-1).status, status);
    }
  });

  it("keeps two callers' Idempotency-Keys apart, and replays each its own", async () => {
    const other = (await api.createKey()).key;
    const [mine, theirs] = [await tell({}, { idempotencyKey: "order" }), await tell({}, { idempotencyKey: "order", key: other })];
    assert.notEqual(done(mine).conversionId, done(theirs).conversionId);
    const again = await tell({}, { idempotencyKey: "order" });
    assert.equal(again.text, mine.text);
    assert.equal(again.headers["x-idempotent-replay"], "true");
    refused(await tell({ value: 1 }, { idempotencyKey: "order" }), 422, "IDEMPOTENCY_MISMATCH");
    assert.equal(adtarget.conversions.length, 2);
  });

  it("goes on with an attempt that was cut off, under AdTarget's same key", async () => {
    const first = done(await tell({}, { idempotencyKey: "order" }));
    await api.edge.rows("UPDATE idempotency SET status = NULL, body = NULL, claimed_ms = 0");
    const second = await tell({}, { idempotencyKey: "order" });
    assert.equal(done(second).conversionId, first.conversionId);
    assert.equal(second.headers["x-idempotent-replay"], "true", "AdTarget says that it is a replay");
    only(adtarget.conversions);
  });

  it("accepts a conversion while AdTarget is away that names a site by AdTarget's own id", async () => {
    adtarget.misbehave({ path: "events/conversion", status: 503, times: 1 });
    done(await tell({ siteId: "6650a1" }), 202);
    await until(async () => only(await owed()).status !== "owed", "settled");
    assert.equal(adtarget.calls.at(-1).body.siteId, "6650a1");
  });

  for (const [what, { kept, ...fault }] of Object.entries(FAULTS)) {
    it(`accepts a conversion while AdTarget ${what}, and tells it once`, async () => {
      adtarget.misbehave({ path: "events/conversion", times: fault.delay ? 1 : 3, ...fault });
      const eventTime = Date.now() - 1_000;
      const answer = done(await tell({ eventTime, pii: { email: "jane@example.com" } }, { idempotencyKey: "order", timeout: 20_000 }), 202);
      assert.match(answer.conversionId, /^[0-9a-f]{32}$/);
      assert.deepEqual([answer.capiStatus, answer.coldLead, answer.dispatched, answer.sends], ["pending", false, false, []]);
      assert.match(answer.warning, /AdTarget is away.*without pii/);
      const replay = await tell({ eventTime, pii: { email: "jane@example.com" } }, { idempotencyKey: "order" });
      assert.deepEqual([replay.status, replay.json().conversionId, replay.headers["x-idempotent-replay"]], [202, answer.conversionId, "true"]);
      await until(async () => only(await owed()).status === "delivered", "delivered");
      const conversion = only(adtarget.conversions);
      assert.deepEqual([conversion.value, conversion.eventTime], [97.5, eventTime]);
      assert.equal("pii" in conversion, Boolean(kept), "what is kept has no pii");
      assert.equal(only(await owed()).adtarget_id, conversion.conversionId);
      assert.equal(only(await owed()).body, "");
      assert.equal(new Set(adtarget.calls.map((call) => call.headers["idempotency-key"])).size, 1);
      done(await api.post(`leads/${USER}/conversions/${answer.conversionId}/value`, { value: 5, currency: "USD" }));
      assert.deepEqual(conversion.submitted, { value: 5, currency: "USD" }, "by the id that the caller was given");
    });
  }

  it("asks again for the id of a conversion that AdTarget names without one", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 1, status: 503 });
    adtarget.misbehave({ path: "events/conversion", times: 1, body: '{"conversionId":""}' });
    done(await tell({}), 202);
    await until(async () => only(await owed()).status === "delivered", "delivered");
    assert.equal(only(await owed()).adtarget_id, only(adtarget.conversions).conversionId);
  });

  it("accepts a conversion while AdTarget is away with the client that headers told, who win over the body", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 1, status: 503 });
    const headers = { "x-adtarget-client-ip": "203.0.113.9", "x-adtarget-client-user-agent": "Phone/1" };
    done(await tell({ clientIp: "198.51.100.1", gclid: "G1" }, { headers }), 202);
    await until(async () => only(await owed()).status === "delivered", "delivered");
    const { clientIp, userAgent, gclid } = only(adtarget.conversions);
    assert.deepEqual([clientIp, userAgent, gclid], ["203.0.113.9", "Phone/1", "G1"]);
  });

  it("keeps nothing of a person in the clear", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 1_000, status: 500 });
    done(await tell({ pii: { email: "jane@example.com", phone: "+15551234567" } }), 202);
    assert.doesNotMatch(JSON.stringify([await owed(), await api.edge.rows("SELECT * FROM idempotency"), api.edge.logs]), /jane|5551234567/);
    assert.match(only(await owed()).body, /"value":97.5/);
    adtarget.reset();
    await api.edge.drained();
  });

  it("accepts an event of a lead, too", async () => {
    done(await tell());
    adtarget.misbehave({ path: "leads/events", times: 2, status: 500 });
    const answer = done(await api.post(`leads/${USER}/events`, { eventType: "Subscribe" }), 202);
    await until(() => adtarget.conversions.length === 2, "delivered");
    assert.equal(adtarget.conversions[1].eventType, "Subscribe");
    await until(async () => only(await owed()).status === "delivered", "noted");
    assert.equal(only(await owed()).conversion_id, answer.conversionId);
  });

  it("refuses while AdTarget is away what can't be a conversion", async () => {
    adtarget.misbehave({ times: 20, status: 500 });
    refused(await tell({ value: "5" }), 400, "INVALID_PAYLOAD", "value");
    refused(await tell({ telegramUserId: 0 }), 400, "INVALID_PAYLOAD", "telegramUserId");
    assert.deepEqual(await owed(), []);
  });

  const takenThere = {
    "a value of 0": { eventType: "Lead", value: 0 },
    "a value without currency": { eventType: "Lead", currency: undefined },
    "a currency without value": { eventType: "Lead", value: undefined },
    "more decimals than the currency has": { value: 16.9915 },
    "a name of its own": { eventType: "Custom", customEventName: "2. Einzahlung, Депозит" },
    "signals of other forms": { fbc: "IwAR1", fbp: "1234", clientIp: "203.0.113.7:443", eventSourceUrl: "shop.test/thanks" },
    "a long text": { contentName: "x".repeat(2_049) },
    "a person as a text": { pii: "jane@example.com" },
    "a consent of its own": { consent: "implied" },
  };
  for (const [what, fields] of Object.entries(takenThere)) {
    it(`accepts while AdTarget is away what AdTarget takes: ${what}`, async () => {
      adtarget.misbehave({ path: "events/conversion", status: 503 });
      done(await tell(fields), 202);
      await until(async () => only(await owed()).status === "delivered", "delivered");
      const { pii: _, ...kept } = JSON.parse(JSON.stringify(fields));
      for (const [name, value] of Object.entries(kept)) assert.deepEqual(only(adtarget.conversions)[name], value, name);
    });
  }

  it("finds and forgets what AdTarget is owed by each of its ids", async () => {
    for (const id of ["conversionId", "externalUserId", "telegramUserId"]) {
      adtarget.misbehave({ path: "events/conversion", times: 1_000, status: 500 });
      const told = { telegramUserId: USER, externalUserId: "cust-1", ...done(await tell({ externalUserId: "cust-1" }), 202) };
      done(await tell({ telegramUserId: USER + 1, externalUserId: "cust-2" }), 202);
      assert.ok(done(await api.call("DELETE", `trail?${id}=${told[id]}`)).success, id);
      assert.equal(only(await owed()).telegram_user_id, USER + 1, id);
      adtarget.reset();
      await until(async () => only(await owed()).status === "delivered", "what is settled is read, too");
      await api.reset();
    }
  });

  it("lets AdTarget judge a Purchase without a value, which a channel may await", async () => {
    adtarget.misbehave({ path: "events/conversion", status: 503 });
    done(await tell({ value: undefined, currency: undefined }), 202);
    await until(async () => only(await owed()).status === "refused", "refused");
    assert.match(only(await owed()).body, /"eventType":"Purchase"/);
  });

  it("sets aside a conversion that AdTarget then refuses", async () => {
    adtarget.misbehave({ path: "events/conversion", status: 500 });
    const { conversionId } = done(await tell({ channelId: "none" }), 202);
    await until(async () => only(await owed()).status === "refused", "refused");
    assert.equal(only(await owed()).reason, "404 CHANNEL_NOT_FOUND");
    await until(() => api.world.logged("AdTarget refused", conversionId), "a line in the log");
    assert.match(only(await owed()).body, /"channelId":"none".*"value":97.5/, "what was told of it stays");
    const health = (await api.edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json();
    assert.deepEqual(health.cautions.filter(({ about }) => about === "deliveries"), [{ about: "deliveries", name: "AdTarget", state: "refused", why: "1 in seven days, the latest: 404 CHANNEL_NOT_FOUND" }]);
    assert.equal(health.status, "degraded");
    refused(await api.post(`leads/${USER}/conversions/${conversionId}/value`, { value: 5, currency: "USD" }), 404, "CONVERSION_NOT_FOUND");
  });

  it("says to come back for the value of a conversion that is still owed", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 1_000, status: 500 });
    const { conversionId } = done(await tell(), 202);
    refused(await api.post(`leads/${USER}/conversions/${conversionId}/value`, { value: 5, currency: "USD" }), 502, "BAD_GATEWAY", "yet to take");
    adtarget.reset();
    await api.edge.drained();
  });

  it("finds by the clock what the queue did not take", async () => {
    await api.edge.fail({ queue: "fail" });
    adtarget.misbehave({ path: "events/conversion", status: 500 });
    done(await tell(), 202);
    await api.edge.strike();
    assert.deepEqual(adtarget.conversions, [], "not while another attempt may be under way");
    await api.edge.rows("UPDATE owed_conversions SET tried_ms = tried_ms - 900001");
    await api.edge.strike();
    await until(async () => only(await owed()).status === "delivered", "delivered");
    only(adtarget.conversions);
    await api.edge.strike();
    only(adtarget.conversions);
  });

  it("does not accept what it can't keep", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 2, delay: 4_000, status: 500 });
    // The key is known already; then the ledger goes.
    const telling = tell();
    await until(() => adtarget.calls.length, "AdTarget is asked");
    await api.edge.fail({ d1: "fail" });
    refused(await telling, 502, "BAD_GATEWAY", "could not be kept");
    await api.edge.fail({ d1: null });
    assert.deepEqual(await owed(), []);
  });

  it("answers 502 for all else, with AdTarget's own time to come back", async () => {
    for (const [method, path, name, body] of [
      ["POST", "events/visit", "events/visit", { href: "https://shop.test/" }],
      ["POST", "events/invite", "events/invite", { tempId: randomUUID(), channelId: CHANNELS[0] }],
      ["GET", `leads/${USER}`, "leads"],
      ["GET", "channels", "channels"],
      ["POST", `leads/${USER}/conversions/x/value`, "leads/value", { value: 1, currency: "USD" }],
    ]) {
      for (const fault of [{ status: 500 }, { status: 429, retryAfter: 9 }, { status: 402 }, { cut: "headers" }, { body: "<html>" }]) {
        // The platform asks a GET again whose line was cut.
        adtarget.misbehave({ path: name, times: 5, ...fault });
        const answer = await api.call(method, path, { body, idempotencyKey: method === "POST" ? randomUUID() : undefined });
        refused(answer, 502, "BAD_GATEWAY", "AdTarget");
        assert.equal(answer.headers["retry-after"], fault.retryAfter && String(fault.retryAfter));
        adtarget.reset();
      }
    }
    assert.ok(!JSON.stringify(api.edge.logs).includes(API_KEY));
  });

  it("forgets here whom AdTarget is asked to forget", async () => {
    adtarget.misbehave({ path: "events/conversion", times: 1_000, status: 500 });
    done(await tell(), 202);
    const { success, warning } = done(await api.call("DELETE", `leads/${USER}`));
    assert.ok(success);
    assert.match(warning, /^forgotten here; AdTarget documents no call/);
    assert.deepEqual(await owed(), []);
    refused(await api.call("DELETE", `leads/${USER}`), 404, "LEAD_NOT_FOUND");
    adtarget.reset();
    await api.edge.drained();
    assert.deepEqual(adtarget.conversions, []);
  });
});

describe("the keyed API in front of AdTarget, without a key to it", () => {
  it("names the secret that is missing, and keeps conversions until it is there", async () => {
    const api = await startApi({ backend: "adtarget", vars: { SITES: JSON.stringify(ONE_SITE), ADTARGET_API_KEY: "" } });
    try {
      await api.reset();
      const calls = [["GET", `leads/${USER}`], ["GET", "channels"], ["POST", "events/visit", { href: "https://shop.test/" }], ["POST", `leads/${USER}/conversions/x/value`, { value: 1, currency: "USD" }]];
      for (const [method, path, body] of calls) refused(await api.call(method, path, { body }), 503, "API_DISABLED", "ADTARGET_API_KEY");
      assert.match(done(await api.post("events/conversion", purchase()), 202).warning, /ADTARGET_API_KEY; the conversion is kept and goes there once it is$/);
      only(await api.edge.rows("SELECT * FROM owed_conversions"));
      assert.deepEqual(api.world.adtarget.calls, []);
    } finally {
      await api.close();
    }
  });
});

describe("keys of one site in front of AdTarget", () => {
  it("are not made where AdTarget could not tell the sites apart", async () => {
    const api = await startApi({ backend: "adtarget" });
    try {
      await api.reset();
      refused(await api.operate("POST", "keys", { name: "x", websiteId: WEBSITE }), 400, "INVALID_PAYLOAD", "websiteId");
      await api.edge.rows("UPDATE api_keys SET website_id = ?", WEBSITE);
      refused(await api.get(`leads/${USER}`), 503, "API_DISABLED");
      assert.deepEqual(api.world.adtarget.calls, []);
    } finally {
      await api.close();
    }
  });
});
