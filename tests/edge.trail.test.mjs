// The whole way, as a new user goes it: from an ad to a page, from its link into a channel, and from there to a sale.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { BOT } from "./standins/botapi.mjs";
import { done } from "./harness/api.mjs";
import { CLUB, DOOR, NEWS, startChats } from "./harness/chats.mjs";
import { until } from "./harness/wait.mjs";
import { only } from "./harness/world.mjs";

const WEBSITE = "atid_shop";
const OPERATOR_KEY = "operator-of-the-tests-0123456789abcdef";
const STRIPE_SECRET = "whsec_stripes_own_7f3a";
const POOL = 8;
/** A channel a way of handing out links, and what a link of it does for the person who follows it. */
const CHANNELS = {
  personal: { slug: "news", channelId: "chan_news", invite: "https://t.me/+NewsFallback01", telegramId: NEWS.id, mode: "personal", poolSize: POOL },
  request: { slug: "club", channelId: "chan_club", invite: "https://t.me/+ClubFallback01", telegramId: CLUB.id, mode: "request", poolSize: POOL },
  bot: { slug: "door", channelId: "chan_door", invite: "https://t.me/+DoorFallback01", telegramId: DOOR.id, mode: "bot", poolSize: POOL },
};
const SITES = [{ websiteId: WEBSITE, domains: ["shop.test"], channels: Object.values(CHANNELS) }];
const WEBHOOKS = [{ source: "stripe", scheme: "stripe", secret: "STRIPE_SECRET", preset: "stripe-checkout", websiteId: WEBSITE }];

let people = 0;

/** Somebody whom an ad brings: what the ad's link carries, and who they are on the web and at Telegram. */
function somebody() {
  const nth = ++people;
  const ad = {
    fbclid: `Fb${nth}`, ttclid: `Tt${nth}`, gclid: `Go${nth}`, ScCid: `Sc${nth}`,
    utm_source: `source ${nth}`, utm_medium: "paid", utm_campaign: `campaign-${nth}`, utm_content: `ad ${nth}`, utm_term: `term ${nth}`,
  };
  return {
    ad,
    href: `https://www.shop.test/landing?${new URLSearchParams(ad)}`,
    fbp: `fb.1.179500000000${nth % 10}.${1_000_000 + nth}`,
    // At home it was another address than on the way: a click has its own.
    ip: { visit: `203.0.113.${nth}`, click: `198.51.100.${nth}` },
    userAgent: `Mozilla/5.0 (Linux; Android 15; Phone ${nth}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36`,
    telegramId: 7_100_000_000 + nth,
    jar: { _fbp: `fb.1.179500000000${nth % 10}.${1_000_000 + nth}` },
  };
}

