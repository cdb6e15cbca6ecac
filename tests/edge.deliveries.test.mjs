// Deliveries to ad platforms, from a conversion told to what the platform has of it and what the log says of that.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import http from "node:http";
import { OPERATOR_KEY, done } from "./harness/api.mjs";
import { ACCOUNTS, ALL, startDeliveries } from "./harness/deliveries.mjs";
import { NEWS } from "./harness/chats.mjs";
import { until } from "./harness/wait.mjs";
import { BROWSER, WEBSITE, only } from "./harness/world.mjs";
import { GA4 } from "./standins/platforms.mjs";

const HOUR_MS = 3_600_000;
const each = (names, value) => Object.fromEntries(names.map((name) => [name, value]));
const shown = (sends, show) => Object.fromEntries(Object.entries(sends).map(([name, send]) => [name, show(send)]));
/** Those that keep an event's id and know a copy by it. */
const WITH_ID = ALL.filter((name) => name !== "telegram");

let deliveries, edge, platforms;
before(async () => ({ edge, platforms } = deliveries = await startDeliveries()));
after(() => deliveries.close());
beforeEach(() => deliveries.reset());
afterEach(async () => {
  assert.deepEqual(platforms.violations(), []);
  assert.deepEqual(await deliveries.leaks(), []);
});

