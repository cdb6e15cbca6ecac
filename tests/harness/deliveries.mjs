// The edge with an account at every ad platform, and the platforms' stand-ins behind it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { OPERATOR_KEY, done } from "./api.mjs";
import { NEWS, startChats } from "./chats.mjs";
import { sleep, until } from "./wait.mjs";
import { BROWSER, CHANNELS, FALLBACK, WEBSITE } from "./world.mjs";
import { GA4, GOOGLE, META, SNAPCHAT, TELEGRAM_ADS, TIKTOK, startPlatforms } from "../standins/platforms.mjs";

/** The kinds of event that Telegram Ads and Google hear of, with their own ids. */
const EVERY = (id) => ({ Lead: id, Purchase: id, CompleteRegistration: id, Subscribe: id });

/** The accounts of a site as `platforms` of SITES has them; `test` with what a self-test needs. */
export const ACCOUNTS = {
  meta: { platform: "meta", pixelId: META.pixelId, testEventCode: "TEST1" },
  tiktok: { platform: "tiktok", pixelId: TIKTOK.pixelCode, testEventCode: "TEST2" },
  snapchat: { platform: "snapchat", pixelId: SNAPCHAT.pixelId },
  google: { platform: "google", accountId: GOOGLE.accountId, loginAccountId: GOOGLE.loginAccountId, conversionActions: EVERY(GOOGLE.conversionActionId) },
  ga4: { platform: "ga4", measurementId: GA4.measurementId },
  telegram: { platform: "telegram", pixelId: TELEGRAM_ADS.pixelId, events: EVERY(TELEGRAM_ADS.eventId) },
};
/** Their names. */
export const ALL = Object.keys(ACCOUNTS);

/** The secrets of those accounts. */
export const secrets = (platforms) => ({
  META_ACCESS_TOKEN: META.accessToken, TIKTOK_ACCESS_TOKEN: TIKTOK.accessToken, SNAPCHAT_ACCESS_TOKEN: SNAPCHAT.accessToken, GA4_API_SECRET: GA4.apiSecret,
  GOOGLE_CREDENTIALS: JSON.stringify(platforms.oauth.serviceAccount),
});

/** The SITES setting: a shop with those accounts, its first channel the bot's. */
export const shopWith = (accounts) => ({
  websiteId: WEBSITE, domains: ["shop.test"], platforms: accounts,
  channels: [
    { slug: "main", channelId: CHANNELS[0], invite: FALLBACK.main, telegramId: NEWS.id },
    { slug: "vip", channelId: CHANNELS[1], invite: FALLBACK.vip, purchaseValue: "manual", country: "es" },
  ],
});

/** A conversion with something for every platform but Telegram Ads. */
export const LEAD = {
  telegramUserId: 7_000_000_001, channelId: CHANNELS[0], eventType: "Purchase", value: 19.9, currency: "EUR",
  pii: { email: "Jo@Example.com", phone: "+1 (616) 954-78 88", firstName: "Jo", lastName: "Doe" },
  // Meta takes no click that is over 90 days old.
  fbc: `fb.1.${Date.now() - 3_600_000}.FbClick`, fbp: "fb.1.1795231938971.1234567890", gclid: "GClick", ttclid: "TtClick", sccid: "ScClick",
  clientIp: "203.0.113.7", userAgent: "Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36", eventSourceUrl: "https://shop.test/",
};

/** The address of a landing page that every platform's ad led to. */
export const LANDING = "https://www.shop.test/?fbclid=FbClick&ttclid=TtClick&gclid=GClick&ScCid=11111111-1111-4111-8111-111111111111&tgclid=TgClick";

/** The ids of people who come. */
let people = 7_300_000_000;

/**
 * Starts the chats with the platforms. `accounts` are those of the shop (all unless given), `sites` further sites; `standins` options of the platforms'
 * stand-ins, or `platforms` and `botapi` that run. What the platforms were sent is in `deliveries.platforms`.
 */
