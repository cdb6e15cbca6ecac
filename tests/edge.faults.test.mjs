// What breaks in the middle, and callers who repeat what they were not told is done: as many conversions as there were causes.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OPERATOR_KEY, done } from "./harness/api.mjs";
import { CLUB, NEWS, startChats } from "./harness/chats.mjs";
import { numbers } from "./harness/numbers.mjs";
import { sleep, until } from "./harness/wait.mjs";
import { only } from "./harness/world.mjs";
import { startBotApi } from "./standins/botapi.mjs";

const WEBSITE = "atid_shop";
const STRIPE_SECRET = "whsec_stripes_own_7f3a";
const CRM_SECRET = "a-shared-secret";
const SITES = [
  {
    websiteId: WEBSITE,
    domains: ["shop.test"],
    channels: [
      { slug: "news", channelId: "chan_news", invite: "https://t.me/+NewsFallback01", telegramId: NEWS.id },
      { slug: "club", channelId: "chan_club", invite: "https://t.me/+ClubFallback01", telegramId: CLUB.id, mode: "request", poolSize: 1 },
    ],
  },
];
const WEBHOOKS = [
  { source: "stripe", scheme: "stripe", secret: "STRIPE_SECRET", preset: "stripe-checkout", websiteId: WEBSITE },
  {
    source: "crm", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, channelId: "chan_news", hmac: { signatureHeader: "X-Signature", encoding: "hex" },
    map: { telegramUserId: "/user", eventType: { const: "Subscribe" } },
  },
];

/** How long a call with an Idempotency-Key is believed to be running that was not answered, in ms. */
const CLAIM_MS = 60_000;
const now = () => Math.floor(Date.now() / 1000);
let people = 0;

