// What a delivery is made of, and what its log, its replay, its settings and the commands that speak of it do.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OPERATOR_KEY, done, refused } from "./harness/api.mjs";
import { ACCOUNTS, ALL, LEAD, shopWith, startDeliveries } from "./harness/deliveries.mjs";
import { ROOT } from "./harness/edge.mjs";
import { until } from "./harness/wait.mjs";
import { BROWSER, CHANNELS, WEBSITE, only, startWorld } from "./harness/world.mjs";
import { META, startPlatforms } from "./standins/platforms.mjs";

const HOUR_MS = 3_600_000;
const CRM_SECRET = "a-shared-secret-of-the-crm";
const WEBHOOKS = [
  {
    source: "crm", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, channelId: CHANNELS[0], hmac: { signatureHeader: "X-Signature", encoding: "hex" },
    map: { telegramUserId: "/user", eventType: { const: "Purchase" }, value: "/value", currency: "/currency", phone: "/phone", channelId: "/channel" },
  },
];
const WITH_ID = ALL.filter((name) => name !== "telegram");
const each = (names, value) => Object.fromEntries(names.map((name) => [name, value]));
const states = (sends) => Object.fromEntries(Object.entries(sends).map(([name, { state }]) => [name, state]));

/** Runs one of the tools as a person does; gives its exit code and all that it printed. */
const run = (edge, tool, ...words) =>
  new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: "1", EDGEWAY_URL: edge.url, OPERATOR_KEY };
    execFile(process.execPath, [`tools/${tool}.mjs`, ...words], { cwd: ROOT, env }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, printed: stdout + stderr }));
  });

let deliveries, edge, platforms;
before(async () => ({ edge, platforms } = deliveries = await startDeliveries({ vars: { WEBHOOKS: JSON.stringify(WEBHOOKS), CRM_SECRET } })));
after(() => deliveries.close());
beforeEach(() => deliveries.reset());
afterEach(async () => {
  assert.deepEqual(platforms.violations(), []);
  assert.deepEqual(await deliveries.leaks(), []);
});