describe("a conversion", () => {
  it("told by the API reaches every platform that can recognise someone by it, once", async () => {
    const answer = await deliveries.convert();
    assert.deepEqual(answer.sends, WITH_ID.map((platform) => ({ sendId: `${answer.conversionId}_${platform}`, platform })));
    assert.deepEqual([answer.dispatched, answer.capiStatus], [true, "pending"]);
    assert.match(answer.warning, /^telegram: nothing is known/);
    await deliveries.settled();
    const sends = await deliveries.sends(answer.conversionId);
    assert.deepEqual(shown(sends, ({ state, attempts }) => `${state} ${attempts}`), { ...each(WITH_ID, "sent 1"), telegram: "skipped 0" });
    for (const name of WITH_ID) assert.deepEqual(platforms[name].ids(), [`adtarget_${answer.conversionId}`], name);
    const [{ capiStatus }] = (await deliveries.get("leads/7000000001")).conversions;
    assert.equal(capiStatus, "sent");
    assert.deepEqual(edge.logs, []);
  });

  it("of a visitor who joins reaches all six, with what the visit knew", async () => {
    const session = String(Math.floor((Date.now() + deliveries.ahead) / 1000) - 60);
    const cookie = `_ga_OTHER=GS1.1.7.1; _ga_${GA4.measurementId.slice(2)}=GS2.1.s${session}$o3$g0$t${session}$j60$l0$h0`;
    const conversionId = await deliveries.arrive({ ga: "GA1.1.1234567890.1700000000" }, { headers: { cookie } });
    await deliveries.settled();
    assert.deepEqual(shown(await deliveries.sends(conversionId), ({ state, attempts }) => `${state} ${attempts}`), each(ALL, "sent 1"));
    const { client_id: client, events: [{ params }] } = only(platforms.ga4.requests).body;
    assert.deepEqual([client, params.session_id], ["1234567890.1700000000", session]);
    const [meta, tiktok, snapchat, google, telegram] = ["meta", "tiktok", "snapchat", "google", "telegram"].map((name) => only(platforms[name].events));
    assert.match(meta.user_data.fbc, /^fb\.1\.\d{13}\.FbClick$/);
    assert.deepEqual([meta.custom_data.content_name, tiktok.properties.content_name, snapchat.custom_data.content_name], Array(3).fill(NEWS.title));
    assert.deepEqual([meta.user_data.client_ip_address, tiktok.user.ip, snapchat.user_data.client_ip_address], Array(3).fill("203.0.113.7"));
    assert.deepEqual([meta.user_data.client_user_agent, tiktok.user.user_agent, snapchat.user_data.client_user_agent], Array(3).fill(BROWSER));
    assert.deepEqual([tiktok.user.ttclid, snapchat.user_data.sc_click_id, google.adIdentifiers.gclid, telegram.c], ["TtClick", "11111111-1111-4111-8111-111111111111", "GClick", "TgClick"]);
    for (const page of [meta.event_source_url, tiktok.page.url, snapchat.event_source_url, telegram.l]) assert.match(page, /^https:\/\/www\.shop\.test\//);
  });

  it("of a visitor whose visit a server told has the address and browser of their click", async () => {
    await deliveries.arrive({}, { byServer: true });
    await deliveries.settled();
    const [meta, tiktok, snapchat] = ["meta", "tiktok", "snapchat"].map((name) => only(platforms[name].events));
    assert.deepEqual([meta.user_data.client_ip_address, tiktok.user.ip, snapchat.user_data.client_ip_address], Array(3).fill("203.0.113.7"));
    assert.deepEqual([meta.user_data.client_user_agent, tiktok.user.user_agent, snapchat.user_data.client_user_agent], Array(3).fill(BROWSER));
    assert.match(meta.user_data.fbc, /FbClick$/);
  });
});

describe("what a platform answers", () => {
  // What is to be tried again is, when the tests say so.
  beforeEach(() => edge.fail({ forgetsLater: true }));
  afterEach(() => edge.fail({ forgetsLater: false }));

  // Google tells later what became of what it took.
  const brief = ({ state, code }) => `${state} ${code === "TAKEN" ? "OK" : code}`;
  /** Those whose answers have a body that tells of what was taken. */
  const TELLING = ["meta", "tiktok", "snapchat", "google"];

  /** A fault that strikes once, the platforms it is of, how a send stands then, and how often the event was taken in the end. */
  const CLASSES = {
    "429": { fault: { kind: "throttled" }, of: ALL, is: "pending THROTTLED", copies: 1, words: ALL },
    "500": { fault: { kind: "status", status: 500 }, of: ALL, is: "pending UNAVAILABLE", copies: 1, words: ALL },
    "503": { fault: { kind: "status", status: 503 }, of: ALL, is: "pending UNAVAILABLE", copies: 1, words: ALL },
    "a gateway's page under 502": { fault: { kind: "html", status: 502 }, of: ALL, is: "pending UNAVAILABLE", copies: 1, words: ALL },
    "a page under 200": { fault: { kind: "html" }, of: TELLING, is: "pending UNAVAILABLE", copies: 1, words: TELLING },
    "nothing, the line cut before it was taken": { fault: { kind: "cut", at: "before" }, of: ALL, is: "pending UNAVAILABLE", copies: 1, words: ALL, silent: true },
    "nothing, the line cut after it was taken": { fault: { kind: "cut", at: "after" }, of: ALL, is: "pending UNAVAILABLE", copies: 2, words: ALL, silent: true },
    "half of it, the line cut": { fault: { kind: "cut", at: "body" }, of: [...TELLING, "telegram"], is: "pending UNAVAILABLE", copies: 2, words: [...TELLING, "telegram"], silent: true },
    "JSON that breaks off": { fault: { kind: "truncated" }, of: TELLING, is: "pending UNAVAILABLE", copies: 2, words: TELLING },
    "an empty body": { fault: { kind: "empty" }, of: TELLING, is: "pending UNAVAILABLE", copies: 2, words: [] },
    "another type of body": { fault: { kind: "type" }, of: ALL, is: "sent OK", copies: 1, words: [] },
  };
  for (const [what, { fault, of, is, copies, words, silent }] of Object.entries(CLASSES)) {
    it(`${what}: ${is}, and the platform has it once in the end`, async () => {
      for (const name of of) platforms[name].misbehave(fault);
      const conversionId = await deliveries.arrive();
      const first = await deliveries.tried(conversionId);
      assert.deepEqual(shown(first, brief), { ...each(ALL, "sent OK"), ...each(of, is) });
      for (const name of of) {
        const { attempts, message = "", dueAt, changedAt, requestId } = first[name];
        assert.equal(attempts, 1, name);
        assert.equal(message !== "", words.includes(name) || (is === "sent OK" && message !== ""), `${name}: ${message}`);
        if (silent) assert.match(message, /^no answer: /, name);
        if (["meta", "tiktok"].includes(name) && !silent && !fault.kind.match(/html|empty|truncated/)) assert.ok(requestId, `${name} names its request`);
        if (is !== "sent OK") assert.ok(dueAt > changedAt, `${name} is tried later`);
      }
      await deliveries.settled({ step: 60_000 });
      const last = await deliveries.sends(conversionId);
      assert.deepEqual(shown(last, brief), each(ALL, "sent OK"));
      for (const name of of) {
        assert.equal(last[name].attempts, is === "sent OK" ? 1 : 2, name);
        const [id] = platforms[name].ids();
        assert.deepEqual([platforms[name].events.length, platforms[name].copies(id)], [1, copies], name);
      }
    });
  }

  /** The platforms' own codes, and how a send stands after each. */
  const CODES = {
    meta: {
      1: "pending UNAVAILABLE", 2: "pending UNAVAILABLE", 341: "pending UNAVAILABLE", 5000: "pending UNAVAILABLE", 4: "pending THROTTLED", 17: "pending THROTTLED",
      80003: "pending THROTTLED", 190: "pending CREDENTIALS", 100: "rejected 100", 105: "rejected 105",
    },
    // All of them under HTTP 200.
    tiktok: {
      20001: "sent OK", 40000: "pending UNAVAILABLE", 50000: "pending UNAVAILABLE", 50002: "pending UNAVAILABLE", 40100: "pending THROTTLED",
      40001: "pending CREDENTIALS", 40102: "pending CREDENTIALS", 40104: "pending CREDENTIALS", 40105: "pending CREDENTIALS", 40002: "rejected 40002",
    },
    snapchat: { INVALID_TOKEN: "pending CREDENTIALS", INVALID_UNDER_200: "rejected INVALID", "Something is wrong": "rejected 400" },
    google: {
      UNAVAILABLE: "pending UNAVAILABLE", INTERNAL: "pending UNAVAILABLE", DEADLINE_EXCEEDED: "pending UNAVAILABLE", RESOURCE_EXHAUSTED: "pending THROTTLED",
      PERMISSION_DENIED: "pending CREDENTIALS", UNAUTHENTICATED: "pending CREDENTIALS", INVALID_ARGUMENT: "rejected INVALID_ARGUMENT",
    },
    oauth: { invalid_grant: "pending CREDENTIALS", invalid_client: "pending CREDENTIALS", internal_failure: "pending UNAVAILABLE" },
  };
  const rounds = Math.max(...Object.values(CODES).map((codes) => Object.keys(codes).length));
  it("a code of its own: told apart, and in the platform's words", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const expected = {};
      for (const [platform, codes] of Object.entries(CODES)) {
        const [code, is] = Object.entries(codes)[round] ?? [];
        // Google's token is refused at its own door, while nothing is asked of the other.
        const name = platform === "oauth" ? "google" : platform;
        if (code === undefined || name in expected) continue;
        if (platform === "oauth") platforms.oauth.expire();
        // A refused token is fetched anew, and tried once more.
        platforms[platform].misbehave({ kind: "code", code: /^\d+$/.test(code) ? Number(code) : code, times: is.includes("CREDENTIALS") ? 2 : 1 });
        expected[name] = is;
      }
      const { conversionId } = await deliveries.convert({ telegramUserId: 7_000_000_100 + round });
      const sends = await deliveries.tried(conversionId);
      assert.deepEqual(shown(sends, brief), { ...each(WITH_ID, "sent OK"), telegram: "skipped no_signal", ...expected }, `round ${round}`);
      for (const name of Object.keys(expected)) assert.ok(sends[name].message, `${name} said something in round ${round}`);
      platforms.behave();
      await deliveries.settled({ step: 6 * 60_000 });
      for (const name of WITH_ID) {
        const { state } = (await deliveries.sends(conversionId))[name];
        assert.equal(platforms[name].copies(`adtarget_${conversionId}`), state === "rejected" || expected[name] === "sent OK" ? 0 : 1, `${name}, round ${round}`);
      }
    }
  });
});