function shuffle(list, random) {
  for (let at = list.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

/** Starts the chats with the API and webhooks open; the calls go to `shop.edge`, wherever that is now. */
async function startShop(options = {}) {
  const chats = await startChats({
    retries: 100, ...options,
    vars: { SITES: JSON.stringify(SITES), WEBHOOKS: JSON.stringify(WEBHOOKS), OPERATOR_KEY, STRIPE_SECRET, CRM_SECRET },
  });
  const shop = { ...chats, key: "" };
  const post = (where, body, headers) => shop.edge.request(where, { method: "POST", body, headers: { "content-type": "application/json", ...headers }, ip: "203.0.113.7" });
  shop.newKey = async () => (shop.key = done(await post("/api/v1/keys", { name: "crm" }, { authorization: `Bearer ${OPERATOR_KEY}` }), 201).key);
  shop.api = (where, body, idempotencyKey) =>
    post(`/api/v1/${where}`, body, { authorization: `Bearer ${shop.key}`, ...(idempotencyKey && { "idempotency-key": idempotencyKey }) });
  shop.visit = (who) => post("/e/init", { websiteId: WEBSITE, href: `https://www.shop.test/?fbclid=Fb${who.id}`, tempId: who.tempId, eventId: randomUUID() }, { origin: "https://www.shop.test" });
  shop.tap = (who) => shop.edge.request(`/e/invite?${new URLSearchParams({ websiteId: WEBSITE, tempId: who.tempId, eventId: who.click })}`, { ip: "203.0.113.7" });
  /** Stripe's webhook: the event stays, the time of its signature is that of each attempt. */
  shop.stripe = (event, at = now()) => {
    const body = JSON.stringify(event);
    return post("/hooks/stripe", body, { "stripe-signature": `t=${at},v1=${createHmac("sha256", STRIPE_SECRET).update(`${at}.${body}`).digest("hex")}` });
  };
  shop.crm = (event) => {
    const body = JSON.stringify(event);
    return post("/hooks/crm", body, { "x-signature": createHmac("sha256", CRM_SECRET).update(body).digest("hex") });
  };
  shop.counts = async () =>
    Object.fromEntries((await shop.edge.rows("SELECT source, count(*) AS n FROM conversions GROUP BY source ORDER BY source")).map(({ source, n }) => [source, n]));
  return shop;
}

/** Somebody with a click to be, and the link that the bot made for it. */
async function somebody(shop, chat = NEWS, more = {}) {
  const click = randomUUID();
  const id = 7_200_000_000 + ++people;
  return { id, tempId: randomUUID(), click, clickId: click.replaceAll("-", ""), link: await shop.link(click.replaceAll("-", ""), { chat, ...more }) };
}

const checkout = (who) => ({
  id: `evt_${randomUUID()}`, object: "event", type: "checkout.session.completed", created: now(),
  data: { object: { id: "cs_1", amount_total: 1990, currency: "eur", payment_status: "paid", client_reference_id: who.tempId, metadata: {}, customer_details: { email: `p${who.id}@example.com` } } },
});

/** Calls until it is taken, as callers do that are told 5xx, or that their first call is still running, or nothing. */
async function repeat(call) {
  for (let times = 1; ; times += 1) {
    const answer = await call().catch(() => ({ status: 0 }));
    if (answer.status >= 200 && answer.status < 300) return { ...answer, times };
    assert.ok([0, 429, 500, 503].includes(answer.status) && times < 1_000, `${answer.status} ${answer.text}`);
    await sleep(25);
  }
}

describe("outages while everything comes in", () => {
  let shop, edge;
  before(async () => ({ edge } = shop = await startShop()));
  after(() => shop.close());
  afterEach(() => shop.reset());

  const CALM = { d1: null, d1Answer: null, queue: null };
  const ledger = [{ d1: "fail" }, { d1Answer: { of: "" } }, { d1Answer: { of: "INSERT INTO" } }];

  for (const [what, faults] of Object.entries({ "the ledger is away": ledger.slice(0, 1), "the ledger's answers get lost": ledger.slice(1), "the ledger or the queue fails": [...ledger, { queue: "fail" }] })) {
    it(`${what}: each cause is one conversion, and nothing is lost`, async () => {
      const MANY = 40;
      await shop.newKey();
      const all = [];
      for (let each = 0; each < MANY; each += 1) all.push(await somebody(shop));
      let over = false;
      const outages = (async () => {
        for (let round = 0; round < 12; round += 1) {
          await edge.fail(faults[round % faults.length]);
          await sleep(120);
          await edge.fail(CALM);
          await sleep(180);
        }
        over = true;
        // Who was cut off with an Idempotency-Key may go on by now.
        await edge.advance(CLAIM_MS + 1_000);
      })();
      let again = 0;
      const told = async (call) => ((answer) => ((again += answer.times - 1), answer))(await repeat(call));
      await Promise.all(
        all.map(async (who, nth) => {
          await sleep(nth * 60);
          assert.equal((await shop.visit(who)).status, 200, "no visitor notices");
          assert.equal((await shop.tap(who)).status, 302, "no visitor notices");
          const update = shop.botapi.join(who.link, who.id);
          const [event, key] = [checkout(who), randomUUID()];
          const lead = { telegramUserId: who.id, channelId: "chan_news", eventType: "Lead" };
          await Promise.all([
            told(() => shop.post(update)),
            told(() => shop.api("events/conversion", lead, key)),
            told(() => shop.stripe(event)),
            told(() => shop.crm({ user: who.id, nth })),
          ]);
          if (nth % 3 === 0) await Promise.all([told(() => shop.post(update)), told(() => shop.api("events/conversion", lead, key)), told(() => shop.stripe(event))]);
        }),
      );
      await outages;
      assert.ok(over && again > 0, "some were refused and came again");
      await edge.drained();
      // Payments that overtook the join wait for it, a few a sweep.
      for (let sweep = 0; sweep < MANY / 8; sweep += 1) await edge.strike();
      assert.deepEqual(await shop.counts(), { api: MANY, tracker: MANY, webhook: 2 * MANY });
      assert.deepEqual([(await edge.rows("SELECT 1 FROM visits")).length, (await edge.rows("SELECT 1 FROM clicks")).length, (await shop.leads()).length], [MANY, MANY, MANY]);
      const events = await edge.rows("SELECT status, count(*) AS n FROM webhook_events GROUP BY status");
      assert.deepEqual(events, [{ status: "converted", n: 2 * MANY }]);
      assert.ok((await shop.members()).every(({ joins }) => joins === 1));
      const own = await edge.rows("SELECT telegram_user_id AS id, fbclid FROM attributions JOIN conversions USING (conversion_id) WHERE source = 'tracker'");
      for (const { id, fbclid } of own) assert.equal(fbclid, `Fb${id}`);
      assert.deepEqual(edge.deadLetters, []);
      assert.ok(!edge.logs.some(({ message }) => /"lost"|panicked/.test(message)));
    });
  }

  it("a call whose answer got lost is told that it is running, then that it is done, once", async () => {
    await shop.newKey();
    const tell = (key) => shop.api("events/conversion", { telegramUserId: 5, channelId: "chan_news", eventType: "Lead" }, key);
    for (const of of ["INSERT INTO idempotency", "INSERT INTO conversions", "UPDATE idempotency"]) {
      await edge.fail({ d1Answer: { of } });
      const first = await tell(of.replaceAll(" ", "-"));
      await edge.fail({ d1Answer: null });
      // Where the conversion stands, its caller is told so, though the answer could not be kept for the next time.
      assert.equal(first.status, of === "UPDATE idempotency" ? 200 : 500, of);
      await edge.advance(CLAIM_MS + 1_000);
      done(await tell(of.replaceAll(" ", "-")));
    }
    assert.deepEqual(await shop.counts(), { api: 3 });
  });
});

describe("the queue", () => {
  let shop, edge;
  before(async () => ({ edge } = shop = await startShop()));
  after(() => shop.close());

  const TABLES = ["visits", "visitors", "clicks"];
  const ledger = async () => Object.fromEntries(await Promise.all(TABLES.map(async (table) => [table, await edge.rows(`SELECT * FROM ${table} ORDER BY 1`)])));

  it("that hands messages out twice and in any order leaves the same rows", async () => {
    await edge.fail({ record: true });
    const all = [];
    for (let each = 0; each < 12; each += 1) all.push(await somebody(shop));
    for (const [nth, who] of all.entries()) {
      const send = (where, body) => edge.request(where, { method: "POST", body: { websiteId: WEBSITE, tempId: who.tempId, ...body }, headers: { origin: "https://www.shop.test" }, ip: "203.0.113.7" });
      const href = (value) => `https://www.shop.test/?gclid=G${value}&utm_source=s${value}`;
      await send("/e/init", { href: href(who.id), eventId: randomUUID(), ...(nth % 3 === 1 && { fbp: `fb.1.1795000000000.${nth}`, consent: "granted", own: { field: nth } }) });
      // A third come back, a third are known at once, a third get Meta's id late, and then another.
      if (nth % 3 === 0) await send("/e/init", { href: href(`${who.id}-2`), externalUserId: `u${nth}`, eventId: randomUUID() });
      for (const value of nth % 3 === 2 ? [nth, nth + 100] : []) {
        await sleep(2);
        await send("/e/update-fbp", { fbp: `fb.1.1795000000000.${value}` });
      }
      await shop.tap(who);
    }
    await edge.drained();
    const { recorded } = await edge.queue();
    await edge.fail({ record: false });
    const expected = await ledger();
    assert.deepEqual([expected.visits.length, expected.visitors.length, expected.clicks.length, recorded.length], [16, 12, 12, 36]);
    const handOut = async (messages) => {
      for (const message of messages) await edge.enqueue(message);
      await edge.drained();
    };
    for (let seed = 1; seed <= 5; seed += 1) {
      await edge.clear();
      // In several batches: within one, order is the ledger's own.
      const told = shuffle([...recorded], numbers(seed));
      for (let at = 0; at < told.length; at += 5) await handOut(told.slice(at, at + 5));
      assert.deepEqual(await ledger(), expected, `in another order, seed ${seed}`);
      await handOut(shuffle([...recorded, ...recorded], numbers(seed + 100)));
      assert.deepEqual(await ledger(), expected, `twice, seed ${seed}`);
    }
  });
});

describe("killed between the ledger's writing and the answer,", () => {
  let folder, botapi, shop;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "edgeway-faults-"));
    botapi = await startBotApi();
    shop = await startShop({ botapi, persist: folder });
    await shop.newKey();
  });
  afterEach(async () => {
    await shop.edge.close();
    await botapi.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What was asked when the power went, and how far it was. */
  const moments = {
    "an Idempotency-Key taken": { of: "INSERT INTO idempotency", standing: "SELECT 1 FROM idempotency", calls: ["keyed"], left: 0 },
    "the conversions written": { of: "INSERT INTO conversions", standing: "SELECT 1 FROM conversions", calls: ["keyed", "purchase", "stripe", "crm", "join"], left: 5 },
    "the answers to calls kept": { of: "UPDATE idempotency", standing: "SELECT 1 FROM idempotency WHERE status = 200", calls: ["keyed"], left: 1 },
    "the webhooks' events written": { of: "INSERT INTO webhook_events", standing: "SELECT 1 FROM webhook_events", calls: ["stripe", "crm"], left: 2 },
  };
  for (const [what, { of, standing, calls, left }] of Object.entries(moments)) {
    it(`with ${what}, it goes on where it was: callers repeat, and each cause is one row`, async () => {
      const EACH = 4;
      const all = [];
      for (let each = 0; each < EACH; each += 1) {
        const who = await somebody(shop);
        const buyer = await somebody(shop);
        await shop.visit(buyer);
        await shop.tap(buyer);
        await shop.tell(shop.botapi.join(buyer.link, buyer.id));
        const [event, update] = [checkout(buyer), shop.botapi.join(who.link, who.id)];
        const causes = {
          keyed: () => shop.api("events/conversion", { telegramUserId: who.id, channelId: "chan_news", eventType: "Lead" }, `keyed-${who.id}`),
          // With no key, a Purchase is known by what it is.
          purchase: () => shop.api("events/conversion", { telegramUserId: buyer.id + 1_000_000, channelId: "chan_news", eventType: "Purchase", value: 5, currency: "EUR" }),
          stripe: () => shop.stripe(event),
          crm: () => shop.crm({ user: who.id }),
          join: () => shop.post(update),
        };
        all.push(...calls.map((name) => causes[name]));
      }
      await shop.edge.drained();
      const before = (await shop.conversions()).length;
      const stood = (await shop.edge.rows(standing)).length;
      await shop.edge.fail({ d1Answer: { of, never: true } });
      const cut = all.map((call) => call().then((answer) => answer.status, () => "cut"));
      await until(async () => (await shop.edge.rows(standing)).length === stood + all.length, "all stand, none is answered");
      await shop.edge.kill();
      assert.deepEqual(new Set(await Promise.all(cut)), new Set(["cut"]));

      const { key } = shop;
      shop = Object.assign(await startShop({ botapi, persist: folder }), { key });
      assert.equal((await shop.conversions()).length - before, left * EACH, "what was written stands");
      await shop.edge.advance(CLAIM_MS + 1_000);
      const answers = await Promise.all([...all, ...all].map((call) => repeat(call)));
      const rows = await shop.conversions();
      assert.equal(rows.length - before, all.length);
      const told = answers.filter(({ text }) => text).map((answer) => answer.json().conversionId);
      assert.ok(told.every((id) => rows.some((row) => row.conversion_id === id)), "what callers were told of is there");
      const events = await shop.edge.rows("SELECT status FROM webhook_events");
      assert.equal(events.length, EACH * calls.filter((name) => ["stripe", "crm"].includes(name)).length);
      assert.ok(events.every(({ status }) => status === "converted"));
    });
  }
});

