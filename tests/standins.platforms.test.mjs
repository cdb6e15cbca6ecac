// The ad platforms' stand-ins themselves: each takes what its documents show, refuses what they forbid, and misbehaves when told to.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { GA4, GOOGLE, META, SCOPE, SNAPCHAT, TELEGRAM_ADS, TIKTOK, startPlatforms } from "./standins/platforms.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const EMAIL = sha256("person@example.com");
const AGENT = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
const DAY_S = 86_400;
const nowS = () => Math.floor(Date.now() / 1000);

/** A copy of `value` in which the dotted `path` is `next`; undefined takes it out. */
function changed(value, path, next) {
  const copy = structuredClone(value);
  const words = path.split(".");
  const inner = words.slice(0, -1).reduce((each, word) => (each[word] ??= {}), copy);
  if (next === undefined) delete inner[words.at(-1)];
  else inner[words.at(-1)] = next;
  return copy;
}

describe("the ad platforms' stand-ins", () => {
  let platforms, meta, tiktok, snapchat, google, oauth, ga4, telegram;
  before(async () => {
    platforms = await startPlatforms();
    ({ meta, tiktok, snapchat, google, oauth, ga4, telegram } = platforms);
  });
  after(() => platforms.close());
  afterEach(() => {
    platforms.reset();
    platforms.aheadMs = 0;
  });

  async function post(url, body, headers = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: text });
    const said = await answer.text();
    let json;
    try {
      json = JSON.parse(said);
    } catch {}
    return { status: answer.status, headers: answer.headers, text: said, json };
  }
  /** The one violation so far says this. */
  function violated(platform, pattern) {
    assert.equal(platform.violations.length, 1, JSON.stringify(platform.violations));
    assert.match(platform.violations[0], pattern);
    assert.deepEqual([platform.events, platform.received], [[], 0]);
  }

  // ---- Meta -------------------------------------------------------------------------------------------------------------------

  const metaEvent = (fields = {}) => ({
    event_name: "Purchase", event_time: nowS() - 60, event_id: "adtarget_j971", action_source: "website", event_source_url: "https://www.shop.test/thanks",
    user_data: { em: [EMAIL], ph: [sha256("16169547888")], client_ip_address: "203.0.113.7", client_user_agent: AGENT, fbc: `fb.1.${Date.now()}.AbCdEf`, fbp: `fb.1.${Date.now()}.1098115397` },
    custom_data: { currency: "USD", value: 142.52, contents: [{ id: "product1", quantity: 1, item_price: 10 }] },
    ...fields,
  });
  const metaBody = (...data) => ({ data, access_token: META.accessToken });
  const sendMeta = (body, { version = "v25.0", pixel = META.pixelId, headers, query = "" } = {}) => post(`${meta.url}/${version}/${pixel}/events${query}`, body, headers);

  describe("Meta:", () => {
    it("takes a documented event", async () => {
      const { status, json } = await sendMeta(metaBody(metaEvent()));
      assert.equal(status, 200);
      assert.deepEqual([json.events_received, json.messages], [1, []]);
      assert.ok(json.fbtrace_id);
      assert.deepEqual([meta.ids(), meta.received, meta.events.length, meta.violations], [["adtarget_j971"], 1, 1, []]);
      const [request] = meta.requests;
      assert.deepEqual([request.events, request.status, request.taken, request.body.data[0].event_name], [1, 200, true, "Purchase"]);
    });

    it("takes another version, a token in the Authorization header, and limited data use", async () => {
      const limited = metaEvent({ data_processing_options: ["LDU"], data_processing_options_country: 0, data_processing_options_state: 0 });
      assert.equal((await sendMeta({ data: [limited] }, { version: "v26.0", headers: { authorization: `Bearer ${META.accessToken}` } })).status, 200);
      assert.deepEqual(meta.violations, []);
    });

    it("takes no copy by name and id within 48 hours, and one later", async () => {
      await sendMeta(metaBody(metaEvent(), metaEvent(), metaEvent({ event_name: "Lead" })));
      await sendMeta(metaBody(metaEvent()));
      assert.deepEqual([meta.received, meta.events.length, meta.copies("adtarget_j971")], [4, 2, 4]);
      platforms.advance(47 * 3_600_000);
      await sendMeta(metaBody(metaEvent()));
      assert.equal(meta.events.length, 2);
      platforms.advance(2 * 3_600_000);
      await sendMeta(metaBody(metaEvent()));
      assert.equal(meta.events.length, 3);
    });

    it("keeps what bears a test code apart", async () => {
      assert.equal((await sendMeta({ ...metaBody(metaEvent()), test_event_code: "TEST12345" })).status, 200);
      assert.deepEqual([meta.tests.length, meta.events.length, meta.received, meta.violations], [1, 0, 0, []]);
    });

    const wrong = {
      "no event_name": ["event_name", undefined, /event_name is required/, /#100\) The parameter data\[0\]\['event_name'\] is required/],
      "no event_time": ["event_time", undefined, /event_time is required/],
      "an event_time of text": ["event_time", "1700000000", /event_time is not an integer/, /must be an integer/],
      "an event_time in milliseconds": ["event_time", Date.now(), /in milliseconds/],
      "an event_time to come": ["event_time", nowS() + 3_600, /in the future/],
      "an event_time of 8 days ago": ["event_time", nowS() - 8 * DAY_S, /7 days ago/, /Invalid parameter/, 2804003],
      "no action_source": ["action_source", undefined, /action_source is required/],
      "an unknown action_source": ["action_source", "web", /none of/],
      "no page": ["event_source_url", undefined, /event_source_url is required/],
      "a page that is no URL": ["event_source_url", "shop", /no http URL/],
      "no user_data": ["user_data", undefined, /user_data is required/],
      "no user agent": ["user_data.client_user_agent", undefined, /client_user_agent is required/],
      "a bare e-mail address": ["user_data.em", ["person@example.com"], /em\[0\] is not hashed/],
      "a bare phone number": ["user_data.ph", "16169547888", /ph is not hashed/],
      "a hash in capitals": ["user_data.em", EMAIL.toUpperCase(), /in capitals/],
      "the hash of nothing": ["user_data.em", sha256(""), /hash of nothing/],
      "an empty list of hashes": ["user_data.em", [], /0 elements/],
      ...Object.fromEntries(["fn", "ln", "ge", "db", "ct", "st", "zp", "country"].map((key) => [`a bare ${key}`, [`user_data.${key}`, "bare", new RegExp(`${key} is not hashed`)]])),
      "a hash with an appendix": ["user_data.em", `${EMAIL}.AQYBAQEA`, /is not hashed/],
      "an address that is none": ["user_data.client_ip_address", "203.0.113", /no IP address/],
      "too little to match": ["user_data", { ct: sha256("menlopark"), client_user_agent: AGENT }, /too little/, /Invalid parameter/, 2804050],
      "an unknown key": ["user_data.email", EMAIL, /no documented field/, /Invalid keys "email"/],
      "no currency": ["custom_data.currency", undefined, /currency is required/],
      "no value": ["custom_data.value", undefined, /value is required/],
      "a currency that is none": ["custom_data.currency", "US dollars", /currency code/],
      "a value of text": ["custom_data.value", "142.52", /value is not a number/, /must be a number/],
      "an unknown data_processing_options": ["data_processing_options", ["LMU"], /none of/],
      "a state that is a name": ["data_processing_options_state", "CA", /not an integer/],
      "opt_out of text": ["opt_out", "true", /not a boolean/],
      "a referrer that is no URL": ["referrer_url", "shop", /no http URL/],
      "num_items of text": ["custom_data.num_items", "2", /not an integer/],
      "LDU without a country": ["data_processing_options", ["LDU"], /country is required/],
    };
    for (const [what, [path, next, violation, message, subcode]] of Object.entries(wrong)) {
      it(`refuses ${what}`, async () => {
        let event = changed(metaEvent(), path, next);
        if (what.startsWith("LDU")) event = { ...event, data_processing_options_state: 0 };
        const { status, json } = await sendMeta(metaBody(event));
        assert.deepEqual([status, json.error.code, json.error.type], [400, 100, "OAuthException"]);
        if (message) assert.match(json.error.message, message);
        if (subcode) assert.equal(json.error.error_subcode, subcode);
        violated(meta, violation);
      });
    }

    it("refuses all for one that is stale, takes none", async () => {
      assert.equal((await sendMeta(metaBody(metaEvent(), metaEvent({ event_id: "b", event_time: nowS() - 8 * DAY_S })))).status, 400);
      violated(meta, /data\[1\]\.event_time/);
    });

    it("takes what a shop sold 60 days ago", async () => {
      await sendMeta(metaBody(metaEvent({ action_source: "physical_store", event_time: nowS() - 60 * DAY_S })));
      assert.equal(meta.events.length, 1);
      await sendMeta(metaBody(metaEvent({ action_source: "physical_store", event_time: nowS() - 63 * DAY_S, event_id: "b" })));
      assert.equal(meta.events.length, 1);
    });

    it("takes 1,000 events, not 1,001 nor none", async () => {
      const many = (count) => metaBody(...Array.from({ length: count }, (_, index) => metaEvent({ event_id: `e${index}` })));
      assert.equal((await sendMeta(many(1_000))).json.events_received, 1_000);
      assert.equal((await sendMeta(many(1_001))).status, 400);
      assert.equal((await sendMeta(many(0))).status, 400);
      assert.deepEqual([meta.received, meta.violations.length], [1_000, 2]);
    });

    it("notes a click id out of shape or too old, and takes it", async () => {
      await sendMeta(metaBody(changed(metaEvent(), "user_data.fbc", "AbCdEf")));
      await sendMeta(metaBody(changed(metaEvent(), "user_data.fbc", `fb.1.${Date.now() - 91 * DAY_S * 1000}.AbCdEf`)));
      assert.match(meta.violations.join("\n"), /fbc is not fb\.[^]*over 90 days ago/);
      assert.equal(meta.received, 2);
    });

    it("tells a wrong token, pixel, path, body and Content-Type", async () => {
      const refused = async (call, status, code, violation) => {
        const { status: got, json } = await call;
        assert.deepEqual([got, json.error.code], [status, code]);
        violated(meta, violation);
        meta.reset();
      };
      await refused(sendMeta({ data: [metaEvent()], access_token: "EAAother" }), 401, 190, /unknown access token/);
      await refused(sendMeta({ data: [metaEvent()] }), 400, 104, /no access token/);
      await refused(sendMeta(metaBody(metaEvent()), { pixel: "999" }), 400, 100, /unknown pixel/);
      await refused(sendMeta(metaBody(metaEvent()), { version: "latest" }), 400, 2500, /no such path/);
      await refused(sendMeta({ access_token: META.accessToken }), 400, 100, /data is required/);
      await refused(sendMeta("[]"), 400, 100, /no object/);
      await refused(sendMeta("{"), 400, 100, /not JSON/);
      await refused(sendMeta(metaBody(metaEvent()), { headers: { "content-type": "text/plain" } }), 400, 100, /Content-Type/);
    });

    it("notes a token in the URL", async () => {
      assert.equal((await sendMeta({ data: [metaEvent()] }, { query: `?access_token=${META.accessToken}` })).status, 200);
      assert.match(meta.violations.join(), /a secret in the URL/);
    });

    it("notes another platform's token", async () => {
      await sendMeta(metaBody(metaEvent()), { headers: { "access-token": TIKTOK.accessToken } });
      assert.match(meta.violations.join(), /another platform's secret/);
      assert.deepEqual(platforms.violations(), meta.violations.map((what) => `meta: ${what}`));
    });

    it("says its own errors on demand", async () => {
      for (const [code, status] of [[1, 500], [2, 500], [4, 403], [17, 400], [100, 400], [190, 401], [80003, 400], [368, 400], [999, 400]]) {
        meta.misbehave({ kind: "code", code });
        const { status: got, json } = await sendMeta(metaBody(metaEvent()));
        assert.deepEqual([got, json.error.code], [status, code]);
      }
      assert.deepEqual([meta.received, meta.violations], [0, []]);
    });
  });

  // ---- misbehaviour, the same on all ------------------------------------------------------------------------------------------

  describe("Misbehaviour:", () => {
    const send = (id = "a") => sendMeta(metaBody(metaEvent({ event_id: id })));

    it("429 with and without Retry-After", async () => {
      meta.misbehave({ kind: "throttled", retryAfter: 7 });
      meta.misbehave({ kind: "throttled" });
      const [first, second] = [await send(), await send()];
      assert.deepEqual([first.status, first.headers.get("retry-after"), first.json.error.code], [429, "7", 4]);
      assert.deepEqual([second.status, second.headers.get("retry-after")], [429, null]);
      assert.equal(meta.received, 0);
      assert.equal((await send()).status, 200);
    });

    it("500 and 503, and a 500 though all was taken", async () => {
      for (const status of [500, 503]) {
        meta.misbehave({ kind: "status", status });
        assert.equal((await send()).status, status);
      }
      assert.equal(meta.received, 0);
      meta.misbehave({ kind: "status", status: 500, taken: true });
      assert.equal((await send()).status, 500);
      assert.deepEqual([meta.received, meta.requests.map(({ taken }) => taken)], [1, [false, false, true]]);
    });

    it("HTML", async () => {
      meta.misbehave({ kind: "html" });
      const { status, headers, text } = await send();
      assert.deepEqual([status, headers.get("content-type")], [200, "text/html"]);
      assert.match(text, /^<html>/);
      assert.equal(meta.received, 0);
    });

    it("an empty body, half the JSON, another Content-Type: taken", async () => {
      meta.misbehave({ kind: "empty" });
      assert.equal((await send("a")).text, "");
      meta.misbehave({ kind: "truncated" });
      const { text, json } = await send("b");
      assert.deepEqual([text.startsWith('{"events_received"'), json], [true, undefined]);
      meta.misbehave({ kind: "type", type: "text/plain" });
      assert.equal((await send("c")).headers.get("content-type"), "text/plain");
      assert.deepEqual(meta.ids(), ["a", "b", "c"]);
    });

    it("a cut before, after, and within the answer", async () => {
      for (const at of ["before", "after", "body"]) {
        meta.misbehave({ kind: "cut", at });
        await assert.rejects(send(at));
      }
      assert.deepEqual([meta.ids(), meta.requests.map(({ status }) => status)], [["after", "body"], [null, null, null]]);
    });

    it("slowness: taken at once, answered later", async () => {
      meta.misbehave({ kind: "slow", ms: 60_000 });
      const gone = new AbortController();
      const slow = fetch(`${meta.url}/v25.0/${META.pixelId}/events`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(metaBody(metaEvent())), signal: gone.signal,
      });
      while (!meta.received) await new Promise(setImmediate);
      gone.abort();
      await assert.rejects(slow);
      assert.equal(meta.requests[0].status, null);
    });

    it("strikes so many, after so many, each n-th, by chance, by path and by what a call carries", async () => {
      const struck = async (how, calls, each = send) => {
        const fault = meta.misbehave({ kind: "status", status: 500, ...how });
        const said = [];
        for (let call = 0; call < calls; call++) said.push((await each(`${call}`)).status === 500 ? "x" : ".");
        fault.stop();
        assert.equal(fault.struck, said.filter((word) => word === "x").length);
        return said.join("");
      };
      assert.equal(await struck({}, 3), "x..");
      assert.equal(await struck({ times: 2, after: 1 }, 4), ".xx.");
      assert.equal(await struck({ times: Infinity, every: 3 }, 6), "..x..x");
      const chance = () => struck({ times: Infinity, probability: 0.5, seed: 7 }, 12);
      const [once, again] = [await chance(), await chance()];
      assert.equal(once, again);
      assert.match(once, /x.*\.|\..*x/);
      assert.equal(await struck({ times: Infinity, path: "/other" }, 2), "..");
      assert.equal(await struck({ times: Infinity, path: /v25/ }, 2), "xx");
      assert.equal(await struck({ times: Infinity, when: ({ body }) => body.data[0].event_id === "1" }, 3), ".x.");
      assert.throws(() => meta.misbehave({ kind: "odd" }), /no such misbehaviour/);
    });

    it("a poisonous event has its whole batch refused, and no other", async () => {
      meta.poison(({ event_id: id }) => id === "bad");
      const batch = (...ids) => sendMeta(metaBody(...ids.map((id) => metaEvent({ event_id: id }))));
      assert.deepEqual((await batch("a", "bad", "b")).json.error.code, 100);
      assert.equal((await batch("a", "b")).status, 200);
      assert.equal((await batch("bad")).status, 400);
      assert.deepEqual([meta.ids(), meta.violations], [["a", "b"], []]);
    });

    it("says how many calls were under way together", async () => {
      let answer;
      meta.misbehave({ kind: "slow", until: new Promise((resolve) => (answer = resolve)), times: 3 });
      const calls = [send("a"), send("b"), send("c")];
      while (meta.requests.length < 3) await new Promise(setImmediate);
      answer();
      await Promise.all(calls);
      await send("d");
      assert.equal(meta.mostAtOnce, 3);
    });

    it("reset forgets all of it", async () => {
      meta.misbehave({ kind: "status", status: 500, times: Infinity });
      meta.poison(() => true);
      meta.revoke();
      await send();
      platforms.reset();
      assert.deepEqual([meta.requests, meta.ids(), meta.received, meta.mostAtOnce], [[], [], 0, 0]);
      assert.equal((await send()).status, 200);
    });
  });

  // ---- TikTok -----------------------------------------------------------------------------------------------------------------

  const tiktokEvent = (fields = {}) => ({
    event: "Purchase", event_time: nowS() - 60, event_id: "adtarget_j971",
    user: { email: EMAIL, phone: sha256("+16169547888"), external_id: sha256("501"), ttclid: "E.C.P.AbCd", ttp: "2F7h37YkS1j57AYSKTI7IHhJPYH", ip: "203.0.113.7", user_agent: AGENT, locale: "en" },
    page: { url: "http://demo.mywebsite.com/purchase", referrer: "http://demo.mywebsite.com" },
    properties: { value: 46, currency: "USD", contents: [{ price: 8, quantity: 2, content_type: "product", content_id: "1077218", content_name: "socks" }], content_name: "Shop" },
    limited_data_use: false,
    ...fields,
  });
  const tiktokBody = (...data) => ({ event_source: "web", event_source_id: TIKTOK.pixelCode, data });
  const sendTikTok = (body, { headers = { "access-token": TIKTOK.accessToken }, path = "/open_api/v1.3/event/track/" } = {}) => post(`${tiktok.url}${path}`, body, headers);

  describe("TikTok:", () => {
    it("takes a documented event, and says so in its body", async () => {
      const { status, json } = await sendTikTok(tiktokBody(tiktokEvent()));
      assert.deepEqual([status, json.code, json.message], [200, 0, "OK"]);
      assert.match(json.request_id, /^\d{14}[0-9A-F]{18}$/);
      assert.deepEqual([tiktok.ids(), tiktok.violations], [["adtarget_j971"], []]);
    });

    it("takes no copy by event and id within 48 hours", async () => {
      await sendTikTok(tiktokBody(tiktokEvent(), tiktokEvent({ event: "SubmitForm" })));
      await sendTikTok(tiktokBody(tiktokEvent()));
      assert.deepEqual([tiktok.received, tiktok.events.length], [3, 2]);
      platforms.advance(49 * 3_600_000);
      await sendTikTok(tiktokBody(tiktokEvent()));
      assert.equal(tiktok.events.length, 3);
    });

    it("keeps what bears a test code apart", async () => {
      assert.equal((await sendTikTok({ ...tiktokBody(tiktokEvent()), test_event_code: "TEST04030" })).json.code, 0);
      assert.deepEqual([tiktok.tests.length, tiktok.events.length], [1, 0]);
    });

    const wrong = {
      "no event": ["data.0.event", undefined, /event is required/, "data.0.event: Missing data for required field."],
      "a time of text": ["data.0.event_time", "2020-09-17T19:49:27Z", /not an integer/, "data.0.event_time: Not a valid integer."],
      "a time in milliseconds": ["data.0.event_time", Date.now(), /in milliseconds/],
      "no user": ["data.0.user", undefined, /user is required/],
      "a bare e-mail address": ["data.0.user.email", "person@example.com", /not hashed/],
      "a bare phone number": ["data.0.user.phone", ["+16169547888"], /not hashed/],
      "a bare external id": ["data.0.user.external_id", "501", /not hashed/],
      ...Object.fromEntries(["first_name", "last_name", "zip_code"].map((key) => [`a bare ${key}`, [`data.0.user.${key}`, "bare", new RegExp(`${key} is not hashed`)]])),
      "a hash in capitals": ["data.0.user.email", EMAIL.toUpperCase(), /in capitals/],
      "an address that is none": ["data.0.user.ip", "x", /no IP/],
      "a page without URL": ["data.0.page", { referrer: "https://a.test/" }, /page\.url is required/],
      "a value of text": ["data.0.properties.value", "46", /not a number/, "data.0.properties.value: Not a valid number."],
      "a currency that is none": ["data.0.properties.currency", "usd", /currency code/],
      "a content_id that is a number": ["data.0.properties.contents.0.content_id", 1077218, /not a string/, "data.0.properties.contents.0.content_id: Not a valid string."],
      "limited_data_use of text": ["data.0.limited_data_use", "true", /not a boolean/],
      "no event_source": ["event_source", undefined, /event_source is required/],
      "an unknown event_source": ["event_source", "site", /none of/],
      "no data": ["data", undefined, /data is required/],
      "an empty batch": ["data", [], /0 elements/],
    };
    for (const [what, [path, next, violation, message]] of Object.entries(wrong)) {
      it(`refuses ${what} under HTTP 200`, async () => {
        const { status, json } = await sendTikTok(changed(tiktokBody(tiktokEvent()), path, next));
        assert.deepEqual([status, json.code], [200, 40002]);
        if (message) assert.equal(json.message, message);
        violated(tiktok, violation);
      });
    }

    it("notes what its documents don't have or call for, and takes it", async () => {
      const noted = { "user.phone_number": [EMAIL, /phone_number is no documented field/], page: [undefined, /page is required/], event_id: [undefined, /event_id is missing/], user: [{ ip: "203.0.113.7" }, /nobody to match/] };
      for (const [path, [next, violation]] of Object.entries(noted)) {
        assert.equal((await sendTikTok(tiktokBody(changed(tiktokEvent(), path, next)))).json.code, 0);
        assert.match(tiktok.violations.join(), violation);
        tiktok.reset();
      }
    });

    it("takes 1,000 events, not 1,001", async () => {
      const many = (count) => tiktokBody(...Array.from({ length: count }, (_, index) => tiktokEvent({ event_id: `e${index}` })));
      assert.equal((await sendTikTok(many(1_000))).json.code, 0);
      assert.equal((await sendTikTok(many(1_001))).json.code, 40002);
      assert.equal(tiktok.received, 1_000);
    });

    it("tells a wrong token, pixel and path", async () => {
      assert.equal((await sendTikTok(tiktokBody(tiktokEvent()), { headers: {} })).json.code, 40104);
      assert.equal((await sendTikTok(tiktokBody(tiktokEvent()), { headers: { "access-token": "other" } })).json.code, 40105);
      assert.equal((await sendTikTok({ ...tiktokBody(tiktokEvent()), event_source_id: "OTHER" })).json.code, 40001);
      assert.equal((await sendTikTok(tiktokBody(tiktokEvent()), { path: "/open_api/v1.2/pixel/track/" })).status, 404);
      assert.equal(tiktok.violations.length, 4);
      assert.equal(tiktok.received, 0);
    });

    it("says its own errors on demand, and a revoked token's", async () => {
      for (const code of [40100, 40001, 40002, 50000, 20001]) {
        tiktok.misbehave({ kind: "code", code });
        const { status, json } = await sendTikTok(tiktokBody(tiktokEvent()));
        assert.deepEqual([status, json.code], [200, code]);
      }
      tiktok.revoke();
      assert.equal((await sendTikTok(tiktokBody(tiktokEvent()))).json.code, 40105);
      tiktok.restore();
      tiktok.poison(() => true);
      assert.equal((await sendTikTok(tiktokBody(tiktokEvent()))).json.code, 40002);
      assert.deepEqual([tiktok.received, tiktok.violations], [0, []]);
    });
  });

  // ---- Snapchat ---------------------------------------------------------------------------------------------------------------

  const snapEvent = (fields = {}) => ({
    event_name: "PURCHASE", event_time: nowS() - 60, event_id: "adtarget_j971", action_source: "WEB", event_source_url: "https://www.example.com/",
    user_data: { em: [EMAIL], ph: [sha256("448444124653")], client_ip_address: "203.0.113.7", client_user_agent: AGENT, sc_click_id: "click", sc_cookie1: "cookie" },
    custom_data: { currency: "USD", value: "10", contents: [{ id: "003", quantity: "1", item_price: "5", brand: "fidos_fare" }] },
    ...fields,
  });
  const sendSnap = (body, { pixel = SNAPCHAT.pixelId, token = SNAPCHAT.accessToken, door = "" } = {}) =>
    post(`${snapchat.url}/v3/${pixel}/events${door}${token ? `?access_token=${token}` : ""}`, body);

  describe("Snapchat:", () => {
    it("takes a documented event", async () => {
      const { status, json } = await sendSnap({ data: [snapEvent()] });
      assert.deepEqual([status, json], [200, { status: "VALID", reason: "Events have been processed successfully." }]);
      assert.deepEqual([snapchat.ids(), snapchat.violations], [["adtarget_j971"], []]);
    });

    it("takes no copy by id within 48 hours, nor a purchase by its order within 30 days", async () => {
      const order = (id, hours) => {
        platforms.advance(hours * 3_600_000);
        return sendSnap({ data: [snapEvent({ event_id: id, event_time: nowS(), custom_data: { currency: "USD", value: 10, order_id: "o1" } })] });
      };
      await sendSnap({ data: [snapEvent({ event_name: "SIGN_UP", event_id: "s" })] });
      await sendSnap({ data: [snapEvent({ event_name: "SIGN_UP", event_id: "s" })] });
      assert.deepEqual([snapchat.received, snapchat.events.length], [2, 1]);
      await order("a", 0);
      await order("b", 100);
      assert.equal(snapchat.events.length, 2);
      await order("c", 31 * 24);
      assert.equal(snapchat.events.length, 3);
    });

    it("has its test door", async () => {
      assert.equal((await sendSnap({ data: [snapEvent()] }, { door: "/validate" })).json.status, "VALID");
      assert.deepEqual([snapchat.tests.length, snapchat.events.length], [1, 0]);
      const { status, json } = await sendSnap({ data: [changed(snapEvent(), "user_data.em", ["a@b.c"])] }, { door: "/validate" });
      assert.deepEqual([status, json.status], [400, "INVALID"]);
      assert.equal(snapchat.tests.length, 1);
    });

    const wrong = {
      "no event_name": ["event_name", undefined, /event_name is required/, "Missing required field: event_name"],
      "an unknown event_name": ["event_name", "Purchase", /none of/],
      "no event_time": ["event_time", undefined, /event_time is required/],
      "an event_time in milliseconds": ["event_time", Date.now(), /in milliseconds/],
      "an event_time of 38 days ago": ["event_time", nowS() - 38 * DAY_S, /37 days ago/],
      "an event_time to come": ["event_time", nowS() + 3_600, /in the future/],
      "no action_source": ["action_source", undefined, /action_source is required/],
      "Meta's action_source": ["action_source", "website", /none of/],
      "no page": ["event_source_url", undefined, /event_source_url is required/],
      "no user_data": ["user_data", undefined, /user_data is required/],
      "nobody to match": ["user_data", { sc_click_id: "click", client_ip_address: "203.0.113.7" }, /insufficient PII/],
      "a bare e-mail address": ["user_data.em", ["person@example.com"], /not hashed/, "Unhashed PII: em"],
      ...Object.fromEntries(
        ["ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"].map((key) => [`a bare ${key}`, [`user_data.${key}`, "bare", new RegExp(`${key} is not hashed`)]]),
      ),
      "a hash in capitals": ["user_data.em", EMAIL.toUpperCase(), /in capitals/],
      "a hashed address": ["user_data.client_ip_address", sha256("203.0.113.7"), /no IP/],
      "no currency": ["custom_data.currency", undefined, /currency is required/],
      "no value": ["custom_data.value", undefined, /value is required/],
      "a currency in small letters": ["custom_data.currency", "usd", /currency code/],
      "an unknown data_processing_options": ["data_processing_options", ["LDU"], /none of/],
      "an unknown field": ["user_data.email", EMAIL, /no documented field/],
    };
    for (const [what, [path, next, violation, reason]] of Object.entries(wrong)) {
      it(`refuses ${what}`, async () => {
        const { status, json } = await sendSnap({ data: [changed(snapEvent(), path, next)] });
        assert.deepEqual([status, json.status], [400, "INVALID"]);
        if (reason) assert.equal(json.reason, reason);
        violated(snapchat, violation);
      });
    }

    it("takes an event of 36 days ago, LMU, and 2,000 events, not 2,001", async () => {
      const many = (count) => ({ data: Array.from({ length: count }, (_, index) => snapEvent({ event_id: `e${index}`, event_time: nowS() - 36 * DAY_S, data_processing_options: ["LMU"] })) });
      assert.equal((await sendSnap(many(2_000))).status, 200);
      assert.equal((await sendSnap(many(2_001))).status, 400);
      assert.equal(snapchat.received, 2_000);
    });

    it("tells a wrong token, pixel and path; a revoked token", async () => {
      for (const how of [{ token: "other" }, { token: null }, { pixel: "other" }]) assert.equal((await sendSnap({ data: [snapEvent()] }, how)).status, 401);
      assert.equal((await sendSnap({ data: [snapEvent()] }, { door: "/other" })).status, 404);
      assert.equal(snapchat.violations.length, 4);
      snapchat.reset();
      snapchat.revoke();
      assert.equal((await sendSnap({ data: [snapEvent()] })).status, 401);
      snapchat.restore();
      snapchat.misbehave({ kind: "code", code: "INVALID_UNDER_200" });
      const { status, json } = await sendSnap({ data: [snapEvent()] });
      assert.deepEqual([status, json.status], [200, "INVALID"]);
      snapchat.poison(() => true);
      assert.equal((await sendSnap({ data: [snapEvent()] })).status, 400);
      assert.deepEqual([snapchat.received, snapchat.violations], [0, []]);
    });
  });

  // ---- Google -----------------------------------------------------------------------------------------------------------------

  /** An assertion as a client makes it of the service account's JSON. */
  function assertion({ claims = {}, header = {}, key = oauth.serviceAccount.private_key } = {}) {
    const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const { client_email: iss, token_uri: aud, private_key_id: kid } = oauth.serviceAccount;
    const signed = `${encoded({ alg: "RS256", typ: "JWT", kid, ...header })}.${encoded({ iss, scope: SCOPE, aud, iat: nowS(), exp: nowS() + 3_600, ...claims })}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(key).toString("base64url")}`;
  }
  const askToken = (fields, headers = {}) =>
    post(oauth.serviceAccount.token_uri, new URLSearchParams(fields).toString(), { "content-type": "application/x-www-form-urlencoded", ...headers });
  const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const token = async (how) => (await askToken({ grant_type: GRANT, assertion: assertion(how) })).json.access_token;

  describe("Google's token endpoint:", () => {
    it("gives a token for an assertion that the service account's key signed, and counts it", async () => {
      assert.equal(oauth.serviceAccount.type, "service_account");
      const { status, json } = await askToken({ grant_type: GRANT, assertion: assertion() });
      assert.deepEqual([status, json.token_type, json.expires_in], [200, "Bearer", 3_599]);
      assert.match(json.access_token, /^ya29\./);
      oauth.expiresIn = 5;
      assert.equal((await askToken({ grant_type: GRANT, assertion: assertion({ claims: { aud: "https://oauth2.googleapis.com/token" } }) })).json.expires_in, 5);
      assert.deepEqual([oauth.fetches, oauth.violations], [2, []]);
    });

    it("gives a token for a refresh token", async () => {
      const { json } = await askToken({ grant_type: "refresh_token", ...oauth.refreshable });
      assert.deepEqual([json.scope, json.token_type], [SCOPE, "Bearer"]);
      const { status, json: wrong } = await askToken({ grant_type: "refresh_token", ...oauth.refreshable, refresh_token: "1//other" });
      assert.deepEqual([status, wrong.error, oauth.fetches], [400, "invalid_grant", 1]);
    });

    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const wrong = {
      "another key's signature": [{ key: other }, "invalid_grant", /Signature/],
      "another algorithm": [{ header: { alg: "HS256" } }, "invalid_grant", /Signature/],
      "another key id": [{ header: { kid: "x" } }, "invalid_grant", /Signature/],
      "another issuer": [{ claims: { iss: "x@y.iam.gserviceaccount.com" } }, "invalid_grant", /account not found/],
      "another audience": [{ claims: { aud: "https://datamanager.googleapis.com/" } }, "invalid_grant", /audience/],
      "a life of two hours": [{ claims: { exp: nowS() + 7_200 } }, "invalid_grant", /short-lived/],
      "an end that is past": [{ claims: { iat: nowS() - 7_200, exp: nowS() - 3_700 } }, "invalid_grant", /short-lived/],
      "a start that is to come": [{ claims: { iat: nowS() + 600, exp: nowS() + 1_200 } }, "invalid_grant", /short-lived/],
      "times in milliseconds": [{ claims: { iat: Date.now(), exp: Date.now() + 3_600_000 } }, "invalid_grant", /short-lived/],
      "no scope": [{ claims: { scope: undefined } }, "invalid_scope", /scope/],
    };
    for (const [what, [how, error, description]] of Object.entries(wrong)) {
      it(`refuses ${what}`, async () => {
        const { status, json } = await askToken({ grant_type: GRANT, assertion: assertion(how) });
        assert.deepEqual([status, json.error], [400, error]);
        assert.match(json.error_description, description);
        assert.deepEqual([oauth.fetches, oauth.violations.length], [0, 1]);
      });
    }

    it("refuses what is no assertion, no known grant, no form", async () => {
      assert.equal((await askToken({ grant_type: GRANT, assertion: "a.b" })).json.error, "invalid_request");
      assert.equal((await askToken({ grant_type: "password" })).json.error, "unsupported_grant_type");
      assert.equal((await askToken({ grant_type: GRANT, assertion: assertion() }, { "content-type": "application/json" })).status, 400);
      assert.deepEqual([oauth.fetches, oauth.violations.length], [0, 3]);
    });

    it("refuses another client, another secret, another path", async () => {
      const { json: client } = await askToken({ grant_type: "refresh_token", ...oauth.refreshable, client_id: "other" });
      const { json: secret } = await askToken({ grant_type: "refresh_token", ...oauth.refreshable, client_secret: "other" });
      assert.deepEqual([client.error_description, secret.error_description], ["The OAuth client was not found.", "Unauthorized"]);
      assert.equal((await post(`${oauth.url}/o/oauth2/token`, {})).status, 404);
      assert.deepEqual([oauth.fetches, oauth.violations.length], [0, 3]);
    });

    it("misbehaves and revokes", async () => {
      oauth.misbehave({ kind: "code", code: "internal_failure" });
      assert.equal((await askToken({ grant_type: GRANT, assertion: assertion() })).status, 500);
      oauth.misbehave({ kind: "cut", at: "after" });
      await assert.rejects(token());
      assert.equal(oauth.fetches, 1);
      oauth.revoke();
      assert.equal((await askToken({ grant_type: GRANT, assertion: assertion() })).json.error, "invalid_grant");
      assert.equal((await askToken({ grant_type: "refresh_token", ...oauth.refreshable })).json.error, "invalid_grant");
      assert.deepEqual([oauth.fetches, oauth.violations], [1, []]);
    });
  });

  const googleEvent = (fields = {}) => ({
    eventTimestamp: new Date(Date.now() - 60_000).toISOString(), transactionId: "adtarget_j971", eventSource: "WEB", adIdentifiers: { gclid: "Cj0KCQ-example" },
    userData: { userIdentifiers: [{ emailAddress: EMAIL }, { phoneNumber: sha256("+16169547888") }, { address: { givenName: sha256("jo"), familyName: sha256("doe"), regionCode: "US", postalCode: "94105" } }] },
    currency: "USD", conversionValue: 30.03, consent: { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_DENIED" }, eventDeviceInfo: { userAgent: AGENT, ipAddress: "203.0.113.7" },
    ...fields,
  });
  const account = (accountId) => ({ accountType: "GOOGLE_ADS", accountId });
  const googleBody = (...events) => ({
    destinations: [{ operatingAccount: account(GOOGLE.accountId), loginAccount: account(GOOGLE.loginAccountId), productDestinationId: GOOGLE.conversionActionId }], encoding: "HEX", events,
  });
  const sendGoogle = async (body, { bearer, path = "/v1/events:ingest" } = {}) => post(`${google.url}${path}`, body, { authorization: `Bearer ${bearer ?? (await token())}` });

  describe("Google's Data Manager:", () => {
    it("takes a documented event", async () => {
      const { status, json } = await sendGoogle(googleBody(googleEvent()));
      assert.equal(status, 200, JSON.stringify(json));
      assert.ok(json.requestId);
      assert.deepEqual([google.ids(), google.violations], [["adtarget_j971"], []]);
    });

    it("takes no copy by transaction id in a destination, whenever", async () => {
      await sendGoogle(googleBody(googleEvent()));
      platforms.advance(60 * DAY_S * 1000);
      const later = { iat: nowS() + 60 * DAY_S, exp: nowS() + 60 * DAY_S + 3_600 };
      await sendGoogle(googleBody(googleEvent()), { bearer: await token({ claims: later }) });
      assert.deepEqual([google.received, google.events.length], [2, 1]);
    });

    describe("what became of a request", () => {
      const ask = async (requestId, more = "") => {
        const answer = await fetch(`${google.url}/v1/requestStatus:retrieve?requestId=${requestId}${more}`, { headers: { authorization: `Bearer ${await token()}` } });
        const json = await answer.json();
        const only = json.requestStatusPerDestination?.[0];
        return { status: answer.status, is: only?.requestStatus, of: only?.eventsIngestionStatus?.recordCount, errors: only?.errorInfo?.errorCounts };
      };
      const sent = async (...ids) => (await sendGoogle(googleBody(...ids.map((transactionId) => googleEvent({ transactionId }))))).json.requestId;

      it("is told once it is processed, with copies and what is refused counted by reason", async () => {
        google.refuse(({ transactionId }) => transactionId === "bad", "CLICK_NOT_FOUND");
        const [good, mixed, bad, again] = [await sent("a"), await sent("b", "bad"), await sent("bad"), await sent("a")];
        assert.equal((await ask(good)).is, "PROCESSING");
        platforms.advance(10 * 60_000);
        const errors = (reason) => [{ recordCount: "1", reason: `PROCESSING_ERROR_REASON_${reason}` }];
        assert.deepEqual(await ask(good), { status: 200, is: "SUCCESS", of: "1", errors: undefined });
        assert.deepEqual(await ask(mixed), { status: 200, is: "PARTIAL_SUCCESS", of: "2", errors: errors("CLICK_NOT_FOUND") });
        assert.deepEqual(await ask(bad), { status: 200, is: "FAILED", of: "1", errors: errors("CLICK_NOT_FOUND") });
        assert.deepEqual(await ask(again), { status: 200, is: "FAILED", of: "1", errors: errors("DUPLICATE_TRANSACTION_ID") });
        assert.deepEqual([google.events.length, google.violations], [2, []]);
      });

      it("is told of no other, nor to who asks otherwise", async () => {
        assert.equal((await ask("other")).status, 404);
        assert.equal((await ask(await sent("a"), "&more=1")).status, 200);
        assert.match(google.violations.join("\n"), /an unknown request id[^]*a parameter more/);
      });
    });

    it("validates only", async () => {
      const { status, json } = await sendGoogle({ ...googleBody(googleEvent()), validateOnly: true });
      assert.deepEqual([status, json], [200, {}]);
      assert.deepEqual([google.tests.length, google.events.length], [1, 0]);
      assert.equal((await sendGoogle({ ...googleBody(googleEvent({ eventTimestamp: undefined })), validateOnly: true })).status, 400);
    });

    const wrong = {
      "no eventTimestamp": ["events.0.eventTimestamp", undefined, /eventTimestamp is required/, "REQUIRED_FIELD_MISSING", "events.events[0].event_timestamp"],
      "an eventTimestamp of 91 days ago": ["events.0.eventTimestamp", new Date(Date.now() - 91 * DAY_S * 1000).toISOString(), /90 days ago/, "EVENT_TIME_INVALID"],
      "an eventTimestamp to come": ["events.0.eventTimestamp", new Date(Date.now() + 3_600_000).toISOString(), /in the future/, "EVENT_TIME_INVALID"],
      "a bare e-mail address": ["events.0.userData.userIdentifiers.0.emailAddress", "person@example.com", /not HEX encoded/, "INVALID_HEX_ENCODING"],
      "a bare phone number": ["events.0.userData.userIdentifiers.1.phoneNumber", "+16169547888", /not HEX/, "INVALID_HEX_ENCODING"],
      "half a hash": ["events.0.userData.userIdentifiers.0.emailAddress", EMAIL.slice(32), /not hashed/, "INVALID_SHA256_FORMAT"],
      "a base64 hash said to be hex": ["events.0.userData.userIdentifiers.0.emailAddress", Buffer.from(EMAIL, "hex").toString("base64"), /not HEX/, "INVALID_HEX_ENCODING"],
      "two identifiers in one": ["events.0.userData.userIdentifiers.0.phoneNumber", EMAIL, /one identifier/, "INVALID_FORMAT"],
      "no accountId": ["destinations.0.operatingAccount.accountId", undefined, /accountId is required/, "REQUIRED_FIELD_MISSING"],
      "no accountType": ["destinations.0.operatingAccount.accountType", undefined, /accountType is required/, "REQUIRED_FIELD_MISSING"],
      "an unknown accountType": ["destinations.0.operatingAccount.accountType", "ADS", /none of/, "INVALID_ENUM_VALUE"],
      "no productDestinationId": ["destinations.0.productDestinationId", undefined, /productDestinationId is required/, "REQUIRED_FIELD_MISSING"],
      "no events": ["events", undefined, /events is required/, "REQUIRED_FIELD_MISSING"],
      "no destinations": ["destinations", undefined, /destinations is required/, "REQUIRED_FIELD_MISSING"],
      "11 destinations": ["destinations", Array(11).fill(googleBody().destinations[0]), /11 elements/, "TOO_MANY_DESTINATIONS"],
      "no userIdentifiers": ["events.0.userData", {}, /userIdentifiers is required/, "REQUIRED_FIELD_MISSING"],
      "a bare name": ["events.0.userData.userIdentifiers.2.address.givenName", "jo", /not HEX/, "INVALID_HEX_ENCODING"],
      ...Object.fromEntries(
        ["givenName", "familyName", "regionCode"].map((key) => [`no ${key}`, [`events.0.userData.userIdentifiers.2.address.${key}`, undefined, /is required/, "REQUIRED_FIELD_MISSING"]]),
      ),
      "an address that is none": ["events.0.eventDeviceInfo.ipAddress", "x", /no IP/, "INVALID_FORMAT"],
      "half an address": ["events.0.userData.userIdentifiers.2.address.postalCode", undefined, /postalCode is required/, "REQUIRED_FIELD_MISSING"],
      "no encoding": ["encoding", undefined, /encoding is required/, "REQUIRED_FIELD_MISSING"],
      "an unknown encoding": ["encoding", "hex", /none of/, "INVALID_ENUM_VALUE"],
      "an unknown consent": ["events.0.consent.adUserData", "GRANTED", /none of/, "INVALID_ENUM_VALUE"],
      "an unknown source": ["events.0.eventSource", "website", /none of/, "INVALID_ENUM_VALUE"],
      "a currency that is none": ["events.0.currency", "usd", /currency code/, "INVALID_CURRENCY_CODE"],
      "no destination": ["destinations", [], /0 elements/, "REQUIRED_FIELD_MISSING"],
      "no operating account": ["destinations.0.operatingAccount", undefined, /operatingAccount is required/, "REQUIRED_FIELD_MISSING"],
      "an account with dashes": ["destinations.0.operatingAccount.accountId", "707-190-2603", /dashes/, "INVALID_NUMBER_FORMAT"],
      "a conversion action by its resource name": ["destinations.0.productDestinationId", "customers/1/conversionActions/2", /dashes/, "INVALID_NUMBER_FORMAT"],
      "an unknown conversion action": ["destinations.0.productDestinationId", "1", /unknown conversion action/, "INVALID_CONVERSION_ACTION_ID"],
      "an event without identifiers": ["events.0", { eventTimestamp: new Date().toISOString(), transactionId: "a" }, /no identifier/, "NO_IDENTIFIERS_PROVIDED"],
      "11 identifiers": ["events.0.userData.userIdentifiers", Array(11).fill({ emailAddress: EMAIL }), /11 elements/, "TOO_MANY_USER_IDENTIFIERS"],
      "2,001 events": ["events", Array(2_001).fill(googleEvent()), /2001 elements/, "TOO_MANY_EVENTS"],
    };
    for (const [what, [path, next, violation, reason, field]] of Object.entries(wrong)) {
      it(`refuses ${what}`, async () => {
        const { status, json } = await sendGoogle(changed(googleBody(googleEvent()), path, next));
        assert.deepEqual([status, json.error.status, json.error.code], [400, "INVALID_ARGUMENT", 400]);
        const [{ fieldViolations }] = json.error.details.filter((each) => each["@type"].endsWith("BadRequest"));
        assert.equal(fieldViolations[0].reason, reason);
        if (field) assert.equal(fieldViolations[0].field, field);
        violated(google, violation);
      });
    }

    const unreadable = {
      "an unknown field": ["events.0.userIdentifiers", [], /no documented field/, /Unknown name "userIdentifiers" at 'events\[0\]'/],
      "a value of text": ["events.0.conversionValue", "a lot", /not a number/, /Invalid value at 'events\[0\]\.conversionValue'/],
      "a time by no RFC": ["events.0.eventTimestamp", "2026-08-16 14:35:00-05:00", /RFC 3339/, /Invalid value/],
      "an account as a number": ["destinations.0.operatingAccount.accountId", 7071902603, /not a string/, /Invalid value/],
      "a hash as a number": ["events.0.userData.userIdentifiers.0.emailAddress", 5, /not a string/, /Invalid value/],
      "validateOnly of text": ["validateOnly", "true", /not a boolean/, /Invalid value/],
      "a screen's width of text": ["events.0.eventDeviceInfo.screenWidth", "390", /not an integer/, /Invalid value/],
      "a screen's height of text": ["events.0.eventDeviceInfo.screenHeight", "844", /not an integer/, /Invalid value/],
      "a time as a number": ["events.0.eventTimestamp", nowS(), /not a string/, /Invalid value/],
    };
    for (const [what, [path, next, violation, message]] of Object.entries(unreadable)) {
      it(`can't read ${what}`, async () => {
        const { status, json } = await sendGoogle(changed(googleBody(googleEvent()), path, next));
        assert.equal(status, 400);
        assert.match(json.error.message, message);
        violated(google, violation);
      });
    }

    it("notes an event without a transaction id, the hash of nothing, a token in the URL", async () => {
      assert.equal((await sendGoogle(googleBody(googleEvent({ transactionId: undefined })))).status, 200);
      assert.equal((await sendGoogle(googleBody(googleEvent({ userData: { userIdentifiers: [{ emailAddress: sha256("") }] } })))).status, 200);
      assert.equal((await sendGoogle(googleBody(googleEvent()), { path: "/v1/events:ingest?key=AIza" })).status, 200);
      assert.match(google.violations.join("\n"), /transactionId is missing[^]*hash of nothing[^]*a secret in the URL/);
    });

    it("takes base64 hashes, and notes hex in capitals", async () => {
      const base64 = googleEvent({ userData: { userIdentifiers: [{ emailAddress: Buffer.from(EMAIL, "hex").toString("base64") }] } });
      assert.equal((await sendGoogle({ ...googleBody(base64), encoding: "BASE64" })).status, 200);
      assert.deepEqual(google.violations, []);
      assert.equal((await sendGoogle(googleBody(googleEvent({ userData: { userIdentifiers: [{ emailAddress: EMAIL.toUpperCase() }] } })))).status, 200);
      assert.match(google.violations.join(), /in capitals/);
    });

    it("asks for a token that holds and has the scope", async () => {
      const refused = async (bearer, status, name) => {
        const { status: got, json } = await sendGoogle(googleBody(googleEvent()), { bearer });
        assert.deepEqual([got, json.error.status], [status, name]);
      };
      await refused("", 401, "UNAUTHENTICATED");
      await refused("ya29.other", 401, "UNAUTHENTICATED");
      await refused(await token({ claims: { scope: "https://www.googleapis.com/auth/adwords" } }), 403, "PERMISSION_DENIED");
      const bearer = await token();
      assert.equal((await sendGoogle(googleBody(googleEvent()), { bearer })).status, 200);
      platforms.advance(3_600_000);
      await refused(bearer, 401, "UNAUTHENTICATED");
      const next = await token();
      oauth.expire();
      await refused(next, 401, "UNAUTHENTICATED");
      const last = await token();
      google.revoke();
      await refused(last, 401, "UNAUTHENTICATED");
      assert.equal(google.violations.length, 2, "no token, and one without the scope");
    });

    it("tells a wrong account and path", async () => {
      const { status, json } = await sendGoogle(changed(googleBody(googleEvent()), "destinations.0.operatingAccount.accountId", "1"));
      assert.deepEqual([status, json.error.status], [403, "PERMISSION_DENIED"]);
      assert.equal((await sendGoogle(googleBody(googleEvent()), { path: "/v1/events" })).status, 404);
      assert.equal(google.violations.length, 2);
    });

    it("says its own errors on demand", async () => {
      const bearer = await token();
      const codes = { UNAUTHENTICATED: 401, PERMISSION_DENIED: 403, RESOURCE_EXHAUSTED: 429, INVALID_ARGUMENT: 400, INTERNAL: 500, UNAVAILABLE: 503 };
      for (const [code, status] of Object.entries(codes)) {
        google.misbehave({ kind: "code", code });
        const { status: got, json } = await sendGoogle(googleBody(googleEvent()), { bearer });
        assert.deepEqual([got, json.error.status, json.error.code], [status, code, status]);
      }
      google.misbehave({ kind: "throttled", retryAfter: 3 });
      const { status, json, headers } = await sendGoogle(googleBody(googleEvent()), { bearer });
      assert.deepEqual([status, json.error.status, headers.get("retry-after")], [429, "RESOURCE_EXHAUSTED", "3"]);
      google.poison(() => true);
      assert.equal((await sendGoogle(googleBody(googleEvent()), { bearer })).status, 400);
      assert.deepEqual([google.received, google.violations], [0, []]);
    });

    it("lets no more through than its quota, where it has one", async () => {
      const strict = await startPlatforms({ google: { requestsAMinute: 2 } });
      try {
        const from = { ...oauth.serviceAccount };
        Object.assign(oauth.serviceAccount, strict.oauth.serviceAccount);
        const bearer = await token().finally(() => Object.assign(oauth.serviceAccount, from));
        const send = async () => (await post(`${strict.google.url}/v1/events:ingest`, googleBody(googleEvent()), { authorization: `Bearer ${bearer}` })).status;
        assert.deepEqual([await send(), await send(), await send()], [200, 200, 429]);
        strict.advance(61_000);
        assert.equal(await send(), 200);
      } finally {
        await strict.close();
      }
    });
  });

  // ---- GA4 --------------------------------------------------------------------------------------------------------------------

  const ga4Body = (...events) => ({
    client_id: "1234567890.1700000000", timestamp_micros: (Date.now() - 60_000) * 1000, consent: { ad_user_data: "GRANTED", ad_personalization: "DENIED" },
    user_data: { sha256_email_address: [EMAIL] }, user_agent: AGENT, ip_override: "203.0.113.7",
    events: events.length ? events : [{ name: "purchase", params: { transaction_id: "adtarget_j971", currency: "USD", value: 9.99, engagement_time_msec: 100, items: [{ item_id: "SKU_1" }] } }],
  });
  const sendGa4 = (body, { door = "/mp/collect", id = GA4.measurementId, secret = GA4.apiSecret } = {}) => post(`${ga4.url}${door}?measurement_id=${id}&api_secret=${secret}`, body);

  describe("GA4:", () => {
    it("takes a documented event without a word", async () => {
      const { status, text } = await sendGa4(ga4Body());
      assert.deepEqual([status, text], [204, ""]);
      assert.deepEqual([ga4.ids(), ga4.violations], [["adtarget_j971"], []]);
    });

    it("takes no copy by transaction id", async () => {
      await sendGa4(ga4Body());
      await sendGa4(ga4Body());
      assert.deepEqual([ga4.received, ga4.events.length], [2, 1]);
      await sendGa4(ga4Body({ name: "sign_up" }));
      await sendGa4(ga4Body({ name: "sign_up" }));
      assert.equal(ga4.events.length, 3);
    });

    const wrong = {
      "no client_id": ["client_id", undefined, /client_id is required/, "VALUE_REQUIRED"],
      "a time in milliseconds": ["timestamp_micros", Date.now(), /not in microseconds/, "VALUE_INVALID"],
      "a time of 73 hours ago": ["timestamp_micros", (Date.now() - 73 * 3_600_000) * 1000, /72 hours ago/, "VALUE_OUT_OF_BOUNDS"],
      "a time to come": ["timestamp_micros", (Date.now() + 3_600_000) * 1000, /in the future/, "VALUE_INVALID"],
      "a parameter that is a list": ["events.0.params.method", ["x"], /not a string or a number/, "VALUE_INVALID"],
      "a currency in small letters": ["events.0.params.currency", "usd", /currency code/, "VALUE_INVALID"],
      "an engagement of text": ["events.0.params.engagement_time_msec", "100", /not an integer/, "VALUE_INVALID"],
      "a bare phone number": ["user_data.sha256_phone_number", "+16169547888", /not hashed/, "VALUE_INVALID"],
      ...Object.fromEntries(
        ["sha256_first_name", "sha256_last_name", "sha256_street"].map((key) => [`a bare ${key}`, [`user_data.address`, [{ [key]: "bare" }], /not hashed/, "VALUE_INVALID"]]),
      ),
      "an address that is none": ["ip_override", "x", /no IP/, "VALUE_INVALID"],
      "an unknown validation_behavior": ["validation_behavior", "STRICT", /none of/, "VALUE_INVALID"],
      "non_personalized_ads of text": ["non_personalized_ads", "true", /not a boolean/, "VALUE_INVALID"],
      "a time of text": ["timestamp_micros", "1700000000000000", /not an integer/, "VALUE_INVALID"],
      "no events": ["events", undefined, /events is required/, "VALUE_REQUIRED"],
      "26 events": ["events", Array(26).fill({ name: "sign_up" }), /26 elements/, "EXCEEDED_MAX_ENTITIES"],
      "no name": ["events.0.name", undefined, /name is required/, "VALUE_REQUIRED"],
      "a name that starts with _": ["events.0.name", "_badEventName", /invalid name/, "NAME_INVALID"],
      "a name with a space": ["events.0.name", "Joined Club", /invalid name/, "NAME_INVALID"],
      "a name of 41 letters": ["events.0.name", "a".repeat(41), /40 characters/, "NAME_INVALID"],
      "a reserved name": ["events.0.name", "session_start", /reserved/, "NAME_RESERVED"],
      "a reserved prefix": ["events.0.name", "google_join", /reserved/, "NAME_RESERVED"],
      "a parameter's reserved prefix": ["events.0.params.ga_source", "x", /reserved/, "NAME_RESERVED"],
      "a parameter of 101 letters": ["events.0.params.method", "a".repeat(101), /too long/, "VALUE_OUT_OF_BOUNDS"],
      "26 parameters": ["events.0.params", Object.fromEntries(Array.from({ length: 26 }, (_, index) => [`p${index}`, "x"])), /more than 25/, "EXCEEDED_MAX_ENTITIES", "sign_up"],
      "a value without a currency": ["events.0.params.currency", undefined, /currency is required/, "VALUE_REQUIRED"],
      "a value of text": ["events.0.params.value", "9.99", /not a number/, "VALUE_INVALID"],
      "a purchase without transaction": ["events.0.params.transaction_id", undefined, /transaction_id is required/, "VALUE_REQUIRED"],
      "a bare e-mail address": ["user_data.sha256_email_address", ["person@example.com"], /not hashed/, "VALUE_INVALID"],
      "an unknown consent": ["consent.ad_user_data", "granted", /none of/, "VALUE_INVALID"],
      "an unknown field": ["clientId", "1.2", /no documented field/, "NAME_INVALID"],
    };
    for (const [what, [path, next, violation, code, name]] of Object.entries(wrong)) {
      it(`drops ${what} without a word; the validation server has one`, async () => {
        let body = changed(ga4Body(), path, next);
        if (name) body.events[0].name = name;
        assert.equal((await sendGa4(body)).status, 204);
        violated(ga4, violation);
        ga4.reset();
        const { status, json } = await sendGa4(body, { door: "/debug/mp/collect", secret: "whatever" });
        assert.equal(status, 200);
        assert.deepEqual(json.validationMessages.map(({ validationCode }) => validationCode), [code]);
        assert.deepEqual([ga4.violations, ga4.received], [[], 0]);
      });
    }

    it("says of a bad name what its documents show", async () => {
      const { json } = await sendGa4(ga4Body({ name: "_badEventName", params: {} }), { door: "/debug/mp/collect" });
      assert.deepEqual(json, {
        validationMessages: [{ fieldPath: "events", description: "Event at index: [0] has invalid name [_badEventName]. Names must start with an alphabetic character.", validationCode: "NAME_INVALID" }],
      });
    });

    it("finds nothing wrong with a good one", async () => {
      assert.deepEqual((await sendGa4(ga4Body(), { door: "/debug/mp/collect" })).json, { validationMessages: [] });
      assert.deepEqual([ga4.tests.length, ga4.events.length], [1, 0]);
    });

    it("notes a client_id out of shape, and takes it", async () => {
      await sendGa4({ ...ga4Body(), client_id: "someone" });
      assert.deepEqual([ga4.received, ga4.violations.length], [1, 1]);
    });

    it("knows no other path", async () => {
      assert.equal((await sendGa4(ga4Body(), { door: "/collect" })).status, 404);
      violated(ga4, /no such path/);
    });

    it("drops a wrong stream or secret, what is over 130 kB, and all once revoked", async () => {
      await sendGa4(ga4Body(), { id: "G-OTHER" });
      await sendGa4(ga4Body(), { secret: "other" });
      await sendGa4({ ...ga4Body(), user_properties: { a: { value: "x".repeat(130_000) } } });
      assert.deepEqual([ga4.received, ga4.violations.length], [0, 3]);
      ga4.reset();
      ga4.revoke();
      assert.equal((await sendGa4(ga4Body())).status, 204);
      ga4.restore();
      ga4.poison(() => true);
      assert.equal((await sendGa4(ga4Body())).status, 204);
      assert.deepEqual([ga4.received, ga4.violations], [0, []]);
    });
  });

  // ---- Telegram Ads -----------------------------------------------------------------------------------------------------------

  const pxl = (fields = {}) => {
    const all = { e: TELEGRAM_ADS.eventId, c: "click-1", t: String(Date.now() - 1_000), l: "https://www.shop.test/?tgclid=click-1", value: "5", currency: "EUR", ...fields };
    return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== undefined)).toString();
  };
  const sendPxl = (form, { type = "application/x-www-form-urlencoded", path = "/pxl" } = {}) => post(`${telegram.url}${path}`, form, { "content-type": type });

  describe("Telegram Ads' pixel:", () => {
    it("takes an event by POST and by GET, with an image", async () => {
      const { status, headers } = await sendPxl(pxl());
      assert.deepEqual([status, headers.get("content-type")], [200, "image/gif"]);
      assert.equal((await fetch(`${telegram.url}/pxl?${pxl({ e: undefined, p: TELEGRAM_ADS.pixelId })}`)).status, 200);
      assert.deepEqual([telegram.received, telegram.events.length, telegram.events[0].value, telegram.violations], [2, 2, "5", []]);
    });

    it("counts the same event of the same click at the same time once", async () => {
      const t = String(Date.now());
      for (const fields of [{ t }, { t }, { t, c: "click-2" }]) await sendPxl(pxl(fields));
      assert.deepEqual([telegram.received, telegram.events.length, telegram.copies(`${TELEGRAM_ADS.eventId} click-1 ${t}`)], [3, 2, 2]);
    });

    const wrong = {
      "neither pixel nor event": [{ e: undefined }, /p and e/],
      "an event out of shape": [{ e: "join" }, /8 characters/],
      "an unknown event": [{ e: "Xk3vQ9Lm-zzzzzzzz" }, /unknown event/],
      "an unknown pixel": [{ e: undefined, p: "other" }, /unknown pixel/],
      "no click": [{ c: undefined }, /c is missing/],
      "a time in seconds": [{ t: String(nowS()) }, /milliseconds/],
      "a time to come": [{ t: String(Date.now() + 3_600_000) }, /future/],
      "no page": [{ l: undefined }, /no URL/],
    };
    for (const [what, [fields, violation]] of Object.entries(wrong)) {
      it(`drops ${what} without a word`, async () => {
        assert.equal((await sendPxl(pxl(fields))).status, 200);
        violated(telegram, violation);
      });
    }

    it("drops JSON, and knows no other path", async () => {
      assert.equal((await sendPxl("{}", { type: "application/json" })).status, 200);
      assert.equal((await sendPxl(pxl(), { path: "/pixel" })).status, 404);
      assert.deepEqual([telegram.received, telegram.violations.length], [0, 2]);
    });

    it("takes nothing once revoked, nor what is poisonous, nor by another method", async () => {
      telegram.revoke();
      assert.equal((await sendPxl(pxl())).status, 200);
      telegram.restore();
      telegram.poison(({ c }) => c === "click-1");
      assert.equal((await sendPxl(pxl())).status, 200);
      assert.deepEqual([telegram.received, telegram.violations], [0, []]);
      telegram.behave();
      assert.equal((await fetch(`${telegram.url}/pxl?${pxl()}`, { method: "PUT" })).status, 200);
      violated(telegram, /neither POST nor GET/);
    });

    it("breaks down on demand", async () => {
      telegram.misbehave({ kind: "status", status: 503 });
      assert.equal((await sendPxl(pxl())).status, 503);
      telegram.misbehave({ kind: "cut", at: "after" });
      await assert.rejects(sendPxl(pxl()));
      assert.equal(telegram.received, 1);
    });
  });
});