export async function startDeliveries({ accounts = Object.values(ACCOUNTS), sites = [], vars = {}, standins, platforms, ...rest } = {}) {
  const given = platforms;
  platforms ??= await startPlatforms(standins);
  const settings = { OPERATOR_KEY, SITES: JSON.stringify([shopWith(accounts), ...sites]), ...platforms.baseUrls, ...secrets(platforms) };
  const chats = await startChats({ ...rest, vars: { ...settings, ...vars } });
  const { edge, botapi } = chats;
  const deliveries = { chats, edge, platforms, botapi, key: "", ahead: 0, answers: [] };

  /** One call of the keyed API. */
  deliveries.call = async (method, path, body, { key = deliveries.key, headers } = {}) => {
    const answer = await edge.request(`/api/v1/${path}`, {
      method, body, headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }), ...headers },
    });
    deliveries.answers.push(answer.text);
    return answer;
  };
  deliveries.get = async (path) => done(await deliveries.call("GET", path));
  deliveries.post = (path, body, headers) => deliveries.call("POST", path, body, { headers });
  deliveries.operate = async (method, path, body, status) => done(await deliveries.call(method, path, body, { key: OPERATOR_KEY }), status);
  deliveries.health = async () => {
    const answer = await edge.request("/healthz");
    deliveries.answers.push(answer.text);
    return { httpStatus: answer.status, ...answer.json() };
  };

  /** Tells of a conversion by the keyed API: `LEAD` with other `fields`. */
  deliveries.convert = async (fields = {}, headers) => done(await deliveries.post("events/conversion", { ...LEAD, ...fields }, headers));
  /** Somebody comes from an ad, clicks and has a link of their own: `{id, tempId, click, link}`. `byServer`: the page's server tells the visit, and no more of them. */
  deliveries.visitor = async ({ href = LANDING, ...visit } = {}, { ip = "203.0.113.7", headers, byServer } = {}) => {
    const who = { id: ++people, tempId: randomUUID(), visit: randomUUID(), click: randomUUID() };
    const from = { origin: "https://www.shop.test", "user-agent": BROWSER, ...headers };
    const body = { websiteId: WEBSITE, href, tempId: who.tempId, eventId: who.visit, ...visit };
    const told = byServer ? deliveries.post("events/visit", body) : edge.request("/e/init", { method: "POST", headers: from, body: JSON.stringify(body), ip });
    assert.equal((await told).status, 200);
    const query = new URLSearchParams({ websiteId: WEBSITE, tempId: who.tempId, eventId: who.click, visit: who.visit });
    assert.equal((await edge.request(`/e/invite?${query}`, { headers: from, ip })).status, 302);
    who.link = await chats.link(who.click.replaceAll("-", ""));
    return who;
  };
  /** They join: the conversion's id. */
  deliveries.join = async (who) => {
    await chats.tell(botapi.join(who.link, who.id));
    const [{ conversion_id: id }] = await edge.rows("SELECT conversion_id FROM conversions WHERE telegram_user_id = ?", who.id);
    return id;
  };
  /** Both, for a conversion that goes to all six platforms. */
  deliveries.arrive = async (...visit) => {
    const who = await deliveries.visitor(...visit);
    await until(async () => (await edge.rows("SELECT 1 FROM clicks WHERE temp_id = ?", who.tempId)).length, "the click is written down");
    return deliveries.join(who);
  };
  /**
   * Copies of a conversion told before, with ids of their own and owed from now on, as a backlog would have them; `names` are the destinations, `as`
   * columns of the sends that are not a backlog's, as SQL.
   */
  deliveries.backlog = async (conversionId, count, names, as = {}) => {
    const ids = Array.from({ length: count }, () => randomUUID().replaceAll("-", ""));
    const copy = async (table, own) => {
      const columns = (await edge.rows(`SELECT name FROM pragma_table_info('${table}')`)).map(({ name }) => name);
      const values = columns.map((name) => own[name] ?? `original.${name}`).join(", ");
      return { sql: `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM ${table} AS original, json_each(?1) AS id`, columns };
    };
    const now = `${Date.now() + deliveries.ahead} + id.key / 100`;
    const conversions = await copy("conversions", { conversion_id: "id.value", telegram_user_id: "original.telegram_user_id + 1 + id.key" });
    const sends = await copy("sends", {
      conversion_id: "id.value", state: "'pending'", made_ms: now, owed_since_ms: now, due_ms: now, changed_ms: now, attempts: "0",
      ...Object.fromEntries(["claim", "batch_limit", "code", "words", "request_id", "match_keys"].map((name) => [name, "NULL"])), ...as,
    });
    await edge.d1.batch([
      edge.d1.prepare(`${conversions.sql} WHERE original.conversion_id = ?2`).bind(JSON.stringify(ids), conversionId),
      edge.d1.prepare(`${sends.sql} WHERE original.conversion_id = ?2 AND original.destination IN (SELECT value FROM json_each(?3))`).bind(JSON.stringify(ids), conversionId, JSON.stringify(names)),
    ]);
    return ids;
  };

  /** The sends of a conversion as the API lists them, by destination. */
  deliveries.sends = async (conversionId) =>
    Object.fromEntries((await deliveries.get(`sends?conversionId=${conversionId}`)).sends.map((send) => [send.destination, send]));
  /** The same, each as `state code`, once none of them (or of `names`) is new: all have been tried, or were settled without. */
  deliveries.tried = async (conversionId, names) => {
    const isTried = ({ state, attempts, destination }) => (names && !names.includes(destination)) || state !== "pending" || attempts > 0;
    return until(async () => {
      const sends = await deliveries.sends(conversionId);
      return Object.values(sends).length && Object.values(sends).every(isTried) && sends;
    }, "all were tried");
  };
  /** Says to the edge that something is due, as a message that comes late does. */
  deliveries.ring = (websiteId = WEBSITE) => edge.enqueue(JSON.stringify({ outbox: websiteId }));
  /** Puts all clocks ahead, as `edge.advance` does. */
  deliveries.advance = async (ms, how) => {
    deliveries.ahead += ms;
    platforms.advance(ms);
    botapi.advance(ms);
    await edge.advance(ms, how);
  };
  /** Lets time pass, by steps with what is due delivered, until nothing is pending. No step comes while a delivery is under way: its claim would run out. */
  deliveries.settled = async ({ step = 0, ms = 60_000 } = {}) => {
    const end = performance.now() + ms;
    for (;;) {
      const [{ pending }] = await edge.rows("SELECT count(*) AS pending FROM sends WHERE state = 'pending'");
      if (!pending) return;
      if (performance.now() > end) {
        const left = await edge.rows("SELECT destination, code, words, attempts, due_ms - ? AS due, batch_limit FROM sends WHERE state = 'pending' LIMIT 5", Date.now() + deliveries.ahead);
        assert.fail(`${pending} are pending after ${ms} ms: ${JSON.stringify(left)}`);
      }
      if (step) await deliveries.advance(step, { quietly: true });
      await deliveries.ring();
      await sleep(step ? 100 : 50);
    }
  };
  /** All that anybody could read of the platforms' secrets in rows, lines of the log and answers. */
  deliveries.leaks = async () => {
    const rows = await Promise.all(["sends", "circuits"].map((table) => edge.rows(`SELECT * FROM ${table}`)));
    const seen = JSON.stringify([rows, edge.logs, deliveries.answers]);
    const { private_key: key } = platforms.oauth.serviceAccount;
    const known = [META, TIKTOK, SNAPCHAT].map(({ accessToken }) => accessToken);
    return [...known, GA4.apiSecret, "ya29.", key.split("\n")[1]].filter((secret) => seen.includes(secret));
  };

  deliveries.newKey = async () => (deliveries.key = (await deliveries.operate("POST", "keys", { name: "test" }, 201)).key);
  deliveries.reset = async () => {
    // What waits for a destination rings again and again, as the queue of the tests knows no delay.
    await edge.d1.batch(["circuits", "sends"].map((table) => edge.d1.prepare(`DELETE FROM ${table}`)));
    await chats.reset();
    // The edge keeps its time, and the token it has for Google.
    for (const name of ALL) platforms[name].reset();
    platforms.oauth.behave();
    platforms.oauth.requests.length = 0;
    deliveries.answers.length = 0;
    await deliveries.newKey();
  };
  deliveries.close = () => Promise.all([chats.close(), given ?? platforms.close()]);
  return deliveries;
}