describe("Telegram in trouble while many ask to be let in", () => {
  let shop, edge, botapi;
  before(async () => ({ edge, botapi } = shop = await startShop()));
  after(() => shop.close());

  it("lets in each of them, and each is a conversion", async () => {
    const MANY = 60;
    const all = [];
    for (let each = 0; each < MANY; each += 1) all.push(await somebody(shop, CLUB, { creates_join_request: true }));
    const troubles = [{ status: 429, retryAfter: 3 }, { status: 500 }, { cut: "headers" }, { status: 502 }, { cut: "arrival" }];
    for (const trouble of troubles) botapi.misbehave({ method: "approveChatJoinRequest", times: MANY / 5, ...trouble });
    const requests = all.map(({ link, id }) => botapi.requestToJoin(link, id));
    const answers = await Promise.all([...requests, ...requests].map((request) => shop.post(request)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), "Telegram need not repeat them");
    await until(() => botapi.chats.get(CLUB.id).requests.size === 0, "all are let in", 30_000);
    await edge.drained();
    assert.deepEqual(edge.deadLetters, []);
    assert.ok((await edge.queue()).delays.some((delay) => delay >= 3), "who asked for time was given it");
    await shop.tell(...all.map(({ link, id }) => botapi.join(link, id, { viaJoinRequest: true })));
    assert.deepEqual((await shop.conversions()).map(({ click_id }) => click_id).sort(), all.map(({ clickId }) => clickId).sort());
  });
});

