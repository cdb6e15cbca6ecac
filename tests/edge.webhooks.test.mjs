// Signed webhooks, from outside: what a shop, a payment provider or a stranger sends, and what is a conversion after it.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import { never, until } from "./harness/wait.mjs";
import { API_KEY, BARE_WEBSITE, CHANNELS, WEBSITE, only, startWorld } from "./harness/world.mjs";

const KEY = { old: randomBytes(24), shop: randomBytes(24) };
const whsec = (key) => `whsec_${key.toString("base64")}`;
const STRIPE_SECRET = "whsec_stripes_own_7f3a";
const CRM_SECRET = "a shared secret".replaceAll(" ", "-");
const SECRETS = { SHOP_SECRET: `${whsec(KEY.old)} ${whsec(KEY.shop)}`, STRIPE_SECRET, CRM_SECRET };

const MAP = {
  reference: "/customer/ref", eventType: { const: "Purchase" }, value: "/total", currency: "/currency", email: "/customer/email", phone: "/customer/phone",
  firstName: "/customer/first_name", lastName: "/customer/last_name", city: "/customer/home/city", zip: "/customer/home/zip", country: "/customer/home/land", externalUserId: "/customer/id", contentName: "/product/name", eventTime: "/paid_at",
};
const WEBHOOKS = [
  { source: "shop", scheme: "standard", secret: "SHOP_SECRET", websiteId: WEBSITE, channelId: "vip", when: { "/type": ["order.paid"] }, map: MAP },
  { source: "stripe", scheme: "stripe", secret: "STRIPE_SECRET", preset: "stripe-checkout", websiteId: WEBSITE },
  { source: "intents", scheme: "stripe", secret: "STRIPE_SECRET", preset: "stripe-payment-intent", websiteId: WEBSITE },
  {
    source: "crm", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, channelId: "main",
    hmac: { signatureHeader: "X-Signature", timestampHeader: "X-Time", encoding: "hex", prefix: "v0=", signed: "v0:{timestamp}:{body}" },
    map: { telegramUserId: "/user", eventType: { at: "/event", table: { signup: "CompleteRegistration", trial: "Custom" } }, customEventName: { const: "Trial" } },
  },
  {
    source: "plain", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, hmac: { signatureHeader: "X-Hub-Signature-256", encoding: "base64" },
    map: { reference: "/user", eventType: { const: "Lead" }, channelId: "/channel" },
  },
];

const PERSON = { email: "Ada.Lovelace@Example.com", phone: "+49 151 12345678", first_name: "Ada", last_name: "Lovelace" };
const MINUTE = 60;
const now = () => Math.floor(Date.now() / 1000);
let lastUser = 7_000_000_000;
const someone = () => ++lastUser;

/** An order of the shop; paths of fields are those of `MAP`. */
const order = (customer = {}, fields = {}) => ({
  type: "order.paid", total: 19.9, currency: "EUR", product: { name: "Gold" }, paid_at: new Date().toISOString(), customer: { id: "c-1", ref: someone(), ...PERSON, home: { city: "New York", zip: "10001", land: "US" }, ...customer }, ...fields,
});

const bytes = (body) => (typeof body === "string" || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body)));
const mac = (key, encoding, ...parts) => parts.reduce((hmac, part) => hmac.update(part), createHmac("sha256", key)).digest(encoding);

/** Headers of each scheme for one body, as its senders write them. */
const sign = {
  shop: (body, { id = `msg_${randomUUID()}`, at = now(), key = KEY.shop } = {}) => ({
    "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${mac(key, "base64", `${id}.${at}.`, body)}`,
  }),
  stripe: (body, { at = now(), key = STRIPE_SECRET } = {}) => ({ "stripe-signature": `t=${at},v1=${mac(key, "hex", `${at}.`, body)},v0=none` }),
  crm: (body, { at = now(), key = CRM_SECRET } = {}) => ({ "x-time": String(at), "x-signature": `v0=${mac(key, "hex", `v0:${at}:`, body)}` }),
  plain: (body, { key = CRM_SECRET } = {}) => ({ "x-hub-signature-256": mac(key, "base64", body) }),
};
sign.intents = sign.stripe;

const session = (object = {}, fields = {}) => ({
  id: `evt_${randomBytes(12).toString("hex")}`, object: "event", type: "checkout.session.completed", created: now(),
  data: {
    object: {
      id: "cs_test_1", amount_total: 1990, currency: "eur", payment_status: "paid", client_reference_id: String(someone()), metadata: {},
      customer_details: { email: PERSON.email, phone: PERSON.phone, name: "Ada Lovelace", address: { line1: "Main St 1" } }, ...object,
    },
  },
  ...fields,
});
const intent = (object = {}) => ({
  id: `evt_${randomBytes(12).toString("hex")}`, object: "event", type: "payment_intent.succeeded", created: now(),
  data: { object: { id: "pi_1", amount: 2500, amount_received: 2500, currency: "usd", metadata: { telegram_user_id: String(someone()) }, receipt_email: PERSON.email, ...object } },
});