describe("a destination that does not take what it is sent", () => {
  const NAMES = ["meta", "tiktok", "snapchat", "google"];
  const requests = () => shown(Object.fromEntries(NAMES.map((name) => [name, platforms[name]])), ({ requests }) => requests.length);
  /** Says that something is due, and waits until that was looked at. */
  const rung = async () => {
    const { settled } = await edge.queue();
    await deliveries.ring();
    await until(async () => (await edge.queue()).settled > settled, "the message was handled");
  };

  for (const [what, retryAfter] of Object.entries({ seconds: () => 1_800, "a date": () => new Date(Date.now() + deliveries.ahead + 1_800_000).toUTCString() })) {
    it(`is left alone for as long as it asks, in ${what}`, async () => {
      for (const name of NAMES) platforms[name].misbehave({ kind: "throttled", retryAfter: retryAfter() });
      const { conversionId } = await deliveries.convert();
      for (const [name, { dueAt, changedAt }] of Object.entries(await deliveries.tried(conversionId))) {
        if (NAMES.includes(name)) assert.ok(dueAt - changedAt >= 1_790_000, `${name}: ${dueAt - changedAt} ms`);
      }
      // Others that come meanwhile wait, too.
      await deliveries.convert({ telegramUserId: 7_000_000_002 });
      await deliveries.advance(1_700_000);
      await rung();
      assert.deepEqual(requests(), each(NAMES, 1));
      await deliveries.advance(110_000);
      await deliveries.settled();
      for (const name of NAMES) assert.deepEqual(new Set(platforms[name].ids()).size, 2, name);
    });
  }

  for (const [what, retryAfter] of Object.entries({ "a hundred years": "4000000000", "a date of the next century": "Fri, 01 Jan 2100 00:00:00 GMT", "three days": "259200" })) {
    it(`asks for ${what}, and is asked again all the same before what it is owed is given up`, async () => {
      for (const name of NAMES) platforms[name].misbehave({ kind: "throttled", retryAfter });
      const { conversionId } = await deliveries.convert();
      for (const [name, { state, dueAt, changedAt }] of Object.entries(await deliveries.tried(conversionId))) {
        if (NAMES.includes(name)) assert.deepEqual([state, Math.round((dueAt - changedAt) / HOUR_MS)], ["pending", 6], name);
      }
      await deliveries.convert({ telegramUserId: 7_000_000_002 });
      await deliveries.advance(6 * HOUR_MS);
      await deliveries.settled();
      for (const name of NAMES) assert.equal(platforms[name].events.length, 2, name);
    });
  }

  it("fails: it is tried again after 5, 10, 20 s by the queue, without waiting for the clock", async () => {
    await edge.fail({ forgetsLater: true, forget: true });
    platforms.meta.misbehave({ kind: "status", status: 503, times: 3 });
    const { conversionId } = await deliveries.convert();
    const meta = async () => (await deliveries.sends(conversionId)).meta;
    let waited = 0;
    // The first is that something is due.
    for (let rung = 1; (await meta()).state === "pending"; rung += 1) {
      const delay = await until(async () => (await edge.queue()).delays[rung], `the queue rings after ${waited} s`);
      waited += delay;
      await deliveries.advance(delay * 1_000);
      const { settled } = await edge.queue();
      await deliveries.ring();
      await until(async () => (await edge.queue()).settled > settled, "that was looked at");
    }
    await edge.fail({ forgetsLater: false });
    assert.deepEqual([(await meta()).state, (await meta()).attempts], ["sent", 4]);
    // Half of each time is for certain, the other half by chance; what is asked for is whole seconds.
    assert.ok(waited >= 17 && waited <= 40, `${waited} s`);
  });

  it("is left alone after three failures; then one goes ahead, and the others follow", async () => {
    const MANY = 12;
    await edge.fail({ forgetsLater: true });
    for (const name of NAMES) platforms[name].misbehave({ kind: "status", status: 503, times: 3 });
    const first = await deliveries.convert();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await until(async () => NAMES.every((name) => platforms[name].requests.length === attempt), `attempt ${attempt}`);
      await until(async () => Object.values(await deliveries.sends(first.conversionId)).every(({ destination, attempts }) => !NAMES.includes(destination) || attempts === attempt), "it is written down");
      if (attempt === 3) break;
      await deliveries.advance(12_000 * attempt);
      await deliveries.ring();
    }
    const health = await deliveries.health();
    assert.deepEqual([health.httpStatus, health.status], [200, "ok"], "nobody has to do anything");
    const paused = health.deliveries.map(({ destination, pending, dead, paused }) => `${destination} ${pending} ${dead} ${paused}`);
    assert.deepEqual(paused.sort(), NAMES.map((name) => `${name} 1 0 UNAVAILABLE`).sort());
    for (let nth = 1; nth <= MANY; nth += 1) assert.equal((await deliveries.convert({ telegramUserId: 7_000_000_100 + nth })).dispatched, true);
    await rung();
    assert.deepEqual(requests(), each(NAMES, 3), "nothing is sent while it is left alone");
    await edge.fail({ forgetsLater: false });
    await deliveries.advance(HOUR_MS);
    await deliveries.settled();
    for (const name of NAMES) {
      const sizes = platforms[name].requests.slice(3).map(({ events }) => events);
      assert.deepEqual([sizes[0], sizes.slice(1).reduce((sum, size) => sum + size, 0)], [1, MANY], `${name}: ${sizes}`);
    }
    assert.deepEqual((await deliveries.health()).deliveries, []);
  });

  it("answers after another attempt was made: who came late has no say", async () => {
    for (const name of NAMES) platforms[name].misbehave({ kind: "cut", at: "after", ms: 6_000 });
    const { conversionId } = await deliveries.convert();
    await until(() => NAMES.every((name) => platforms[name].requests.length === 1), "the first attempt is under way");
    // By then it would have been given up long ago.
    await deliveries.advance(150_000);
    await edge.strike();
    assert.ok(NAMES.every((name) => platforms[name].requests.length === 2));
    await edge.drained();
    const sends = await deliveries.sends(conversionId);
    for (const name of NAMES) assert.deepEqual([sends[name].state, sends[name].attempts, platforms[name].events.length, platforms[name].received], ["sent", 1, 1, 2], name);
  });

  it("refuses its token: health says so until somebody has mended it, and then all arrives", async () => {
    // Of a token that GA4 and Telegram Ads do not like they say nothing.
    for (const name of NAMES) platforms[name].revoke();
    const { conversionId } = await deliveries.convert();
    const sends = await deliveries.tried(conversionId);
    for (const name of NAMES) assert.deepEqual([sends[name].state, sends[name].code, sends[name].attempts], ["pending", "CREDENTIALS", 1], name);
    assert.match(sends.meta.message, /Invalid OAuth access token/);
    const health = await deliveries.health();
    assert.deepEqual([health.httpStatus, health.status], [503, "failing"]);
    assert.deepEqual(health.deliveries.map(({ destination, paused }) => `${destination} ${paused}`).sort(), NAMES.map((name) => `${name} CREDENTIALS`).sort());
    for (const name of NAMES) await until(() => edge.logs.some(({ level, message }) => level === "error" && message.startsWith(`${name} of atid_shop: its credentials are refused`)), name);
    const before = requests();
    await deliveries.convert({ telegramUserId: 7_000_000_002 });
    await rung();
    assert.deepEqual(requests(), before, "it is not asked again and again");
    platforms.behave();
    await deliveries.advance(6 * 60_000);
    await deliveries.settled();
    for (const name of NAMES) assert.equal(platforms[name].events.length, 2, name);
    const mended = await deliveries.health();
    assert.deepEqual([mended.httpStatus, mended.deliveries], [200, []]);
  });

  it("refuses its token for hours: it is asked every five minutes, and health says so in between", async () => {
    const PAUSE_MS = 5 * 60_000 + 1_000;
    platforms.meta.revoke();
    const { conversionId } = await deliveries.convert();
    await deliveries.tried(conversionId);
    for (let asked = 1; asked <= 24; asked += 1) {
      await until(async () => (await deliveries.sends(conversionId)).meta.attempts === asked, `attempt ${asked} is written down`);
      assert.equal((await deliveries.health()).status, "failing", `after attempt ${asked}`);
      await deliveries.advance(PAUSE_MS);
      assert.equal((await deliveries.health()).status, "failing", `before attempt ${asked + 1}`);
      await rung();
    }
    platforms.behave();
    await deliveries.advance(PAUSE_MS);
    await deliveries.settled();
    assert.deepEqual([platforms.meta.events.length, (await deliveries.health()).status], [1, "ok"]);
  });

  it("is Google's, whose token is fetched once, kept, and fetched anew before it ends", async () => {
    const fetches = platforms.oauth.fetches;
    for (let nth = 1; nth <= 3; nth += 1) {
      await deliveries.convert({ telegramUserId: 7_000_000_200 + nth });
      await deliveries.settled();
    }
    assert.ok(platforms.oauth.fetches - fetches <= 1);
    const kept = platforms.oauth.fetches;
    await deliveries.advance(HOUR_MS);
    await deliveries.convert({ telegramUserId: 7_000_000_204 });
    await deliveries.settled();
    assert.equal(platforms.oauth.fetches, kept + 1);
    assert.ok(platforms.google.requests.every(({ status }) => status === 200), "none was refused");
    // It can end before its time: refused once, it is fetched anew at once.
    platforms.oauth.expire();
    const { conversionId } = await deliveries.convert({ telegramUserId: 7_000_000_205 });
    await deliveries.settled();
    assert.deepEqual([platforms.oauth.fetches, (await deliveries.sends(conversionId)).google.attempts], [kept + 2, 1]);
    // Nobody else's fault, it waits for somebody to look.
    platforms.oauth.expire();
    platforms.oauth.revoke();
    const other = await deliveries.convert({ telegramUserId: 7_000_000_206 });
    const { google } = await deliveries.tried(other.conversionId);
    assert.deepEqual([google.state, google.code], ["pending", "CREDENTIALS"]);
    assert.match(google.message, /account not found/);
    platforms.oauth.restore();
    await deliveries.settled({ step: 6 * 60_000 });
  });

  it("is Google's, and who fetches its token is cut off: the next one fetches it, and none waits in vain", async () => {
    platforms.oauth.expire();
    platforms.oauth.misbehave({ kind: "slow", ms: 1_000 });
    const cutOff = http.request(`${edge.url}/api/v1/selftest`, { method: "POST", agent: false, headers: { host: "edge.shop.test", authorization: `Bearer ${OPERATOR_KEY}` } });
    cutOff.on("error", () => {}).end();
    await until(() => platforms.oauth.requests.length === 1, "it asks for a token");
    cutOff.destroy();
    const { conversionId } = await deliveries.convert();
    await edge.fail({ haste: 10 });
    await deliveries.settled();
    await edge.fail({ haste: 1 });
    assert.equal((await deliveries.sends(conversionId)).google.state, "sent");
  });
});