describe("clocks that differ", () => {
  let shop, edge;
  before(async () => ({ edge } = shop = await startShop()));
  after(() => shop.close());
  beforeEach(async () => {
    await shop.reset();
    await shop.newKey();
  });

  for (const [what, skew] of Object.entries({ "an hour ahead": 3_600, "an hour behind": -3_600 })) {
    it(`Telegram's is ${what}: a join has its click and visit, and what follows is warm`, async () => {
      const who = await somebody(shop);
      await shop.visit(who);
      await shop.tap(who);
      const [join, leave] = [shop.botapi.join(who.link, who.id), shop.botapi.leave(who.id)];
      join.chat_member.date += skew;
      leave.chat_member.date += skew + 1;
      await shop.tell(leave, join);
      await edge.drained();
      const { conversion_id, event_ms } = only(await shop.conversions());
      assert.equal(event_ms, join.chat_member.date * 1_000);
      assert.equal(only(await edge.rows("SELECT fbclid FROM attributions WHERE conversion_id = ?", conversion_id)).fbclid, `Fb${who.id}`);
      assert.equal(only(await shop.members()).status, "left");
      const bought = done(await shop.api(`leads/${who.id}/events`, { eventType: "Purchase", value: 5, currency: "EUR" }));
      assert.equal(bought.coldLead, false);
      assert.equal(done(await shop.stripe(checkout(who))).status, "converted");
      assert.deepEqual(new Set((await shop.conversions()).map(({ click_id }) => click_id)), new Set([who.clickId]));
      const lead = done(await shop.edge.request(`/api/v1/leads/${who.id}`, { headers: { authorization: `Bearer ${shop.key}` } }));
      assert.ok(lead.firstSeenAt <= lead.lastSeenAt);
      assert.equal(lead.conversions.length, 3);
      assert.ok(lead.conversions.every(({ attributedAt }) => Math.abs(attributedAt - Date.now()) < 600_000), "told when Edgeway was told");
    });
  }

  it("a caller's is ahead: its events are kept, and one Purchase told by two clocks is one", async () => {
    const tell = (eventTime) => shop.api("events/conversion", { telegramUserId: 5, channelId: "chan_news", eventType: "Purchase", value: 5, currency: "EUR", eventTime });
    const ahead = done(await tell(Date.now() + 3_600_000));
    assert.match(ahead.warning, /in the future/);
    assert.equal(done(await tell(Date.now())).conversionId, ahead.conversionId);
    assert.equal(done(await tell(8_640_000_000_000_000)).conversionId, ahead.conversionId);
    only(await shop.conversions());
    const beyond = await tell(8_640_000_000_000_001);
    assert.equal(beyond.status, 400);
    assert.match(beyond.json().error.message, /^eventTime/);
    assert.deepEqual(await shop.counts(), { api: 1 });
  });

  it("a webhook's is believed to five minutes either way, and not a second more", async () => {
    const BORDER = 300;
    // Time goes on between here and there: ahead it only comes nearer, behind it only goes farther.
    const signedAt = async (skew) => (await shop.stripe(checkout({ id: 5, tempId: randomUUID() }), now() + skew)).status;
    assert.equal(await signedAt(BORDER), 200);
    assert.equal(await signedAt(-BORDER - 1), 401);
    assert.equal(await signedAt(BORDER + 60), 401);
    assert.equal(await signedAt(-BORDER + 60), 200);
  });

  it("Edgeway's own jumps ahead between two attempts: the call is still the same", async () => {
    const tell = () => shop.api("events/conversion", { telegramUserId: 5, channelId: "chan_news", eventType: "Lead" }, "order-1");
    await edge.fail({ d1Answer: { of: "INSERT INTO conversions" } });
    assert.equal((await tell()).status, 500);
    await edge.fail({ d1Answer: null });
    await edge.advance(20 * 3_600_000);
    const first = done(await tell());
    assert.equal(done(await tell()).conversionId, first.conversionId);
    only(await shop.conversions());
  });
});