describe("signed webhooks", () => {
  let world;
  before(async () => (world = await startWorld({ vars: { WEBHOOKS: JSON.stringify(WEBHOOKS), ...SECRETS } })));
  after(() => world.close());
  afterEach(() => world.reset());

  const post = (source, body, headers, options) =>
    world.edge.request(`/hooks/${source}`, { method: "POST", body: bytes(body), headers: { "content-type": "application/json", ...headers }, ...options });
  const send = (source, body, options = {}) => post(source, body, sign[source](bytes(body), options));
  const conversions = () => world.edge.rows("SELECT * FROM conversions ORDER BY attributed_ms");
  const events = () => world.edge.rows("SELECT * FROM webhook_events ORDER BY at_ms");
  const nothingKept = async () => assert.deepEqual([await conversions(), await events()], [[], []]);
  const converted = (answer, repeated = false) => {
    assert.equal(answer.status, 200, answer.text);
    const { status, conversionId, repeated: told } = answer.json();
    assert.deepEqual({ status, told }, { status: "converted", told: repeated }, answer.text);
    assert.match(conversionId, /^[0-9a-f]{32}$/);
    return conversionId;
  };
  const failed = (answer, reason) => {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().status, "failed", answer.text);
    assert.match(answer.json().reason, reason);
  };
  const refused = (answer, message) => {
    assert.equal(answer.status, 401, answer.text);
    assert.equal(answer.json().error.code, "INVALID_SIGNATURE");
    assert.match(answer.json().error.message, message);
  };
  /** A click by a visitor, and what a join makes of it once it comes. */
  const click = async () => {
    const tempId = randomUUID();
    await world.invite({ tempId });
    await world.edge.drained();
    const { click_id } = only(await world.edge.rows("SELECT click_id FROM clicks WHERE temp_id = ?", tempId));
    const joined = (user, { website = WEBSITE, channel = CHANNELS[0], at = Date.now() } = {}) =>
      world.edge.d1
        .prepare(
          `INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person)
           VALUES (?, ?, ?, ?, 'CompleteRegistration', ?, ?, 'tracker', 1, 0, ?, '{}', '{}')`,
        )
        .bind(randomBytes(16).toString("hex"), website, channel, user, at, at, click_id)
        .run();
    return { tempId, joined };
  };
  const ofWebhooks = async () => (await conversions()).filter(({ source }) => source === "webhook");

  const GOOD = {
    shop: () => order(),
    stripe: () => session(),
    intents: () => intent(),
    crm: () => ({ event: "signup", user: someone() }),
    plain: () => ({ user: String(someone()), channel: "vip" }),
  };
  for (const source of Object.keys(GOOD)) {
    // Its sites have several channels: a lead's history says which.
    const body = () => GOOD[source]();
    const known = async (payload) => {
      const { reference } = { reference: payload.data?.object.metadata.telegram_user_id ?? payload.data?.object.client_reference_id };
      if (reference) await (await click()).joined(Number(reference));
    };

    it(`of ${source} become a conversion, once, however often they come`, async () => {
      const payload = body();
      await known(payload);
      const headers = sign[source](bytes(payload));
      const id = converted(await post(source, payload, headers));
      assert.equal(converted(await post(source, payload, headers), true), id);
      assert.equal(only(await ofWebhooks()).conversion_id, id);
      assert.equal(only(await events()).status, "converted");
    });

    it(`of ${source}, twenty at once, are one conversion`, async () => {
      const payload = body();
      await known(payload);
      const headers = sign[source](bytes(payload));
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(source, payload, headers)));
      const ids = new Set(answers.map((answer) => (assert.equal(answer.status, 200, answer.text), answer.json().conversionId)));
      assert.equal(ids.size, 1);
      assert.equal(only(await ofWebhooks()).conversion_id, [...ids][0]);
      only(await events());
    });

    it(`of ${source} that are forged leave nothing behind`, async () => {
      const payload = body();
      const good = sign[source](bytes(payload));
      const message = /^signature: /;
      refused(await post(source, payload, sign[source](bytes(payload), { key: "another key" })), message);
      refused(await post(source, `${JSON.stringify(payload)} `, good), message);
      refused(await post(source, payload, {}), message);
      for (const name of Object.keys(good)) {
        refused(await post(source, payload, { ...good, [name]: "" }), message);
        refused(await post(source, payload, { ...good, [name]: "\u00e4".repeat(10) }), message);
      }
      await nothingKept();
    });

    if (source === "plain") continue;
    it(`of ${source} that are old or early are told so`, async () => {
      const payload = body();
      await known(payload);
      refused(await send(source, payload, { at: now() - 6 * MINUTE }), /^timestamp: over 5 minutes ago/);
      refused(await send(source, payload, { at: now() + 6 * MINUTE }), /^timestamp: over 5 minutes from now/);
      assert.deepEqual([await ofWebhooks(), await events()], [[], []]);
      converted(await send(source, payload, { at: now() - 4 * MINUTE }));
      converted(await send(source, payload, { at: now() + 4 * MINUTE, id: "msg_2" }), source !== "shop");
    });
  }

  it("are kept as they are told", async () => {
    const payload = order({ ref: 4_242 }, { paid_at: "2026-01-02T03:04:05Z" });
    converted(await send("shop", payload));
    const { person, ...row } = only(await conversions());
    assert.deepEqual(
      [row.website_id, row.channel_id, row.telegram_user_id, row.event_type, row.value_minor, row.currency, row.content_name, row.external_user_id, row.event_ms, row.source],
      [WEBSITE, CHANNELS[1], 4_242, "Purchase", 1990, "EUR", "Gold", "c-1", Date.UTC(2026, 0, 2, 3, 4, 5), "webhook"],
    );
    assert.deepEqual(Object.keys(JSON.parse(person)).sort(), ["city", "country", "email", "emailGoogle", "externalId", "firstName", "firstNameGoogle", "lastName", "lastNameGoogle", "phone", "phoneE164", "zip"]);
  });

  describe("of a site whose channels are of several countries", () => {
    const ORDERS = { source: "orders", scheme: "hmac", secret: "CRM_SECRET", websiteId: WEBSITE, hmac: { signatureHeader: "X-Hub-Signature-256", encoding: "base64" }, map: { reference: "/user", eventType: { const: "Lead" }, phone: "/phone", email: "/email", channelId: "/channel" } };
    const CHANNEL_OF = { ES: CHANNELS[0], PL: CHANNELS[1] };
    let home;
    before(async () => {
      const channels = [{ slug: "main", channelId: CHANNELS[0], invite: "https://t.me/+Main0000001", country: "es" }, { slug: "vip", channelId: CHANNELS[1], invite: "https://t.me/+Vip00000001", country: "PL" }];
      home = world;
      world = await startWorld({ vars: { SITES: JSON.stringify([{ websiteId: WEBSITE, domains: ["shop.test"], channels }]), WEBHOOKS: JSON.stringify([ORDERS]), ...SECRETS } });
    });
    after(async () => {
      await world.close();
      world = home;
    });
    const tell = (payload) => post("orders", payload, sign.plain(bytes(payload)));
    const sha256 = (text) => createHash("sha256").update(text).digest("hex");
    const phones = async () => (await ofWebhooks()).map(({ person }) => JSON.parse(person)).map(({ phone, phoneE164 }) => [phone, phoneE164]);
    const hashes = (number) => [sha256(number), sha256(`+${number}`)];
    const EXPECTED = { ES: hashes("34612345678"), PL: hashes("48612345678") };

    for (const [country, channel] of Object.entries(CHANNEL_OF)) {
      it(`that name no channel have phone numbers of the country of the one that they count in: ${country}`, async () => {
        const { joined } = await click();
        const user = someone();
        await joined(user, { channel });
        converted(await tell({ user, phone: "612 34 56 78" }));
        assert.deepEqual(await phones(), [EXPECTED[country]]);
      });

      it(`that wait for their visitor do, too, and keep no number meanwhile: ${country}`, async () => {
        const { tempId, joined } = await click();
        failed(await tell({ user: tempId, phone: "612 34 56 78", email: PERSON.email }), /^no lead/);
        const kept = only(await events());
        assert.doesNotMatch(JSON.stringify(kept), /612|ada/i);
        await joined(someone(), { channel });
        await world.edge.strike();
        await until(async () => (await phones()).length, "it is tried again");
        assert.deepEqual(await phones(), [EXPECTED[country]]);
      });
    }

    it("have those of the channel that is named, and numbers with a code as they are", async () => {
      converted(await tell({ user: someone(), channel: "vip", phone: "612 34 56 78" }));
      const { joined } = await click();
      const user = someone();
      await joined(user);
      converted(await tell({ user, phone: "+48 512 345 678" }));
      assert.deepEqual(await phones(), [EXPECTED.PL, hashes("48512345678")]);
    });
  });

  it("of any content type and from any method but POST", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    converted(await post("shop", payload, { ...headers, "content-type": "application/x-www-form-urlencoded" }));
    assert.equal((await world.edge.request("/hooks/shop")).status, 405);
    assert.equal((await send("shop", payload)).status, 200);
    assert.equal((await post("nobody", payload, headers)).status, 404);
    assert.equal((await post("nobody", payload, headers)).json().error.code, "NOT_FOUND");
  });

  it("are believed by each secret while one takes over from another, and by no third", async () => {
    converted(await send("shop", order(), { key: KEY.old }));
    converted(await send("shop", order(), { key: KEY.shop }));
    refused(await send("shop", order(), { key: randomBytes(24) }), /^signature/);
    const payload = order();
    const [wrong, good] = [sign.shop(bytes(payload), { id: "m1", key: randomBytes(24) }), sign.shop(bytes(payload), { id: "m1" })];
    converted(await post("shop", payload, { ...good, "webhook-signature": `v1a,xyz ${wrong["webhook-signature"]} ${good["webhook-signature"]}` }));
  });

  it("are taken under Svix's own names of the standard's headers, too", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    const svix = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.replace("webhook-", "svix-"), value]));
    const id = converted(await post("shop", payload, svix));
    assert.equal(converted(await post("shop", payload, headers), true), id);
    refused(await post("shop", payload, { ...svix, "svix-id": "msg_other" }), /^signature: /);
  });

  it("with amounts that a program computed are what it meant", async () => {
    for (const total of [0.1 + 0.2, String(3 * 19.9)]) converted(await send("shop", order({}, { total })));
    assert.deepEqual((await conversions()).map((row) => row.value_minor).sort(), [30, 5970]);
  });

  it("with the same id and another signature time are the same event", async () => {
    const payload = session();
    await (await click()).joined(Number(payload.data.object.client_reference_id));
    const id = converted(await send("stripe", payload, { at: now() - 2 * MINUTE }));
    assert.equal(converted(await send("stripe", payload), true), id);
    only(await ofWebhooks());
  });

  it("count in whatever order they come", async () => {
    const user = someone();
    await (await click()).joined(user);
    const paid = (type, payment_status) => session({ client_reference_id: String(user), payment_status }, { type });
    converted(await send("stripe", paid("checkout.session.async_payment_succeeded", "paid")));
    const unpaid = await send("stripe", paid("checkout.session.completed", "unpaid"));
    assert.deepEqual(unpaid.json(), { status: "ignored", repeated: false });
    only(await ofWebhooks());
  });

  it("of another kind are ignored, and nothing of them is kept", async () => {
    const answer = await send("shop", order({}, { type: "order.created" }));
    assert.deepEqual(answer.json(), { status: "ignored", repeated: false });
    assert.deepEqual(await conversions(), []);
    const { status, payload, person, reason } = only(await events());
    assert.deepEqual([status, payload, person, reason], ["ignored", null, null, null]);
  });

  it("over 256 KB are refused unread", async () => {
    const answer = await send("shop", order({}, { note: "x".repeat(300 * 1024) }));
    assert.equal(answer.status, 413);
    assert.equal(answer.json().error.code, "PAYLOAD_TOO_LARGE");
    await nothingKept();
    converted(await send("shop", order({}, { note: "x".repeat(200 * 1024) })));
  });

  it("that the ledger could not take are lost in no way: the sender repeats them", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    await world.edge.fail({ d1: "fail" });
    const answer = await post("shop", payload, headers);
    assert.equal(answer.status, 500);
    assert.equal(answer.json().error.code, "INTERNAL_ERROR");
    assert.ok(!answer.text.includes("D1"));
    await world.edge.fail({ d1: null });
    await nothingKept();
    converted(await post("shop", payload, headers));
    only(await conversions());
  });

  it("whose conversion stands and whose event was cut off make nothing twice", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    const id = converted(await post("shop", payload, headers));
    await world.edge.d1.prepare("DELETE FROM webhook_events").run();
    assert.equal(converted(await post("shop", payload, headers)), id);
    only(await conversions());
    assert.equal(only(await events()).conversion_id, id);
  });

  it("that make no conversion are kept with the reason, and answered 200", async () => {
    const table = [
      ["not JSON", /^body: not JSON$/],
      [Buffer.from([0xff, 0xfe, 0x00]), /^body: not JSON$/],
      [order({ ref: "order-77" }), /^reference: neither/],
      [order({ ref: undefined }), /^reference: missing/],
      [order({}, { currency: "QQQ" }), /^currency: not a currency/],
      [order({}, { currency: undefined }), /^currency: missing/],
      [order({}, { total: -1 }), /^value: below zero/],
      [order({}, { total: 19.999 }), /^value: more decimals/],
      [order({}, { total: undefined }), /^value: required/],
      [order({}, { paid_at: "soon" }), /^eventTime: /],
      [order({}, { product: { name: "x".repeat(256) } }), /^contentName: over 255/],
    ];
    const withWhen = (body) => Buffer.isBuffer(body) || typeof body === "string";
    for (const [body, reason] of table) failed(await send("shop", body), reason);
    failed(await send("crm", { event: "unknown", user: 1 }), /^eventType: /);
    failed(await send("plain", { user: 5, channel: "nowhere" }), /no such channel/);
    failed(await send("plain", { user: someone() }), /channelId/);
    assert.deepEqual(await conversions(), []);
    const kept = await events();
    assert.equal(kept.length, table.length + 3);
    for (const { status, reason, payload } of kept) {
      assert.equal(status, "failed");
      assert.equal(payload === null, reason === "body: not JSON");
    }
    assert.ok(table.some(([body]) => withWhen(body)));
  });

  it("that failed may come again and be a conversion then", async () => {
    const user = someone();
    const payload = session({ client_reference_id: String(user) });
    failed(await send("stripe", payload), /channelId: the lead is new/);
    await (await click()).joined(user);
    converted(await send("stripe", payload), true);
    const { status, reason, payload: kept, person } = only(await events());
    assert.deepEqual([status, reason, kept, person], ["converted", null, null, null]);
  });

  it("that failed and come again happened when they came first, where they do not say when", async () => {
    const user = someone();
    failed(await send("plain", { user: String(user) }), /channelId/);
    const firstMs = Date.now() - 3_600_000;
    await world.edge.d1.prepare("UPDATE webhook_events SET at_ms = ?").bind(firstMs).run();
    await (await click()).joined(user);
    converted(await send("plain", { user: String(user) }), true);
    assert.equal(only(await ofWebhooks()).event_ms, firstMs);
  });

  it("of a visitor wait for the join, and belong to the last who joined, in that site", async () => {
    const { tempId, joined } = await click();
    const payload = order({ ref: tempId });
    failed(await send("shop", payload, { id: "m1" }), /^no lead for this tempId yet$/);
    await joined(900, { website: BARE_WEBSITE });
    failed(await send("shop", payload, { id: "m1" }), /^no lead for this tempId yet$/);
    await joined(901, { at: Date.now() - 9_000 });
    await joined(902);
    converted(await send("shop", payload, { id: "m1" }), true);
    const row = only(await ofWebhooks());
    assert.deepEqual([row.telegram_user_id, row.channel_id], [902, CHANNELS[1]], "the source's own channel");
    const viaStripe = session({ client_reference_id: "their own", metadata: { temp_id: tempId } });
    converted(await send("stripe", viaStripe));
    assert.deepEqual((await ofWebhooks()).map(({ channel_id }) => channel_id).sort(), [...CHANNELS].sort(), "where it joined");
  });

  it("of a visitor are converted once the visitor has joined, with all that was told, though their payload was redacted", async () => {
    const { tempId, joined } = await click();
    const told = order({ ref: tempId, id: "4915112345678" }, { total: "1234567.89" });
    failed(await send("shop", told, { id: "m1" }), /^no lead/);
    const old = await click();
    failed(await send("shop", order({ ref: old.tempId }), { id: "m0" }), /^no lead/);
    await world.edge.d1.prepare("UPDATE webhook_events SET at_ms = ? WHERE event_id = 'm0'").bind(Date.now() - 8 * 86_400_000).run();
    await world.edge.strike();
    assert.deepEqual(await ofWebhooks(), [], "nobody has joined");

    await old.joined(950);
    await joined(951);
    await world.edge.strike();
    await world.edge.strike();
    const late = only(await ofWebhooks());
    converted(await send("shop", { ...told, customer: { ...told.customer, ref: 952 } }, { id: "m2" }));
    const [direct] = (await ofWebhooks()).filter(({ telegram_user_id }) => telegram_user_id === 952);
    assert.equal(late.telegram_user_id, 951);
    for (const column of ["person", "value_minor", "currency", "content_name", "external_user_id", "event_ms", "channel_id", "event_type"]) {
      assert.equal(late[column], direct[column], column);
    }
    const statuses = Object.fromEntries((await events()).map(({ event_id, status }) => [event_id, status]));
    assert.deepEqual(statuses, { m0: "failed", m1: "converted", m2: "converted" }, "after seven days it is too late");
    assert.equal(converted(await send("shop", told, { id: "m1" }), true), late.conversion_id);
  });

  it("of a visitor are whose who joined, though the click is long forgotten", async () => {
    const { tempId, joined } = await click();
    await joined(960);
    await world.edge.rows("UPDATE clicks SET at_ms = 1");
    const waiting = await click();
    failed(await send("shop", order({ ref: waiting.tempId }), { id: "m1" }), /^no lead/);
    await waiting.joined(961);
    await world.edge.rows("UPDATE clicks SET at_ms = 1");
    const failing = (share) => world.edge.fail({ d1Chance: share ? { seed: 1, before: { share, of: "AND temp_id IS NOT NULL AND at_ms >=" }, after: {} } : null });
    // What is forgotten goes first.
    await failing(1);
    await world.edge.strike();
    await failing(0);
    assert.deepEqual(await world.edge.rows("SELECT * FROM clicks"), []);
    converted(await send("shop", order({ ref: tempId })));
    await world.edge.strike();
    assert.deepEqual((await ofWebhooks()).map((row) => row.telegram_user_id).sort(), [960, 961]);
  });

  it("of many visitors are converted in one stroke of the clock", async () => {
    const many = await Promise.all(Array.from({ length: 30 }, click));
    for (const { tempId } of many) failed(await send("shop", order({ ref: tempId })), /^no lead/);
    for (const [n, { joined }] of many.entries()) await joined(1_000 + n);
    await world.edge.strike();
    assert.equal((await ofWebhooks()).length, many.length);
  });

  it("leave no one's address, number or name in the clear, whatever becomes of them", async () => {
    const clear = { contact: PERSON.email, note: `write to ${PERSON.email}`, line: `tel ${PERSON.phone}`, raw: "4915112345678", url: "https://x.test/?m=Ada.Lovelace%40Example.com" };
    converted(await send("shop", order({ id: PERSON.email }, { product: { name: PERSON.email } })));
    failed(await send("shop", order({ ref: PERSON.email }, clear)), /^reference/);
    failed(await send("shop", order({ ref: PERSON.phone }, { deep: [[clear]], [PERSON.email]: clear })), /^reference/);
    failed(await send("shop", order({ ref: randomUUID() }, clear)), /^no lead/);
    failed(await send("shop", order({}, { currency: PERSON.email, paid_at: PERSON.phone, total: PERSON.phone })), /^currency/);
    failed(await send("stripe", session({ client_reference_id: "x" })), /^reference/);
    failed(await send("stripe", session({ client_reference_id: "x" }, { id: PERSON.email })), /^reference/);
    failed(await send("shop", `${JSON.stringify(clear)},`), /^body/);
    await send("shop", order({}, { type: "order.created", ...clear }));

    const tables = await world.edge.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'");
    const texts = [];
    for (const { name } of tables) texts.push(JSON.stringify(await world.edge.rows(`SELECT * FROM "${name}"`)));
    const all = texts.join("\n") + world.edge.logs.map(({ message }) => message).join("\n");
    assert.ok(all.includes("[removed]") && all.includes("order.paid"));
    for (const trace of [/ada\.?lovelace/i, /example\.com/i, /lovelace/i, /151.?12345678/, /Main St/]) assert.doesNotMatch(all, trace);
  });
});