describe("what can't be sent", () => {
  const DAY_MS = 24 * HOUR_MS;
  const NOBODY = { pii: undefined, fbc: undefined, fbp: undefined, gclid: undefined, ttclid: undefined, sccid: undefined, clientIp: undefined, userAgent: undefined };
  /** What is told, what is skipped and why, and what a platform takes though its documents ask for more; all else is sent. Telegram Ads has no click in any of them. */
  const CASES = {
    "three days old": [() => ({ eventTime: Date.now() + deliveries.ahead - 3 * DAY_MS }), { ga4: "too_old" }],
    "eight days old": [() => ({ eventTime: Date.now() + deliveries.ahead - 8 * DAY_MS }), { meta: "too_old", tiktok: "sent", ga4: "too_old" }],
    "of somebody nobody could match": [() => NOBODY, { meta: "no_signal", tiktok: "no_signal", snapchat: "no_signal", google: "no_signal" }],
    "with an address and no User-Agent": [() => ({ ...NOBODY, clientIp: "203.0.113.7" }), { meta: "no_signal", tiktok: "no_signal", snapchat: "no_user_agent", google: "no_signal" }],
    "of no page": [() => ({ eventSourceUrl: undefined }), { snapchat: "no_page" }, "data[0].page is required (POST /open_api/v1.3/event/track/)"],
    "of a long name of its own": [() => ({ eventType: "Custom", customEventName: "Joined the club and stayed for more than a week" }), { google: "no_event", ga4: "custom_name" }],
  };
  for (const [what, [told, skipped, lacking]] of Object.entries(CASES)) {
    it(`${what}: the caller is told at once, and the platform nothing`, async () => {
      const answer = await deliveries.convert(told());
      const reasons = { ...Object.fromEntries(Object.entries(skipped).filter(([, why]) => why !== "sent")), telegram: "no_signal" };
      if (skipped.google === "no_event") reasons.telegram = "no_event";
      const at = await deliveries.sends(answer.conversionId);
      const all = shown(at, ({ state, code }) => (state === "skipped" ? code : "goes"));
      assert.deepEqual(all, { ...each(ALL, "goes"), ...reasons });
      assert.deepEqual(answer.sends.map(({ platform }) => platform), ALL.filter((name) => !reasons[name]));
      assert.equal(answer.dispatched, Object.keys(reasons).length < ALL.length);
      for (const name of Object.keys(reasons)) assert.ok(answer.warning.includes(`${name}: ${at[name].message}`), `${name}: ${answer.warning}`);
      await deliveries.settled();
      for (const name of ALL) assert.equal(platforms[name].requests.length, reasons[name] ? 0 : 1, name);
      const [{ capiStatus }] = (await deliveries.get("leads/7000000001")).conversions;
      assert.equal(capiStatus, answer.dispatched ? "sent" : "skipped");
      if (lacking) assert.deepEqual(platforms.tiktok.violations.splice(0), [lacking]);
    });
  }

  it("what nobody tried in 47 hours: it is dead, and the platform told nothing", async () => {
    const { conversionId } = await deliveries.convert();
    await deliveries.settled();
    platforms.meta.reset();
    const owed = Object.fromEntries(["made_ms", "owed_since_ms", "due_ms"].map((name) => [name, `${Date.now() + deliveries.ahead - 47 * HOUR_MS}`]));
    const [id] = await deliveries.backlog(conversionId, 1, ["meta"], owed);
    await deliveries.ring();
    await deliveries.settled();
    const { state, code } = (await deliveries.sends(id)).meta;
    assert.deepEqual([state, code, platforms.meta.requests], ["dead", "EXPIRED", []]);
  });
});