describe("what is sent", () => {
  it("is the visit's own, also where its record comes after the join", async () => {
    await edge.fail({ record: true });
    const who = await deliveries.visitor({ href: "https://www.shop.test/late?fbclid=Late&gclid=GLate&tgclid=TgLate" }, { ip: "198.51.100.77", headers: { "user-agent": "Late/1.0" } });
    await edge.drained();
    const { recorded } = await edge.queue();
    await edge.fail({ record: false });
    // As if the queue had not come to it yet.
    await edge.d1.batch(["visits", "visitors", "clicks"].map((table) => edge.d1.prepare(`DELETE FROM ${table}`)));
    const [visit, click] = ["visit", "click"].map((kind) => only(recorded.filter((message) => JSON.parse(message).keep?.[kind])));
    await edge.enqueue(click);
    await edge.drained();
    await edge.fail({ forgetsLater: true });
    const conversionId = await deliveries.join(who);
    await until(async () => Object.values(await deliveries.sends(conversionId)).every(({ code }) => code === "LATE"), "it waits for the visit");
    await deliveries.advance(90_000);
    await deliveries.ring();
    await edge.drained();
    for (const name of ALL) assert.deepEqual(platforms[name].requests, [], `${name} has to wait`);
    await edge.enqueue(visit);
    await edge.drained();
    await edge.fail({ forgetsLater: false });
    await deliveries.settled({ step: 10_000 });
    const sends = await deliveries.sends(conversionId);
    assert.deepEqual(states(sends), each(ALL, "sent"));
    assert.ok(ALL.every((name) => sends[name].attempts === 1), "waiting is no attempt");
    const [meta, google, telegram] = ["meta", "google", "telegram"].map((name) => only(platforms[name].events));
    assert.deepEqual([meta.user_data.client_ip_address, meta.user_data.client_user_agent], ["198.51.100.77", "Late/1.0"]);
    assert.match(`${meta.user_data.fbc} ${meta.event_source_url}`, /\.Late https:\/\/www\.shop\.test\/late/);
    assert.deepEqual([google.adIdentifiers.gclid, telegram.c], ["GLate", "TgLate"]);
  });

  const BEFORE_VISIT = {
    "with its visit": undefined,
    "a moment before its visit": async () => {
      await edge.fail({ forgetsLater: true });
      await deliveries.advance(10_000);
      await deliveries.ring();
      await edge.drained();
      await edge.fail({ forgetsLater: false });
    },
    "long before its visit, without which Snapchat takes nothing": async (conversionId) => {
      await deliveries.settled({ step: 60_000 });
      const { state, code } = (await deliveries.sends(conversionId)).snapchat;
      assert.deepEqual([state, code], ["skipped", "no_page"]);
    },
  };
  for (const [when, wait] of Object.entries(BEFORE_VISIT)) it(`is the click's own, also where that comes so long after the join that it was skipped: ${when}`, async () => {
    await edge.fail({ record: true });
    const who = await deliveries.visitor({ href: "https://www.shop.test/outage?fbclid=Outage&ttclid=TtOutage&gclid=GOutage&sccid=ScOutage&tgclid=TgOutage" }, {}, { cookie: "" });
    await edge.drained();
    const { recorded } = await edge.queue();
    await edge.fail({ record: false });
    await edge.d1.batch(["visits", "visitors", "clicks"].map((table) => edge.d1.prepare(`DELETE FROM ${table}`)));
    await edge.fail({ forgetsLater: true });
    const conversionId = await deliveries.join(who);
    await until(async () => Object.values(await deliveries.sends(conversionId)).every(({ code }) => code === "LATE"), "it waits for the click");
    await edge.fail({ forgetsLater: false });
    await deliveries.settled({ step: 60_000 });
    const CLICKS = WITH_ID.filter((name) => name !== "ga4").concat("telegram");
    const before = await deliveries.sends(conversionId);
    for (const name of CLICKS) assert.deepEqual([before[name].state, before[name].code], ["skipped", "no_signal"], name);
    const isEarlier = (message) => wait && JSON.parse(message).keep?.click !== undefined;
    for (const message of recorded.filter(isEarlier)) await edge.enqueue(message);
    if (wait) {
      await edge.drained();
      await wait(conversionId);
    }
    for (const message of recorded.filter((message) => !isEarlier(message))) await edge.enqueue(message);
    await edge.drained();
    await deliveries.settled({ step: 60_000 });
    assert.deepEqual(states(await deliveries.sends(conversionId)), each(ALL, "sent"));
    // What was sent by what the click alone says has gone without.
    if (when.startsWith("long")) {
      assert.deepEqual(platforms.tiktok.violations.splice(0), ["data[0].page is required (POST /open_api/v1.3/event/track/)"]);
      return assert.match(only(platforms.snapchat.events).event_source_url, /outage/);
    }
    assert.match(only(platforms.meta.events).user_data.fbc, /\.Outage$/);
    assert.equal(only(platforms.google.events).adIdentifiers.gclid, "GOutage");
  });

  const sha256 = (text) => createHash("sha256").update(text).digest("hex");
  const PHONES = {
    "of the channel's country": [{ channelId: CHANNELS[1], pii: { phone: "612 34 56 78" } }, "34612345678"],
    "of the person's own country": [{ channelId: CHANNELS[1], pii: { phone: "06 12 34 56 78", country: "France" } }, "33612345678"],
    "with its own code": [{ channelId: CHANNELS[1], pii: { phone: "+48 512 345 678" } }, "48512345678"],
    "of a channel that names no country": [{ channelId: CHANNELS[0], pii: { phone: "612 34 56 78" } }, "612345678"],
  };
  for (const [what, [told, number]] of Object.entries(PHONES)) {
    it(`is the number that is dialled from abroad, of a phone ${what}`, async () => {
      await deliveries.convert(told);
      await deliveries.settled();
      const [meta, tiktok] = ["meta", "tiktok"].map((name) => only(platforms[name].events));
      assert.deepEqual([meta.user_data.ph, tiktok.user.phone], [[sha256(number)], [sha256(`+${number}`)]]);
    });
  }

  const phone = "612 34 56 78";
  const UNNAMED = {
    "a conversion that names no channel": () => deliveries.convert({ channelId: undefined, pii: { phone } }),
    "a lead's event that names no channel": async () => done(await deliveries.post(`leads/${LEAD.telegramUserId}/events`, { ...LEAD, channelId: undefined, telegramUserId: undefined, pii: { phone } })),
    "the value of a Purchase": async () => {
      const { conversionId } = await deliveries.convert({ channelId: CHANNELS[1], value: undefined, currency: undefined, pii: undefined });
      done(await deliveries.post(`leads/${LEAD.telegramUserId}/conversions/${conversionId}/value`, { value: 5, currency: "EUR", pii: { phone } }));
    },
  };
  for (const [what, tell] of Object.entries(UNNAMED)) {
    it(`is the number that is dialled from abroad, of a phone in ${what}: by the channel that it counts in`, async () => {
      await deliveries.convert({ channelId: CHANNELS[1], eventType: "Lead", pii: undefined });
      await tell();
      await deliveries.settled();
      assert.deepEqual(platforms.meta.events.at(-1).user_data.ph, [sha256("34612345678")]);
    });
  }

  it("is the number that is dialled from abroad, of a phone in a webhook for the channel", async () => {
    const webhook = JSON.stringify({ user: 7_000_000_050, value: 19.9, currency: "EUR", phone: "612 34 56 78", channel: CHANNELS[1] });
    const headers = { "content-type": "application/json", "x-signature": createHmac("sha256", CRM_SECRET).update(webhook).digest("hex") };
    done(await edge.request("/hooks/crm", { method: "POST", body: webhook, headers }), 200);
    await deliveries.settled();
    assert.deepEqual(only(platforms.meta.events).user_data.ph, [sha256("34612345678")]);
    // A webhook tells of no page.
    assert.deepEqual(platforms.tiktok.violations.splice(0), ["data[0].page is required (POST /open_api/v1.3/event/track/)"]);
  });

  it("goes without a visit that never comes, after ten minutes, as far as the click tells", async () => {
    const who = await deliveries.visitor();
    await edge.drained();
    await edge.d1.prepare("DELETE FROM visits").run();
    const conversionId = await deliveries.join(who);
    await deliveries.settled({ step: 2 * 60_000 });
    const sends = await deliveries.sends(conversionId);
    assert.deepEqual([states(sends), sends.snapchat.code], [{ ...each(ALL, "skipped"), meta: "sent", tiktok: "sent", ga4: "sent" }, "no_page"]);
    // TikTok takes an event without a page, though its documents ask for one.
    assert.deepEqual(platforms.tiktok.violations.splice(0), ["data[0].page is required (POST /open_api/v1.3/event/track/)"]);
  });

  it("says what the visitor denied", async () => {
    const conversionId = await deliveries.arrive({ consent: "denied" });
    await deliveries.settled();
    const sends = await deliveries.sends(conversionId);
    assert.deepEqual(states(sends), { ...each(WITH_ID, "sent"), telegram: "skipped" });
    assert.equal(sends.telegram.code, "consent_denied");
    const [meta, tiktok, snapchat, google] = ["meta", "tiktok", "snapchat", "google"].map((name) => only(platforms[name].events));
    assert.deepEqual([meta.data_processing_options, tiktok.limited_data_use, snapchat.data_processing_options], [["LDU"], true, ["LMU"]]);
    assert.deepEqual(google.consent ?? only(platforms.google.requests).body.consent, { adUserData: "CONSENT_DENIED", adPersonalization: "CONSENT_DENIED" });
    assert.deepEqual(only(platforms.ga4.requests).body.consent, { ad_user_data: "DENIED", ad_personalization: "DENIED" });
  });

  /** What Google was told of consent with its latest event. */
  const latestConsent = () => platforms.google.events.at(-1).consent ?? platforms.google.requests.at(-1).body.consent;
  const DENIED = { adUserData: "CONSENT_DENIED", adPersonalization: "CONSENT_DENIED" };
  /** Told of somebody that is known by an address and by what they did here. */
  const UNCLICKED = { fbc: undefined, fbp: undefined, gclid: undefined, ttclid: undefined, sccid: undefined };

  /** The browser of `who` tells of a page, with other `fields`. */
  const tell = async (who, fields) => {
    const headers = { origin: "https://www.shop.test", "user-agent": BROWSER };
    const body = { websiteId: WEBSITE, href: "https://www.shop.test/again", tempId: who.tempId, ...fields };
    assert.equal((await edge.request("/e/init", { method: "POST", headers, body: JSON.stringify(body) })).status, 200);
    await edge.drained();
  };

  it("says what the visitor said last, on whatever visit", async () => {
    const who = await deliveries.visitor({ consent: "granted" });
    await edge.drained();
    await deliveries.join(who);
    await deliveries.settled();
    assert.deepEqual(latestConsent(), { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_GRANTED" });
    await tell(who, { consent: "denied" });
    await tell(who, {});
    await deliveries.convert({ telegramUserId: who.id, ...UNCLICKED });
    await deliveries.settled();
    assert.deepEqual(latestConsent(), DENIED);
  });

  it("says what was said last, on a page that was opened before others, and in whatever order the queue has it", async () => {
    const who = await deliveries.visitor({ consent: "granted" });
    await edge.drained();
    await deliveries.join(who);
    const [{ at_ms: at }] = await edge.rows("SELECT at_ms FROM visits");
    await tell(who, { consent: "granted" });
    await tell(who, { eventId: who.visit, consent: "denied" });
    // The queue has an earlier telling of the same page once more.
    const [{ consent_ms: told }] = await edge.rows("SELECT consent_ms FROM visits WHERE consent = 'denied'");
    assert.ok(told > at);
    await edge.rows(`UPDATE visits SET consent_ms = consent_ms + 60000 WHERE consent = 'denied'`);
    await tell(who, { eventId: who.visit, consent: "granted" });
    await deliveries.convert({ telegramUserId: who.id, ...UNCLICKED });
    await deliveries.settled();
    assert.deepEqual(latestConsent(), DENIED);
  });

  it("says what the visitor denied when the visit is forgotten, too, and waits for it no more", async () => {
    const who = await deliveries.visitor({ consent: "denied" });
    await edge.drained();
    await deliveries.join(who);
    await deliveries.settled();
    const aged = { visits: "at_ms", clicks: "at_ms", conversions: "attributed_ms" };
    for (const [table, column] of Object.entries(aged)) await edge.rows(`UPDATE ${table} SET ${column} = ${column} - ${91 * 24 * HOUR_MS}`);
    await edge.strike();
    assert.deepEqual(await edge.rows("SELECT 'visit' FROM visits UNION ALL SELECT 'click' FROM clicks"), []);
    const { conversionId, warning } = await deliveries.convert({ telegramUserId: who.id, ...UNCLICKED });
    assert.match(warning, /telegram: /, "what is skipped is said at once");
    await deliveries.settled();
    assert.deepEqual(states(await deliveries.sends(conversionId)), { ...each(WITH_ID, "sent"), telegram: "skipped" });
    assert.deepEqual(latestConsent(), DENIED);
    // Who joined by it is known by their browser: what that says counts.
    await tell(who, { consent: "granted" });
    await deliveries.convert({ telegramUserId: who.id, eventType: "Subscribe", ...UNCLICKED });
    await deliveries.settled();
    assert.deepEqual(latestConsent(), { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_GRANTED" });
  });

  it("claims no consent that nobody gave", async () => {
    await deliveries.convert();
    await deliveries.settled();
    await deliveries.convert({ telegramUserId: 7_000_000_002, consent: "granted" });
    await deliveries.settled();
    const consents = platforms.google.events.map((event, at) => event.consent ?? platforms.google.requests[at].body.consent);
    assert.deepEqual(consents, [undefined, { adUserData: "CONSENT_GRANTED", adPersonalization: "CONSENT_GRANTED" }]);
    assert.ok(platforms.meta.events.every((event) => !event.data_processing_options?.length));
  });

  it("of a Purchase whose value is told by hand goes when it is told, and not before", async () => {
    const answer = await deliveries.convert({ channelId: CHANNELS[1], value: undefined, currency: undefined });
    assert.deepEqual([answer.sends, answer.dispatched, answer.capiStatus], [[], false, "pending"]);
    await deliveries.ring();
    await edge.drained();
    assert.deepEqual(await deliveries.sends(answer.conversionId), {});
    const value = `leads/${LEAD.telegramUserId}/conversions/${answer.conversionId}/value`;
    for (let time = 1; time <= 2; time += 1) done(await deliveries.post(value, { value: 5.5, currency: "EUR" }));
    await deliveries.settled();
    assert.deepEqual(states(await deliveries.sends(answer.conversionId)), { ...each(WITH_ID, "sent"), telegram: "skipped" });
    for (const name of WITH_ID) assert.deepEqual([platforms[name].requests.length, platforms[name].ids()], [1, [`adtarget_${answer.conversionId}`]], name);
    assert.equal(only(platforms.meta.events).custom_data.value, 5.5);
  });

  for (const first of ["the API", "the webhook"]) {
    it(`of a Purchase that ${first} tells first and the other again goes once`, async () => {
      const tellers = {
        "the API": () => deliveries.convert(),
        "the webhook": async () => {
          const body = JSON.stringify({ user: LEAD.telegramUserId, value: LEAD.value, currency: LEAD.currency });
          const headers = { "content-type": "application/json", "x-signature": createHmac("sha256", CRM_SECRET).update(body).digest("hex") };
          done(await edge.request("/hooks/crm", { method: "POST", body, headers }));
        },
      };
      await tellers[first]();
      await deliveries.settled();
      for (const teller of Object.keys(tellers)) if (teller !== first) await tellers[teller]();
      await deliveries.settled();
      const { conversion_id: id } = only(await edge.rows("SELECT conversion_id FROM conversions"));
      // By what the webhook told alone nobody can be recognised, but by what the API adds.
      assert.deepEqual(states(await deliveries.sends(id)), { ...each(WITH_ID, "sent"), telegram: "skipped" });
      for (const name of WITH_ID) assert.deepEqual([platforms[name].requests.length, platforms[name].copies(`adtarget_${id}`)], [1, 1], name);
    });
  }

  it("of a Purchase that is told again goes once, though its sends are forgotten", async () => {
    const eventTime = Date.now() + deliveries.ahead;
    const { conversionId } = await deliveries.convert({ eventTime });
    await deliveries.settled();
    const seen = platforms.meta.requests.length;
    await deliveries.advance(46 * HOUR_MS);
    assert.equal((await deliveries.convert({ eventTime })).dispatched, true, "as it was");
    await edge.rows("DELETE FROM sends");
    await deliveries.advance(2 * HOUR_MS);
    const again = await deliveries.convert({ eventTime });
    assert.deepEqual([again.conversionId, again.sends, again.dispatched], [conversionId, [], false]);
    await deliveries.ring();
    await edge.drained();
    assert.deepEqual([await deliveries.sends(conversionId), platforms.meta.requests.length], [{}, seen]);
  });

  it("of a member goes once, though they come back when its sends are forgotten", async () => {
    const who = await deliveries.visitor();
    await edge.drained();
    const id = await deliveries.join(who);
    await deliveries.settled();
    await edge.rows("DELETE FROM sends");
    await deliveries.advance(48 * HOUR_MS);
    await deliveries.chats.tell(deliveries.botapi.leave(who.id), deliveries.botapi.join(await deliveries.chats.link(), who.id));
    await edge.drained();
    assert.deepEqual([await deliveries.sends(id), platforms.meta.requests.length], [{}, 1]);
  });

  for (const by of ["hand", "another"]) {
    it(`of a Purchase whose value comes two days later goes then: by ${by}`, async () => {
      const told = { channelId: CHANNELS[1], eventTime: Date.now() + deliveries.ahead };
      const { conversionId } = await deliveries.convert({ ...told, value: undefined, currency: undefined });
      await deliveries.advance(50 * HOUR_MS);
      const value = { value: 5.5, currency: "EUR" };
      if (by === "hand") done(await deliveries.post(`leads/${LEAD.telegramUserId}/conversions/${conversionId}/value`, value));
      else assert.equal((await deliveries.convert({ ...told, ...value })).conversionId, conversionId);
      await deliveries.settled();
      assert.deepEqual(platforms.meta.ids(), [`adtarget_${conversionId}`]);
    });
  }

  it("is known to the page by its event ids, and to no other visitor", async () => {
    const who = await deliveries.visitor();
    await edge.drained();
    const conversionId = await deliveries.join(who);
    await deliveries.settled();
    const headers = { origin: "https://www.shop.test" };
    const ask = async (tempId) => done(await edge.request(`/e/events?${new URLSearchParams({ websiteId: WEBSITE, ...(tempId && { tempId }) })}`, { headers, ip: "203.0.113.7" })).events;
    const event = only(await ask(who.tempId));
    assert.deepEqual(Object.keys(event).sort(), ["eventId", "eventTime", "eventType"]);
    assert.equal(event.eventId, only(platforms.meta.events).event_id);
    assert.equal(event.eventId, `adtarget_${conversionId}`);
    assert.deepEqual([await ask(randomUUID()), await ask()], [[], []]);
  });
});

describe("the log", () => {
  it("has the latest first, in pages, and by state, platform, site and conversion", async () => {
    platforms.tiktok.misbehave({ kind: "code", code: 40002, times: Infinity });
    const told = [];
    for (let nth = 0; nth < 4; nth += 1) {
      told.push((await deliveries.convert({ telegramUserId: 7_000_000_010 + nth })).conversionId);
      await deliveries.settled();
      await deliveries.advance(1_000);
    }
    const list = async (query) => (await deliveries.get(`sends?${query}`)).sends;
    const all = await list("limit=200");
    assert.equal(all.length, 24);
    assert.deepEqual([...new Set(all.map(({ conversionId }) => conversionId))], [...told].reverse());
    assert.deepEqual((await list("state=rejected")).map(({ destination, code }) => `${destination} ${code}`), Array(4).fill("tiktok 40002"));
    assert.deepEqual((await list("platform=meta&state=sent")).map(({ conversionId }) => conversionId), [...told].reverse());
    assert.equal((await list(`websiteId=${WEBSITE}&limit=200`)).length, 24);
    // A page ends with the last of its ms, so that the next one loses none.
    const pages = [];
    for (let before; ; before = pages.at(-1).madeAt) {
      const page = await list(`limit=5${before ? `&before=${before}` : ""}`);
      if (!page.length) break;
      pages.push(...page);
    }
    assert.deepEqual(pages, all);
    const { sends, capiStatus } = (await deliveries.get("leads/7000000010")).conversions[0];
    assert.equal(capiStatus, "sent");
    assert.equal(sends.find(({ platform }) => platform === "tiktok").state, "rejected");
    for (const [query, field] of Object.entries({ "state=lost": "state", "platform=myspace": "platform", "limit=0": "limit", "limit=201": "limit", "before=soon": "before" })) {
      refused(await deliveries.call("GET", `sends?${query}`), 400, "INVALID_PAYLOAD", field);
    }
  });

  it("shows a key of one site its own alone", async () => {
    const { conversionId } = await deliveries.convert();
    await deliveries.settled();
    const { key } = await deliveries.operate("POST", "keys", { name: "shop", websiteId: WEBSITE }, 201);
    const own = done(await deliveries.call("GET", `sends?conversionId=${conversionId}`, undefined, { key }));
    assert.equal(own.sends.length, 6);
    refused(await deliveries.call("GET", "sends?websiteId=atid_other", undefined, { key }), 400, "INVALID_PAYLOAD", "websiteId");
    refused(await deliveries.call("GET", "sends", undefined, { key: "atk_live_none" }), 401, "INVALID_KEY");
  });

  it("replays what was rejected, by the API and by the command", async () => {
    const how = {
      api: async (ids) => assert.equal(done(await deliveries.post("sends/replay", { sendIds: ids })).replayed, ids.length),
      command: async () => {
        const { code, printed } = await run(edge, "sends", "replay", "--state", "rejected", "--site", WEBSITE);
        assert.deepEqual([code, printed.trim()], [0, "2 sends go out again."]);
      },
    };
    for (const [name, replay] of Object.entries(how)) {
      await deliveries.reset();
      platforms.meta.misbehave({ kind: "code", code: 100 });
      platforms.snapchat.misbehave({ kind: "code", code: "no" });
      const { conversionId } = await deliveries.convert();
      await deliveries.settled();
      assert.deepEqual(states(await deliveries.sends(conversionId)), { ...each(WITH_ID, "sent"), meta: "rejected", snapchat: "rejected", telegram: "skipped" });
      const listed = await run(edge, "sends", "list", "--state", "rejected");
      assert.equal(listed.code, 0, listed.printed);
      assert.match(listed.printed, new RegExp(`${conversionId}_snapchat`));
      assert.doesNotMatch(listed.printed, /There are older ones/);
      await replay([`${conversionId}_meta`, `${conversionId}_snapchat`]);
      await deliveries.settled();
      const sends = await deliveries.sends(conversionId);
      assert.deepEqual(states(sends), { ...each(WITH_ID, "sent"), telegram: "skipped" }, name);
      assert.deepEqual([sends.meta.attempts, sends.meta.code, platforms.meta.events.length], [2, "OK", 1], name);
      // What was sent is not replayed.
      assert.equal(done(await deliveries.post("sends/replay", { sendIds: [`${conversionId}_meta`] })).replayed, 0);
    }
    const { conversionId } = await deliveries.convert({ value: 25 });
    await deliveries.settled();
    const short = await run(edge, "sends", "list", "--limit", "1");
    assert.match(short.printed, new RegExp(`${conversionId}_meta`));
    const [, older] = /There are older ones: add --before (\d+)/.exec(short.printed) ?? assert.fail(short.printed);
    const rest = await run(edge, "sends", "list", "--before", older);
    assert.doesNotMatch(rest.printed, new RegExp(conversionId));
    assert.match(rest.printed, /_meta/);
    assert.doesNotMatch(rest.printed, /There are older ones/);
    refused(await deliveries.post("sends/replay", {}), 400, "INVALID_PAYLOAD", "sendIds");
    refused(await deliveries.post("sends/replay", { state: "pending" }), 400, "INVALID_PAYLOAD", "state");
    const misused = await run(edge, "sends", "replay");
    assert.deepEqual([misused.code, /npm run sends/.test(misused.printed)], [1, true]);
  });

  it("gives up after 47 hours, keeps what it gave up, and goes on with it when told to", async () => {
    platforms.meta.misbehave({ kind: "status", status: 503, times: Infinity });
    const { conversionId } = await deliveries.convert();
    const tellTime = async () => (await deliveries.sends(conversionId)).meta;
    let hours = 0;
    for (; (await tellTime()).state === "pending" && hours < 60; hours += 1) {
      await deliveries.advance(HOUR_MS);
      await edge.strike();
      await until(async () => (({ state, dueAt }) => state !== "pending" || dueAt > Date.now() + deliveries.ahead)(await tellTime()), "it was tried");
    }
    assert.ok(hours >= 46 && hours <= 47, `${hours} hours`);
    const { state, code, message, attempts } = await tellTime();
    assert.deepEqual([state, code], ["dead", "UNAVAILABLE"]);
    assert.match(message, /unavailable/i);
    assert.ok(attempts > 40, `${attempts} attempts`);
    const last = platforms.meta.requests.at(-1);
    assert.ok(last.at - platforms.meta.requests[0].at < 47 * HOUR_MS, "no attempt after that");
    const [{ capiStatus }] = (await deliveries.get(`leads/${LEAD.telegramUserId}`)).conversions;
    assert.equal(capiStatus, "sent", "the others have it");
    assert.deepEqual((await deliveries.health()).deliveries.map(({ destination, dead }) => [destination, dead]), [["meta", 1]]);
    platforms.meta.behave();
    assert.equal(done(await deliveries.post("sends/replay", { state: "dead", destination: "meta" })).replayed, 1);
    await deliveries.settled({ step: HOUR_MS });
    assert.deepEqual([(await tellTime()).state, platforms.meta.events.length], ["sent", 1]);
    assert.deepEqual((await deliveries.health()).deliveries, []);
  });

  it("names the platform's own failure of what had waited for its click when it stood still", async () => {
    platforms.meta.misbehave({ kind: "status", status: 503, times: Infinity });
    const { conversionId } = await deliveries.convert();
    await until(async () => (await edge.rows("SELECT 1 FROM circuits WHERE destination = 'meta' AND failures > 0")).length, "it fails");
    const since = `${Date.now() + deliveries.ahead - 47 * HOUR_MS}`;
    const [id] = await deliveries.backlog(conversionId, 1, ["meta"], { owed_since_ms: since, due_ms: since, code: "'LATE'", words: "'its click or visit has yet to be written down'" });
    await edge.d1.prepare("UPDATE circuits SET open_ms = ?").bind(Date.now() + deliveries.ahead + 600_000).run();
    await edge.strike();
    await until(async () => (await deliveries.sends(id)).meta.state === "dead", "it is given up");
    assert.equal((await deliveries.sends(id)).meta.code, "UNAVAILABLE");
  });

  it("forgets a lead with all that platforms were told, or were still to be told", async () => {
    platforms.meta.misbehave({ kind: "status", status: 503, times: Infinity });
    const { conversionId } = await deliveries.convert();
    const other = await deliveries.convert({ telegramUserId: 7_000_000_002 });
    await deliveries.tried(other.conversionId);
    done(await deliveries.call("DELETE", `leads/${LEAD.telegramUserId}`));
    platforms.meta.behave();
    await deliveries.settled({ step: HOUR_MS });
    assert.deepEqual(await deliveries.sends(conversionId), {});
    assert.deepEqual(platforms.meta.ids(), [`adtarget_${other.conversionId}`]);
    assert.equal((await deliveries.sends(other.conversionId)).meta.state, "sent");
  });

  it("sums how well each platform could match", async () => {
    await deliveries.convert();
    await deliveries.convert({ telegramUserId: 7_000_000_002, pii: undefined });
    await deliveries.settled();
    const { from, to, destinations } = await deliveries.get("match-quality");
    assert.equal(to - from, 7 * 24 * HOUR_MS);
    const meta = destinations.find(({ destination }) => destination === "meta");
    assert.deepEqual([meta.websiteId, meta.platform, meta.sent], [WEBSITE, "meta", 2]);
    const shares = Object.fromEntries(meta.keys.map(({ key, sent, missing, share }) => [key, `${sent} ${missing} ${share}`]));
    assert.deepEqual(
      [shares.fbc, shares.fbp, shares.ip, shares.user_agent, shares.external_id, shares.email, shares.phone, shares.first_name, shares.city],
      [...Array(5).fill("2 0 1"), ...Array(3).fill("1 1 0.5"), "0 2 0"],
    );
    const sums = meta.keys.reduce((sum, { sent }) => sum + sent, 0);
    assert.equal(meta.averageKeys, Math.round((sums / 2) * 100) / 100);
    // The same by what the platform was sent.
    const NAMES = { em: "email", ph: "phone", fn: "first_name", ln: "last_name", client_ip_address: "ip", client_user_agent: "user_agent", country: "country" };
    for (const event of platforms.meta.events) {
      const { matchKeys, missingKeys } = (await deliveries.sends(event.event_id.replace("adtarget_", ""))).meta;
      assert.deepEqual([...matchKeys].sort(), Object.keys(event.user_data).map((key) => NAMES[key] ?? key).sort());
      assert.equal(matchKeys.length + missingKeys.length, meta.keys.length);
    }
    assert.deepEqual((await deliveries.get(`match-quality?to=${from}`)).destinations, []);
  });

  it("tests every platform by its own test door, with one command", async () => {
    const good = await run(edge, "selftest");
    assert.equal(good.code, 0, good.printed);
    const line = (printed, name) => printed.split("\n").find((text) => text.includes(` ${name} `)) ?? printed;
    for (const name of WITH_ID) assert.match(line(good.printed, name), / yes +yes +yes /, name);
    assert.match(line(good.printed, "telegram"), / – +– +– +.*no way to test/);
    for (const name of WITH_ID) assert.deepEqual([platforms[name].tests.length, platforms[name].events.length], [1, 0], `${name}: a test is no conversion`);
    const { event_name, custom_data } = only(platforms.meta.tests);
    assert.deepEqual([event_name, custom_data], ["EdgewaySelfTest", undefined], "Meta keeps what comes through its test door");
    assert.equal(platforms.telegram.requests.length, 0);

    platforms.meta.revoke();
    platforms.tiktok.misbehave({ kind: "cut", at: "before" });
    platforms.snapchat.misbehave({ kind: "code", code: "Missing required field: pixel" });
    const bad = await run(edge, "selftest");
    assert.equal(bad.code, 1, bad.printed);
    assert.match(line(bad.printed, "meta"), / yes +NO +NO +.*Invalid OAuth access token/);
    assert.match(line(bad.printed, "tiktok"), / NO +– +NO +.*no answer/);
    assert.match(line(bad.printed, "snapchat"), / yes +yes +NO +.*Missing required field/);
    assert.match(line(bad.printed, "google"), / yes +yes +yes /);
    platforms.behave();
    refused(await deliveries.post("selftest", {}), 401, "INVALID_KEY");
  });
});

describe("health", () => {
  it("tells the operator what the ledger does not say of them", async () => {
    const health = async (headers = {}) => (await edge.request("/healthz", { headers })).json();
    const operators = () => health({ authorization: `Bearer ${OPERATOR_KEY}` });
    const failing = (of) => edge.fail({ d1Chance: { seed: 1, before: { share: of ? 1 : 0, of } } });
    await failing("IN ('rejected', 'dead') AND changed_ms");
    const { status, cautions } = await operators();
    assert.deepEqual([status, cautions.find(({ about }) => about === "deliveries")], ["degraded", { about: "deliveries", state: "not known", why: "the ledger does not say what was refused or given up" }]);
    await failing("FROM circuits");
    const { backlog, deliveries: waiting } = await operators();
    assert.deepEqual([waiting, backlog.outbox], [null, null]);
    assert.equal((await health()).deliveries, null);
    await failing();
    assert.deepEqual([(await operators()).cautions.filter(({ about }) => about === "deliveries"), (await health()).deliveries], [[], []]);
  });

  it("cautions the operator of what was refused or given up in the last day, until it is replayed", async () => {
    const health = async () => (await edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json();
    const ofDeliveries = async () => (await health()).cautions.filter(({ about }) => about === "deliveries");
    assert.deepEqual(await ofDeliveries(), []);
    platforms.meta.misbehave({ kind: "code", code: 100, times: 2 });
    for (const telegramUserId of [7_000_000_060, 7_000_000_061]) {
      const { conversionId } = await deliveries.convert({ telegramUserId });
      await deliveries.tried(conversionId);
    }
    await edge.rows("UPDATE sends SET state = 'dead', code = 'UNAVAILABLE', words = 'no answer: timeout', changed_ms = ?1 WHERE destination = 'tiktok' AND rowid = (SELECT min(rowid) FROM sends WHERE destination = 'tiktok')", Date.now() + deliveries.ahead);
    const [refused, givenUp, ...more] = await ofDeliveries();
    assert.deepEqual([more, (await health()).status], [[], "degraded"]);
    assert.deepEqual({ ...refused, why: undefined }, { about: "deliveries", websiteId: WEBSITE, name: "meta", state: "refused", why: undefined });
    assert.match(refused.why, /^2 in a day, the latest: 100 .*Invalid parameter/);
    assert.deepEqual(givenUp, { about: "deliveries", websiteId: WEBSITE, name: "tiktok", state: "given up", why: "1 in a day, the latest: UNAVAILABLE no answer: timeout" });
    await deliveries.operate("POST", "sends/replay", { state: "rejected" });
    await deliveries.settled();
    assert.deepEqual((await ofDeliveries()).map(({ name }) => name), ["tiktok"]);
    await deliveries.advance(25 * HOUR_MS);
    assert.deepEqual(await ofDeliveries(), []);
  });
});

describe("settings", () => {
  const EU = { pixelId: "9876543210987654", accessToken: "EAAMetaTokenOfTheEuropeanPixel9876543210" };
  const vars = { META_EU_TOKEN: EU.accessToken };
  const european = { platform: "meta", name: "meta_eu", pixelId: EU.pixelId, token: "META_EU_TOKEN" };

  it("with two accounts of one platform send to both; what is taken out of them is owed for 47 hours and then dead", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "edgeway-deliveries-"));
    const two = await startPlatforms({ meta: { accounts: [META, EU] } });
    let shop = await startDeliveries({ platforms: two, persist: folder, vars, accounts: [ACCOUNTS.meta, european, ACCOUNTS.tiktok] });
    try {
      await shop.newKey();
      two.tiktok.misbehave({ kind: "status", status: 503, times: Infinity });
      const { conversionId, sends } = await shop.convert();
      assert.deepEqual(sends.map(({ sendId, platform }) => `${sendId.split("_").slice(1).join("_")} ${platform}`), ["meta meta", "meta_eu meta", "tiktok tiktok"]);
      const tried = await shop.tried(conversionId);
      assert.deepEqual(states(tried), { meta: "sent", meta_eu: "sent", tiktok: "pending" });
      assert.deepEqual(two.meta.requests.map(({ path }) => path.split("/")[2]).sort(), [META.pixelId, EU.pixelId].sort());
      assert.equal(two.meta.events.length, 2);
      // The European account has no test code of its own.
      const tested = await run(shop.edge, "selftest");
      assert.match(tested.printed, / meta_eu +– +– +– +.*testEventCode/);

      const { key, ahead } = shop;
      await shop.close();
      two.tiktok.behave();
      shop = await startDeliveries({ platforms: two, persist: folder, vars, accounts: [ACCOUNTS.meta] });
      Object.assign(shop, { key });
      await shop.edge.advance(ahead);
      const state = async () => (await shop.sends(conversionId)).tiktok;
      for (const [hours, expected] of [[46, "pending"], [2, "dead"]]) {
        await shop.advance(hours * HOUR_MS);
        await shop.edge.strike();
        assert.equal((await state()).state, expected, `${hours} hours later`);
      }
      assert.deepEqual([(await state()).code, (await state()).attempts, two.tiktok.events.length], ["UNAVAILABLE", 1, 0]);
      assert.deepEqual((await shop.health()).deliveries.map(({ destination, dead }) => [destination, dead]), [["tiktok", 1]]);
      assert.deepEqual(await shop.leaks(), []);
    } finally {
      await shop.close();
      await two.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("that name another's pixel: health and self-test say so, and what was told meanwhile arrives once they are mended", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "edgeway-deliveries-"));
    const standins = await startPlatforms();
    const running = { platforms: standins, persist: folder };
    let shop = await startDeliveries({ ...running, accounts: [{ ...ACCOUNTS.meta, pixelId: EU.pixelId }] });
    try {
      await shop.newKey();
      const { conversionId } = await shop.convert();
      const { meta } = await shop.tried(conversionId);
      assert.deepEqual([meta.state, meta.code], ["pending", "CREDENTIALS"]);
      assert.match(meta.message, /does not exist, cannot be loaded due to missing permissions/);
      assert.equal((await shop.health()).status, "failing");
      assert.match((await run(shop.edge, "selftest")).printed, / meta +yes +NO +NO /);

      // Whoever gives it up need not mend it.
      await shop.close();
      shop = Object.assign(await startDeliveries({ ...running, accounts: [ACCOUNTS.ga4] }), { key: shop.key });
      const { httpStatus, deliveries } = await shop.health();
      assert.deepEqual([httpStatus, deliveries.map(({ destination, paused }) => [destination, paused])], [200, [["meta", "CREDENTIALS"]]]);

      const { key } = shop;
      await shop.close();
      shop = Object.assign(await startDeliveries({ ...running, accounts: [ACCOUNTS.meta] }), { key });
      await shop.advance(6 * 60_000);
      await shop.settled();
      assert.deepEqual([standins.meta.ids(), (await shop.health()).status], [[`adtarget_${conversionId}`], "ok"]);
    } finally {
      await shop.close();
      await standins.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("with AdTarget behind the edge send nothing from here, and say why", async () => {
    const { oauth, baseUrls } = platforms;
    const world = await startWorld({
      backend: "adtarget",
      vars: { OPERATOR_KEY, ...baseUrls, META_ACCESS_TOKEN: META.accessToken, GOOGLE_CREDENTIALS: JSON.stringify(oauth.serviceAccount), SITES: JSON.stringify([shopWith([ACCOUNTS.meta, ACCOUNTS.google])]) },
    });
    try {
      const headers = { authorization: `Bearer ${OPERATOR_KEY}`, "content-type": "application/json" };
      const { key } = done(await world.edge.request("/api/v1/keys", { method: "POST", body: { name: "test" }, headers }), 201);
      const answer = await world.edge.request("/api/v1/events/conversion", { method: "POST", body: LEAD, headers: { ...headers, authorization: `Bearer ${key}`, "idempotency-key": "order-1" } });
      assert.ok(answer.status < 300, answer.text);
      await world.edge.strike();
      await world.edge.drained();
      assert.deepEqual(await world.edge.rows("SELECT * FROM sends"), []);
      assert.deepEqual([platforms.meta.requests, platforms.google.requests, oauth.requests], [[], [], []]);
      const health = await world.edge.request("/healthz");
      assert.equal(health.status, 503);
      const { problems, sites } = health.json();
      assert.match(only(problems.filter(({ setting }) => setting === "BACKEND")).message, /AdTarget dispatches its events/);
      assert.deepEqual(only(sites).destinations, []);
    } finally {
      await world.close();
    }
  });
});