describe("signed webhooks in front of AdTarget", () => {
  let world, adtarget;
  before(async () => {
    world = await startWorld({ backend: "adtarget", vars: { WEBHOOKS: JSON.stringify(WEBHOOKS), ...SECRETS } });
    adtarget = world.adtarget;
  });
  after(() => world.close());
  afterEach(() => world.reset());

  const post = (source, body, headers, options) => world.edge.request(`/hooks/${source}`, { method: "POST", body: bytes(body), headers, ...options });
  const send = (source, body, options = {}) => post(source, body, sign[source](bytes(body), options));
  const owed = () => world.edge.rows("SELECT * FROM owed_conversions");
  const events = () => world.edge.rows("SELECT * FROM webhook_events ORDER BY at_ms");
  const accepted = (answer, repeated = false) => {
    assert.equal(answer.status, 200, answer.text);
    const { status, conversionId, ...rest } = answer.json();
    assert.deepEqual([status, rest], ["converted", { repeated }], answer.text);
    return conversionId;
  };
  const failed = (answer, reason) => {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().status, "failed", answer.text);
    assert.match(answer.json().reason, reason);
  };
  /** All that D1 and the logs hold, which must name nobody. */
  const namesNobody = async () => {
    const kept = JSON.stringify([await owed(), await events(), world.edge.logs, await world.edge.rows("SELECT * FROM idempotency")]);
    for (const trace of [/ada\.?lovelace/i, /example\.com/i, /lovelace/i, /151.?12345678/, /new york/i]) assert.doesNotMatch(kept, trace);
  };

  it("are told to it as they come, with the person, once however often they come", async () => {
    const payload = order({ ref: 4_242 }, { paid_at: "2026-01-02T03:04:05Z" });
    const headers = sign.shop(bytes(payload));
    const id = accepted(await post("shop", payload, headers));
    const call = only(adtarget.calls);
    assert.deepEqual([call.method, call.pathname, call.headers.authorization, call.headers["idempotency-key"]], ["POST", "/api/v1/events/conversion", `Bearer ${API_KEY}`, id]);
    assert.deepEqual(JSON.parse(call.text), {
      telegramUserId: 4_242, siteId: WEBSITE, channelId: CHANNELS[1], eventType: "Purchase", value: 19.9, currency: "EUR", contentName: "Gold", externalUserId: "c-1",
      eventTime: Date.UTC(2026, 0, 2, 3, 4, 5), pii: { email: PERSON.email, phone: PERSON.phone, firstName: "Ada", lastName: "Lovelace" },
    });
    const { status, adtarget_id, body } = only(await owed());
    assert.deepEqual([status, adtarget_id, body], ["delivered", only(adtarget.conversions).conversionId, ""]);
    const event = only(await events());
    assert.deepEqual([event.status, event.conversion_id, event.payload, event.person], ["converted", id, null, null]);

    assert.equal(accepted(await post("shop", payload, headers), true), id);
    await world.edge.d1.prepare("DELETE FROM webhook_events").run();
    assert.equal(accepted(await post("shop", payload, headers)), id, "cut off before it was written down");
    only(adtarget.calls);
    await namesNobody();
    assert.deepEqual(adtarget.violations, []);
  });

  it("of each kind say what their payloads do", async () => {
    await send("stripe", session({ client_reference_id: "77" }));
    accepted(await send("crm", { event: "trial", user: 78 }));
    accepted(await send("plain", { user: "78", channel: CHANNELS[1] }));
    const told = adtarget.calls.map(({ text }) => JSON.parse(text));
    assert.deepEqual([told[0].telegramUserId, told[0].value, told[0].currency, told[0].pii.lastName, "channelId" in told[0]], [77, 19.9, "EUR", "Lovelace", false]);
    assert.deepEqual([told[1].eventType, told[1].customEventName, told[1].channelId, "pii" in told[1]], ["Custom", "Trial", CHANNELS[0], false]);
    assert.equal(told[2].channelId, CHANNELS[1]);
    assert.deepEqual((await send("shop", order({}, { type: "order.created" }))).json(), { status: "ignored", repeated: false });
    assert.equal(adtarget.calls.length, 3);
  });

  it("twenty at once, are one conversion", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("shop", payload, headers)));
    assert.equal(new Set(answers.map((answer) => (assert.equal(answer.json().status, "converted", answer.text), answer.json().conversionId))).size, 1);
    only(adtarget.calls);
    only(adtarget.conversions);
    only(await owed());
    assert.equal(only(await events()).status, "converted");
  });

  for (const [what, { kept, ...fault }] of Object.entries({
    "answers 503": { status: 503 },
    "answers 429": { status: 429, retryAfter: 1 },
    "wants another key": { status: 401 },
    "cuts the line on arrival": { cut: "arrival" },
    "cuts the line before its answer": { cut: "headers", kept: true },
    "answers HTML": { body: "<!doctype html>", kept: true },
  })) {
    it(`that come while AdTarget ${what} are kept, and told once`, async () => {
      adtarget.misbehave({ path: "events/conversion", times: 2, ...fault });
      const payload = order();
      const headers = sign.shop(bytes(payload));
      const id = accepted(await post("shop", payload, headers));
      assert.equal(accepted(await post("shop", payload, headers), true), id);
      await until(async () => only(await owed()).status === "delivered", "delivered");
      const conversion = only(adtarget.conversions);
      assert.deepEqual([conversion.value, conversion.telegramUserId], [19.9, payload.customer.ref]);
      assert.equal("pii" in conversion, Boolean(kept), "what is kept has no pii");
      assert.deepEqual([...new Set(adtarget.calls.map((call) => call.headers["idempotency-key"]))], [id]);
      const event = only(await events());
      assert.deepEqual([event.status, event.conversion_id, event.payload], ["converted", id, null]);
      await namesNobody();
    });
  }

  it("are found by the clock where the queue is away, too, and name nobody meanwhile", async () => {
    await world.edge.fail({ queue: "fail" });
    adtarget.misbehave({ path: "events/conversion", status: 500 });
    accepted(await send("shop", order()));
    assert.equal(only(await owed()).status, "owed");
    assert.match(only(await owed()).body, /"value":19.9/);
    await namesNobody();
    await world.edge.rows("UPDATE owed_conversions SET tried_ms = tried_ms - 900001");
    await world.edge.strike();
    await until(async () => only(await owed()).status === "delivered", "delivered");
    only(adtarget.conversions);
  });

  it("that the ledger could not take are not acknowledged, and told to nobody", async () => {
    const payload = order();
    const headers = sign.shop(bytes(payload));
    await world.edge.fail({ d1: "fail" });
    const answer = await post("shop", payload, headers);
    assert.deepEqual([answer.status, answer.json().error.code], [500, "INTERNAL_ERROR"]);
    await world.edge.fail({ d1: null });
    assert.deepEqual([adtarget.calls, await owed(), await events()], [[], [], []]);
    accepted(await post("shop", payload, headers));
    only(adtarget.conversions);
  });

  it("are delivered once though the ledger goes away while AdTarget takes them", async () => {
    adtarget.misbehave({ path: "events/conversion", delay: 500 });
    const sending = send("shop", order());
    await until(() => adtarget.calls.length, "AdTarget is asked");
    await world.edge.fail({ d1: "fail" });
    accepted(await sending);
    await world.edge.fail({ d1: null });
    await until(async () => only(await owed()).status === "delivered", "delivered");
    only(adtarget.conversions);
  });

  it("that AdTarget refuses fail with its reason, and may come again", async () => {
    const body = order({ ref: 4_243 });
    adtarget.websites[WEBSITE].channels = [CHANNELS[0]];
    try {
      failed(await send("shop", body, { id: "m1" }), /^AdTarget: 404 CHANNEL_NOT_FOUND$/);
      const event = only(await events());
      assert.deepEqual([event.status, event.reason], ["failed", "AdTarget: 404 CHANNEL_NOT_FOUND"]);
      assert.match(event.payload, /"ref":4243/);
      await namesNobody();
    } finally {
      adtarget.websites[WEBSITE].channels = CHANNELS;
    }
    accepted(await send("shop", body, { id: "m1" }), true);
    only(adtarget.conversions);
    assert.deepEqual([only(await owed()).status, only(await events()).status, only(await events()).payload], ["delivered", "converted", null]);
  });

  it("that AdTarget refuses once it is back fail then, with what it takes to replay them", async () => {
    adtarget.misbehave({ path: "events/conversion", status: 500 });
    accepted(await send("plain", { user: "79", channel: "nowhere" }));
    await until(async () => only(await events()).status === "failed", "refused");
    const { reason, payload } = only(await events());
    assert.deepEqual([reason, JSON.parse(payload)], ["AdTarget: 404 CHANNEL_NOT_FOUND", { user: "79", channel: "nowhere" }]);
    await namesNobody();
  });

  it("that AdTarget refused, and that come again, are not settled by its late answer to what was told before", async () => {
    const body = order({ ref: 4_244 });
    const state = async () => [only(await owed()).status, only(await events()).status];
    // The first attempt of the queue is answered late.
    adtarget.misbehave({ path: "events/conversion", status: 500 });
    adtarget.misbehave({ path: "events/conversion", delay: 4_000 });
    accepted(await send("shop", body, { id: "m1" }));
    await until(() => adtarget.calls.length === 2, "it is under way");
    const [, late] = adtarget.calls;
    // The clock takes it for cut off, and AdTarget refuses then.
    adtarget.misbehave({ path: "events/conversion", status: 404 });
    await world.edge.rows("UPDATE owed_conversions SET tried_ms = tried_ms - 900001");
    await world.edge.strike();
    await until(async () => (await state()).join() === "refused,failed", "refused");
    assert.equal(late.status, undefined, "not answered yet");
    adtarget.misbehave({ path: "events/conversion", status: 500, times: 1_000 });
    accepted(await send("shop", body, { id: "m1" }), true);
    assert.equal((await state())[0], "owed");
    await until(() => late.status === 200, "the late answer");
    await never(async () => (await state())[0] !== "owed", "settled by it", 1_000);
    adtarget.reset();
    await world.edge.rows("UPDATE owed_conversions SET tried_ms = tried_ms - 900001");
    await world.edge.strike();
    await until(async () => (await state()).join() === "delivered,converted", "delivered");
    only(adtarget.conversions);
  });

  it("of a visitor fail, with the reason, as do those that can't be mapped", async () => {
    failed(await send("shop", order({ ref: randomUUID() })), /^tempId: with BACKEND adtarget the leads are AdTarget's/);
    failed(await send("shop", order({}, { currency: "QQQ" })), /^currency: /);
    await world.edge.strike();
    assert.deepEqual([adtarget.calls, await owed()], [[], []]);
    assert.deepEqual((await events()).map(({ status, temp_id, person }) => [status, temp_id, person]), [["failed", null, null], ["failed", null, null]]);
    await namesNobody();
  });
});

describe("settings of webhooks", () => {
  it("that are wrong are named in /healthz, without their values, and the others stand", async () => {
    const webhooks = [WEBHOOKS[0], { ...WEBHOOKS[1], source: "lacking", secret: "NOT_SET" }, { ...WEBHOOKS[3], source: "odd", colour: "hidden" }];
    const world = await startWorld({ vars: { WEBHOOKS: JSON.stringify(webhooks), ...SECRETS } });
    try {
      const health = await world.edge.request("/healthz");
      assert.equal(health.status, 503);
      const named = health.json().problems.filter(({ setting }) => setting === "WEBHOOKS").map(({ message }) => message);
      assert.deepEqual(named, ["lacking: secret: the setting that it names is not set", "odd: colour: no such field"]);
      for (const secret of [...SECRETS.SHOP_SECRET.split(" "), STRIPE_SECRET, CRM_SECRET, "hidden"]) assert.ok(!health.text.includes(secret));
      const payload = bytes(order());
      const sent = (source) => world.edge.request(`/hooks/${source}`, { method: "POST", body: payload, headers: sign.shop(payload) });
      assert.equal((await sent("shop")).json().status, "converted");
      assert.equal((await sent("lacking")).status, 404);
    } finally {
      await world.close();
    }
  });
});