describe("what Google tells later of what it took", () => {
  const brief = ({ state, code, message }) => [state, code, message];
  const google = async (conversionId) => brief((await deliveries.sends(conversionId)).google);
  const health = async () => (await edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json();
  const asked = () => platforms.google.requests.filter(({ path }) => path.endsWith(":retrieve")).length;
  const MINUTE_MS = 60_000;
  /** Lets so much time pass, and has the edge sweep. */
  async function later(ms) {
    await deliveries.advance(ms);
    await edge.strike();
  }
  const sent = async (fields) => {
    const { conversionId } = await deliveries.convert(fields);
    await deliveries.settled();
    return conversionId;
  };

  it("is asked half an hour later, and again until it knows", async () => {
    platforms.google.processingMs = 70 * MINUTE_MS;
    const id = await sent();
    assert.deepEqual((await google(id)).slice(0, 2), ["sent", "TAKEN"]);
    await later(20 * MINUTE_MS);
    assert.equal(asked(), 0);
    await later(11 * MINUTE_MS);
    await edge.strike();
    assert.equal(asked(), 1);
    assert.equal((await google(id))[1], "TAKEN");
    await later(31 * MINUTE_MS);
    await later(HOUR_MS);
    assert.deepEqual(await google(id), ["sent", "OK", undefined]);
    await later(24 * HOUR_MS);
    assert.equal(asked(), 3);
    assert.deepEqual(edge.logs, []);
  });

  it("a refusal stands in the log, in the platform's word, at /healthz, and can be replayed", async () => {
    const id = await sent();
    platforms.google.reset();
    platforms.google.refuse(() => true, "CLICK_NOT_FOUND");
    const other = await sent({ telegramUserId: 7_000_000_002 });
    // The first one's request is one that nobody knows any more.
    await later(31 * MINUTE_MS);
    platforms.google.violations.length = 0;
    const words = "Google took the request and then refused 1 of the 1 that went together: CLICK_NOT_FOUND (1)";
    assert.deepEqual(await google(other), ["rejected", "CLICK_NOT_FOUND", words]);
    assert.deepEqual((await google(id)).slice(0, 2), ["sent", "TAKEN"]);
    const { cautions } = await health();
    assert.ok(cautions.some(({ about, name, state, why }) => about === "deliveries" && name === "google" && state === "refused" && why.includes(words)), JSON.stringify(cautions));
    platforms.google.reset();
    await deliveries.post("sends/replay", { sendIds: [`${other}_google`] });
    await deliveries.settled();
    await later(31 * MINUTE_MS);
    platforms.google.violations.length = 0;
    assert.deepEqual(await google(other), ["sent", "OK", undefined]);
    // A day after it was taken nobody asks for the first one any more.
    await later(24 * HOUR_MS);
    platforms.google.violations.length = 0;
    assert.equal((await google(id))[1], "UNCONFIRMED");
    const before = asked();
    await later(24 * HOUR_MS);
    assert.equal(asked(), before);
  });

  it("of several that went together and of which it refuses some, each says so, and so does /healthz", async () => {
    const id = await sent();
    const ids = await deliveries.backlog(id, 3, ["google"]);
    platforms.google.refuse(({ transactionId }) => transactionId === `adtarget_${ids[1]}`, "INVALID_GCLID");
    await deliveries.ring();
    await deliveries.settled();
    await later(31 * MINUTE_MS);
    const words = "Google took the request and then refused 1 of the 3 that went together: INVALID_GCLID (1)";
    for (const each of ids) assert.deepEqual(await google(each), ["sent", "PARTLY_REFUSED", words]);
    assert.deepEqual(await google(id), ["sent", "OK", undefined]);
    const { cautions } = await health();
    assert.ok(cautions.some(({ name, why }) => name === "google" && why === `3 in a day, the latest: PARTLY_REFUSED ${words}`), JSON.stringify(cautions));
    // Replayed, each has a word of its own, and what counted counts once.
    assert.equal(done(await deliveries.post("sends/replay", { state: "sent" })).replayed, 3);
    assert.deepEqual(await google(ids[1]), ["pending", undefined, undefined], "what was said of it is of before");
    await deliveries.settled();
    await later(31 * MINUTE_MS);
    assert.deepEqual(await Promise.all(ids.map(async (each) => (await google(each)).slice(0, 2))), [["sent", "OK"], ["rejected", "INVALID_GCLID"], ["sent", "OK"]]);
    assert.deepEqual([platforms.google.events.length, platforms.google.received], [3, 5]);
  });

  it("an error of its own is no refusal: it is told again, and counts once", async () => {
    platforms.google.refuse(({ transactionId }) => transactionId !== `adtarget_${ids?.[0]}`, "INTERNAL_ERROR");
    let ids;
    const id = await sent();
    ids = await deliveries.backlog(id, 3, ["google"]);
    await deliveries.ring();
    await deliveries.settled();
    await later(31 * MINUTE_MS);
    const words = "Google took the request and then refused 2 of the 3 that went together: INTERNAL_ERROR (2)";
    for (const each of ids) assert.deepEqual(await google(each), ["pending", "INTERNAL_ERROR", words]);
    assert.equal((await google(id))[0], "pending");
    platforms.google.relent();
    await later(31 * MINUTE_MS);
    await deliveries.settled();
    await later(31 * MINUTE_MS);
    for (const each of [id, ...ids]) assert.deepEqual(await google(each), ["sent", "OK", undefined]);
    assert.deepEqual([platforms.google.events.length, platforms.google.received], [4, 5]);
    assert.deepEqual((await health()).cautions.filter(({ about }) => about === "deliveries"), []);
  });

  it("an error of its own that lasts is told again until the window ends", async () => {
    platforms.google.refuse(() => true, "INTERNAL_ERROR");
    const id = await sent();
    for (let times = 0; times < 100 && (await google(id))[0] !== "dead"; times++) {
      await later(40 * MINUTE_MS);
      await edge.drained();
    }
    const { google: { state, code, attempts } } = await deliveries.sends(id);
    assert.deepEqual([state, code], ["dead", "INTERNAL_ERROR"]);
    assert.ok(attempts > 3 && attempts < 50, `${attempts}`);
  });

  it("a visitor who denied consent is skipped, and no fault", async () => {
    platforms.google.refuse(({ consent }) => consent?.adUserData === "CONSENT_DENIED", "DENIED_CONSENT");
    const id = await sent({ consent: "denied" });
    await later(31 * MINUTE_MS);
    assert.deepEqual((await google(id)).slice(0, 2), ["skipped", "consent_denied"]);
    const { cautions } = await health();
    assert.deepEqual(cautions.filter(({ about }) => about === "deliveries"), []);
  });

  it("a request made twice, since its answer was lost, counts as it did at first", async () => {
    platforms.google.misbehave({ kind: "cut", at: "after" });
    const { conversionId: id } = await deliveries.convert();
    await deliveries.settled({ step: MINUTE_MS });
    await later(31 * MINUTE_MS);
    assert.deepEqual(await google(id), ["sent", "OK", undefined]);
    assert.deepEqual([platforms.google.events.length, platforms.google.received], [1, 2]);
  });

  for (const [what, fault] of Object.entries({
    "a page of a gateway": { kind: "html", status: 502 }, "429": { kind: "throttled" }, "nothing": { kind: "cut", at: "before" }, "half of it": { kind: "truncated" },
    "an ended token": { kind: "code", code: "UNAUTHENTICATED" },
  })) {
    it(`is asked again where the answer is ${what}`, async () => {
      const id = await sent();
      // Who asks only may ask again at once where the line is cut.
      platforms.google.misbehave({ ...fault, path: "/v1/requestStatus:retrieve", times: fault.kind === "cut" ? Infinity : 1 });
      await later(31 * MINUTE_MS);
      if (fault.kind !== "code") {
        assert.equal((await google(id))[1], "TAKEN");
        platforms.google.behave();
        await later(31 * MINUTE_MS);
      }
      assert.deepEqual(await google(id), ["sent", "OK", undefined]);
      assert.ok(asked() > 1);
    });
  }
});

describe("a kind of event whose conversion action is wrong", () => {
  it("waits and is said, and holds up no other kind", async () => {
    const conversionActions = { ...ACCOUNTS.google.conversionActions, Lead: "1234567890" };
    const own = await startDeliveries({ accounts: [{ ...ACCOUNTS.google, conversionActions }] });
    try {
      await own.reset();
      const health = async () => (await own.edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json();
      const lead = (await own.convert({ eventType: "Lead", value: undefined, currency: undefined })).conversionId;
      await own.tried(lead);
      const { conversionId: purchase } = await own.convert();
      await own.tried(purchase);
      const ids = [...(await own.backlog(lead, 3, ["google"])), ...(await own.backlog(purchase, 3, ["google"]))];
      await own.ring();
      for (const id of ids) await own.tried(id);
      const brief = async (id) => (({ google: { state, code } }) => [state, code])(await own.sends(id));
      for (const id of [purchase, ...ids.slice(3)]) assert.deepEqual(await brief(id), ["sent", "TAKEN"]);
      for (const id of [lead, ...ids.slice(0, 3)]) assert.deepEqual(await brief(id), ["pending", "KIND_REFUSED"]);
      const { status, deliveries: [{ pending, held, paused }], cautions } = await health();
      assert.deepEqual([status, pending, held, paused], ["failing", 4, 4, undefined]);
      const { why, ...caution } = only(cautions.filter(({ about }) => about === "deliveries"));
      assert.deepEqual(caution, { about: "deliveries", websiteId: WEBSITE, name: "google", state: "held up" });
      assert.match(why, /^4 wait, the latest: KIND_REFUSED .*destinations\[0\].*Conversion action ID is not valid/);
      const before = (await own.sends(lead)).google.attempts;
      await own.advance(6 * 60_000);
      await own.edge.strike();
      await until(async () => (await own.sends(lead)).google.attempts > before, "it is tried again");
      own.platforms.google.violations.length = 0;
    } finally {
      await own.close();
    }
  });
});

describe("many at once", () => {
  const sizes = (name) => platforms[name].requests.map(({ events }) => events);

  it("go together, as many as the platform takes", async () => {
    const { conversionId } = await deliveries.convert();
    await deliveries.settled();
    await deliveries.backlog(conversionId, 1_500, ["meta", "snapchat", "google"]);
    await deliveries.ring();
    await deliveries.settled();
    assert.deepEqual([sizes("meta"), sizes("snapchat"), sizes("google")], [[1, 1_000, 500], [1, 1_500], [1, 1_500]]);
    for (const name of ["meta", "snapchat", "google"]) assert.deepEqual([platforms[name].events.length, platforms[name].received], [1_501, 1_501], name);
    assert.equal((await deliveries.get("match-quality")).destinations.find(({ destination }) => destination === "meta").sent, 1_501);
  });

  it("of which one can't be taken: that one is rejected alone, and all others arrive once", async () => {
    const NAMES = ["meta", "tiktok", "snapchat", "google"];
    const { conversionId } = await deliveries.convert();
    await deliveries.settled();
    const ids = await deliveries.backlog(conversionId, 40, NAMES);
    const poisoned = ids[17];
    for (const name of NAMES) platforms[name].poison((event) => (event.event_id ?? event.transactionId) === `adtarget_${poisoned}`);
    await deliveries.ring();
    await deliveries.settled();
    for (const name of NAMES) {
      const states = await edge.rows("SELECT state, count(*) AS n FROM sends WHERE destination = ? GROUP BY state ORDER BY state", name);
      assert.deepEqual(states, [{ state: "rejected", n: 1 }, { state: "sent", n: 40 }], name);
      const { state, code, message } = (await deliveries.sends(poisoned))[name];
      assert.equal(state, "rejected", name);
      assert.match(`${code} ${message}`, /100|40002|INVALID|400/, name);
      assert.deepEqual([platforms[name].events.length, platforms[name].received], [40, 40], name);
      assert.ok(sizes(name).length <= 2 + 2 * Math.ceil(Math.log2(40)), `${name} in ${sizes(name)}`);
    }
  });

  /** Why a platform may take no batch, though it refuses none: told of a call, and whether the event of `id` breaks it. */
  const BREAKS = {
    "one breaks the platform: that one is given up alone": [{ kind: "status", status: 500 }, (call, id) => JSON.stringify(call.body ?? {}).includes(id), 1],
    "so many are more than it can take in time: they go in parts": [{ kind: "cut", at: "before" }, (call) => call.events > 10, 0],
  };
  for (const [what, [fault, breaks, given]] of Object.entries(BREAKS)) {
    it(`of which ${what}, and all others arrive once`, async () => {
      const NAMES = ["meta", "tiktok", "snapchat", "google"];
      const { conversionId } = await deliveries.convert();
      await deliveries.settled();
      const ids = await deliveries.backlog(conversionId, 60, NAMES);
      for (const name of NAMES) platforms[name].misbehave({ ...fault, times: Infinity, when: (call) => breaks(call, ids[17]) });
      await deliveries.ring();
      await deliveries.settled({ step: HOUR_MS / 2 });
      for (const name of NAMES) {
        const states = await edge.rows("SELECT state, count(*) AS n FROM sends WHERE destination = ? GROUP BY state ORDER BY state", name);
        assert.deepEqual(states, [...(given ? [{ state: "dead", n: given }] : []), { state: "sent", n: 61 - given }], name);
        assert.deepEqual([platforms[name].events.length, platforms[name].received], [61 - given, 61 - given], name);
      }
      if (given) assert.equal((await deliveries.sends(ids[17])).meta.state, "dead");
    });
  }

  /** So many sends more (sixty times three) of somebody who came by an ad at Telegram, each of its own time. */
  async function backlogOfSingles(names, count = 180) {
    const conversionId = await deliveries.arrive();
    await deliveries.settled();
    for (const name of ALL) platforms[name].reset();
    const ids = await deliveries.backlog(conversionId, count, names);
    await edge.rows("UPDATE conversions SET event_ms = event_ms + rowid WHERE conversion_id <> ?", conversionId);
    return ids;
  }
  const SINGLE = ["ga4", "telegram"];

  it("go one a request where the platform takes no more, six connections at once for all of them, each once", async () => {
    const ids = await backlogOfSingles([...SINGLE, "meta"]);
    await edge.fail({ forget: true });
    for (const name of [...SINGLE, "meta"]) platforms[name].misbehave({ kind: "slow", ms: 50, times: Infinity });
    await deliveries.ring();
    await deliveries.settled();
    for (const name of SINGLE) {
      assert.deepEqual([platforms[name].requests.length, platforms[name].events.length], [ids.length, ids.length], name);
      assert.ok(platforms[name].mostAtOnce > 1, `${name}: one after another`);
    }
    const most = [...SINGLE, "meta"].reduce((sum, name) => sum + platforms[name].mostAtOnce, 0);
    assert.ok(Math.max(...SINGLE.map((name) => platforms[name].mostAtOnce)) <= 6, `${most} at once`);
    const attempts = await edge.rows("SELECT DISTINCT state, attempts FROM sends WHERE destination IN ('ga4', 'telegram')");
    assert.deepEqual(attempts, [{ state: "sent", attempts: 1 }]);
  });

  it("are left to the next invocation where they are more than one may deal with, and go out once", async () => {
    const ids = await backlogOfSingles(["telegram", "ga4"], 600);
    // What else would take them up.
    await edge.fail({ queue: "fail" });
    await edge.strike();
    const first = platforms.telegram.received + platforms.ga4.received;
    assert.ok(first > 100 && first < 1_000, `${first} went out`);
    const written = "SELECT count(*) AS n FROM sends WHERE destination IN ('telegram', 'ga4') AND state = 'sent' AND conversion_id IN (SELECT value FROM json_each(?))";
    assert.equal(only(await edge.rows(written, JSON.stringify(ids))).n, first, "all is written down");
    await edge.fail({ queue: null });
    await deliveries.settled();
    for (const name of SINGLE) assert.deepEqual([platforms[name].events.length, platforms[name].received], [ids.length, ids.length], name);
  });

  it("one a request, are given back untried once the platform is away, and all arrive when it is there again", async () => {
    const ids = await backlogOfSingles(["ga4"]);
    const outage = platforms.ga4.misbehave({ kind: "status", status: 503, times: Infinity });
    await deliveries.ring();
    await until(async () => (await edge.rows("SELECT 1 FROM circuits WHERE destination = 'ga4'")).length, "it is left alone");
    const tried = () => edge.rows("SELECT attempts, count(*) AS n FROM sends WHERE destination = 'ga4' AND state = 'pending' GROUP BY attempts ORDER BY attempts");
    // Three failures, and what was under way with them, in a drain beside this one, too: all that was asked is written down.
    await until(async () => (await tried())[1]?.n === platforms.ga4.requests.length, "what was under way is given back");
    const [untouched, once] = await tried();
    assert.deepEqual([untouched.attempts, once.attempts], [0, 1]);
    assert.ok(once.n >= 3 && once.n <= 16, `${once.n} were tried`);
    const [{ failures }] = await edge.rows("SELECT failures FROM circuits WHERE destination = 'ga4'");
    assert.equal(failures, 3);
    outage.stop();
    await deliveries.settled({ step: 60_000 });
    assert.deepEqual([platforms.ga4.events.length, platforms.ga4.received], [ids.length, ids.length]);
  });

  it("one a request, arrive again when what came of them could not be written down, those of that claim alone", async () => {
    const ids = await backlogOfSingles(["ga4"]);
    await edge.fail({ d1Chance: { seed: 1, before: { share: 1, of: "told AS MATERIALIZED" } } });
    await deliveries.ring();
    await until(() => edge.logs.some(({ message }) => message.startsWith("the outbox of atid_shop: the ledger")), "it could not be written down");
    await edge.fail({ d1Chance: null });
    await deliveries.settled({ step: 30_000 });
    const { received, events } = platforms.ga4;
    assert.equal(events.length, ids.length, "GA4 knows a purchase by its id");
    assert.ok(received > ids.length && received <= ids.length + 120, `${received} for ${ids.length}`);
    edge.logs.length = 0;
  });
});

describe("a part of the sweep that fails", () => {
  it("keeps no deliveries from being swept up", async () => {
    await edge.fail({ queue: "fail" });
    const { conversionId } = await deliveries.convert();
    await edge.fail({ queue: null, d1Chance: { seed: 1, before: { share: 1, of: "DELETE FROM visits" } } });
    await edge.strike();
    assert.deepEqual(platforms.meta.ids(), [`adtarget_${conversionId}`]);
    await until(() => edge.logs.some(({ level, message }) => level === "error" && message.startsWith("sweeping DB: ")), "a line in the log");
  });
});

describe("a database that fails", () => {
  const site = (websiteId, database) => ({ websiteId, domains: [`${websiteId}.test`], database, platforms: [ACCOUNTS.meta], channels: [{ slug: "main", channelId: `chan_${websiteId}`, invite: "https://t.me/+Fallback00001" }] });

  it("keeps nobody else's deliveries from being swept up", async () => {
    const apart = await startDeliveries({ sites: [site("atid_gone", "DB_GONE"), site("atid_there", "DB_THERE")], databases: ["DB_THERE"], vars: {} });
    try {
      await apart.reset();
      await apart.edge.fail({ queue: "fail" });
      const { conversionId } = await apart.convert({ channelId: "chan_atid_there", siteId: "atid_there" });
      await apart.edge.fail({ queue: null });
      await apart.edge.strike();
      assert.deepEqual(apart.platforms.meta.ids(), [`adtarget_${conversionId}`]);
      await until(() => apart.edge.logs.some(({ level, message }) => level === "error" && message === "sweeping the outbox of DB_GONE: DB_GONE is not bound"), "a line in the log");
    } finally {
      await apart.close();
    }
  });
});

describe("a sale that a webhook tells of before its visitor joins", () => {
  const secret = "the shop's own".replaceAll(/\W/g, "-");
  const WEBHOOKS = [{
    source: "shop", scheme: "hmac", secret: "SHOP_SECRET", hmac: { signatureHeader: "X-Signature", encoding: "hex" },
    map: { tempId: "/visitor", eventType: { const: "Purchase" }, value: "/total", currency: { const: "EUR" }, email: "/email" },
  }];
  let shop;
  before(async () => (shop = await startDeliveries({ vars: { WEBHOOKS: JSON.stringify(WEBHOOKS), SHOP_SECRET: secret } })));
  after(() => shop.close());

  it("reaches the platforms when they join two days later and more", async () => {
    await shop.newKey();
    const who = await shop.visitor();
    // The clock strikes once, right after the join: the click must be in by then.
    await shop.edge.drained();
    const body = JSON.stringify({ visitor: who.tempId, total: 19.9, email: "jo@example.com" });
    const told = await shop.edge.request("/hooks/shop", { method: "POST", headers: { "x-signature": createHmac("sha256", secret).update(body).digest("hex") }, body });
    assert.equal(told.json().status, "failed", told.text);
    await shop.advance(60 * HOUR_MS);
    await shop.join(who);
    await shop.edge.strike();
    const { conversion_id: sale } = only(await shop.edge.rows("SELECT conversion_id FROM conversions WHERE event_type = 'Purchase'"));
    await shop.settled();
    assert.deepEqual(shown(await shop.sends(sale), ({ state, attempts }) => `${state} ${attempts}`), each(ALL, "sent 1"));
  });
});