describe("from an ad to a sale", () => {
  let telegram, botapi, edge, key;
  before(async () => {
    telegram = await startChats({ vars: { SITES: JSON.stringify(SITES), WEBHOOKS: JSON.stringify(WEBHOOKS), OPERATOR_KEY, STRIPE_SECRET } });
    ({ botapi, edge } = telegram);
    const pool = async () => edge.request("/healthz").then((answer) => only(answer.json().sites).channels.map((channel) => channel.pool?.ready));
    // A machine may stall for longer than a click waits for a link of its own.
    await edge.fail({ haste: 0.1 });
    // The cron trigger fills the pools of a new deployment.
    await edge.strike();
    await until(async () => (await pool()).every((ready) => ready === POOL), "full pools");
  });
  after(() => telegram.close());
  afterEach(() => telegram.reset());

  const call = (method, path, { body, bearer } = {}) =>
    edge.request(`/api/v1/${path}`, { method, body, headers: { authorization: `Bearer ${bearer ?? key}`, "content-type": "application/json" } });
  const newKey = async () => (key = done(await call("POST", "keys", { body: { name: "crm" }, bearer: OPERATOR_KEY }), 201).key);

  /** The page is opened: its script tells of the visit, and the browser keeps the cookies. */
  async function visit(who) {
    const cookie = () => Object.entries(who.jar).map((pair) => pair.join("=")).join("; ");
    const answer = await edge.request("/e/init", {
      method: "POST", ip: who.ip.visit, body: { websiteId: WEBSITE, href: who.href, eventId: randomUUID() },
      headers: { "content-type": "text/plain", origin: "https://www.shop.test", referer: "https://www.shop.test/", "user-agent": who.userAgent, cookie: cookie() },
    });
    const { tempId } = done(answer);
    for (const [name, { value }] of Object.entries(answer.cookies)) who.jar[name] = value;
    return Object.assign(who, { tempId, cookie: cookie() });
  }

  /** The channel's link is tapped: where it leads. */
  async function tap(who, mode) {
    const { status, location, text } = await edge.request(`/c/${CHANNELS[mode].slug}`, {
      ip: who.ip.click, headers: { referer: who.href, "user-agent": who.userAgent, cookie: who.cookie },
    });
    assert.equal(status, 302, text);
    return location;
  }

  /** What Telegram makes of the link, and tells the bot of. */
  const follow = {
    personal: async (who, link) => telegram.tell(botapi.join(link, who.telegramId)),
    async request(who, link) {
      await telegram.tell(botapi.requestToJoin(link, who.telegramId));
      const isLetIn = () => botapi.callsOf("approveChatJoinRequest").some(({ parameters }) => parameters.user_id === who.telegramId);
      await until(isLetIn, "the request approved");
      await telegram.tell(botapi.join(link, who.telegramId, { viaJoinRequest: true }));
    },
    async bot(who, link) {
      const url = new URL(link);
      assert.equal(url.pathname, `/${BOT.username}`);
      await telegram.tell(botapi.start(who.telegramId, url.searchParams.get("start")));
      const answer = await until(() => botapi.messages.find(({ chat }) => chat.id === who.telegramId), "the bot's answer");
      await telegram.tell(botapi.join(answer.reply_markup.inline_keyboard[0][0].url, who.telegramId));
    },
  };

  const lead = async (who) => done(await call("GET", `leads/${who.telegramId}`));
  /** Where a conversion comes from, by the ledger. */
  const attribution = async (conversionId) => only(await edge.rows("SELECT * FROM attributions WHERE conversion_id = ?", conversionId));

  /** Asserts that a conversion comes from that person's own visit and click, and gives the click's id. */
  async function assertOwn(conversionId, who) {
    const seen = await attribution(conversionId);
    const { ad } = who;
    assert.deepEqual(
      {
        temp_id: seen.temp_id, website_id: seen.website_id, href: seen.href, ip: seen.ip, user_agent: seen.user_agent,
        fbclid: seen.fbclid, ttclid: seen.ttclid, gclid: seen.gclid, sccid: seen.sccid, fbp: seen.fbp,
        utm: [seen.utm_source, seen.utm_medium, seen.utm_campaign, seen.utm_content, seen.utm_term],
        click_ip: seen.click_ip, click_user_agent: seen.click_user_agent,
      },
      {
        temp_id: who.tempId, website_id: WEBSITE, href: who.href, ip: who.ip.visit, user_agent: who.userAgent,
        fbclid: ad.fbclid, ttclid: ad.ttclid, gclid: ad.gclid, sccid: ad.ScCid, fbp: who.fbp,
        utm: [ad.utm_source, ad.utm_medium, ad.utm_campaign, ad.utm_content, ad.utm_term],
        click_ip: who.ip.click, click_user_agent: who.userAgent,
      },
    );
    assert.match(seen.fbc, new RegExp(`^fb\\.1\\.\\d{13}\\.${ad.fbclid}$`));
    const carried = JSON.parse(seen.click_attribution);
    assert.deepEqual(
      [carried.fbc, carried.fbp, carried.ttclid, carried.gclid, carried.sccid, carried.utmCampaign],
      [seen.fbc, who.fbp, ad.ttclid, ad.gclid, ad.ScCid, ad.utm_campaign],
    );
    return seen.click_id;
  }

  function checkout(who) {
    const body = JSON.stringify({
      id: `evt_${randomUUID()}`, object: "event", type: "checkout.session.completed", created: Math.floor(Date.now() / 1000),
      data: {
        object: {
          id: "cs_test_1", amount_total: 4990, currency: "eur", payment_status: "paid", client_reference_id: who.tempId, metadata: {},
          customer_details: { email: `person${who.telegramId}@example.com`, name: "Ada Lovelace" },
        },
      },
    });
    const at = Math.floor(Date.now() / 1000);
    const signature = createHmac("sha256", STRIPE_SECRET).update(`${at}.${body}`).digest("hex");
    return edge.request("/hooks/stripe", { method: "POST", body, headers: { "content-type": "application/json", "stripe-signature": `t=${at},v1=${signature}` } });
  }

  /** All of it for one person, each step's outcome checked. */
  async function wholeWay(who, mode) {
    const link = await tap(await visit(who), mode);
    assert.notEqual(link, CHANNELS[mode].invite, "a link of the click's own");
    await follow[mode](who, link);
    await edge.drained();

    const joined = only((await lead(who)).conversions);
    assert.deepEqual([joined.channelId, joined.eventType, joined.source], [CHANNELS[mode].channelId, "CompleteRegistration", "tracker"]);
    const click = await assertOwn(joined.conversionId, who);

    const sale = { eventType: "Purchase", value: 19.9, currency: "EUR", fbc: "fb.1.1700000000000.SomebodyElses", gclid: "SomebodyElses" };
    const bought = done(await call("POST", `leads/${who.telegramId}/events`, { body: sale }));
    assert.equal(bought.coldLead, false);
    assert.equal(await assertOwn(bought.conversionId, who), click);

    const paid = done(await checkout(who));
    assert.equal(paid.status, "converted", JSON.stringify(paid));
    assert.equal(await assertOwn(paid.conversionId, who), click);

    const { conversions } = await lead(who);
    const sums = conversions.map(({ source, eventType, eventValue, channelId }) => [source, eventType, eventValue, channelId]);
    const { channelId } = CHANNELS[mode];
    assert.deepEqual(sums.sort(), [
      ["api", "Purchase", 19.9, channelId], ["tracker", "CompleteRegistration", undefined, channelId], ["webhook", "Purchase", 49.9, channelId],
    ]);
    assert.deepEqual(new Set(conversions.map(({ conversionId }) => conversionId)), new Set([joined, bought, paid].map(({ conversionId }) => conversionId)));
    return click;
  }

  for (const mode of Object.keys(CHANNELS)) {
    it(`over a channel of mode ${mode}, everything is the ad's that brought the person`, async () => {
      await newKey();
      await wholeWay(somebody(), mode);
    });
  }

  it("of many at once, over all modes, nobody is taken for another", async () => {
    await newKey();
    const ways = ["personal", "request", "bot"].flatMap((mode) => Array.from({ length: POOL / 2 }, () => [somebody(), mode]));
    const clicks = await Promise.all(ways.map(([who, mode]) => wholeWay(who, mode)));
    assert.equal(new Set(clicks).size, ways.length);
    assert.equal((await telegram.conversions()).length, 3 * ways.length);
    assert.ok((await telegram.leads()).every(({ organic }) => organic === 0));
  });

  it("of two who share a network and a browser's make, each has their own", async () => {
    await newKey();
    const [one, other] = [somebody(), somebody()];
    Object.assign(other, { ip: one.ip, userAgent: one.userAgent });
    await Promise.all([visit(one), visit(other)]);
    const links = await Promise.all([tap(one, "personal"), tap(other, "personal")]);
    assert.notEqual(links[0], links[1]);
    // Who tapped last joins first.
    await follow.personal(other, links[1]);
    await follow.personal(one, links[0]);
    await edge.drained();
    for (const who of [one, other]) await assertOwn(only((await lead(who)).conversions).conversionId, who);
  });
});
