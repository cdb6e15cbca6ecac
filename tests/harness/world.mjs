// One small world: the advertiser's site, AdTarget, Telegram, and the edge between them, on either backend.
import { describe } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { startAdTarget, CHANNELS, WEBSITE } from "../standins/adtarget.mjs";
import { startSite } from "../standins/site.mjs";
import { startTelegram, TELEGRAM_HOSTS } from "../standins/telegram.mjs";
import { startEdge } from "./edge.mjs";
import { startNetwork } from "./network.mjs";

export { CHANNELS, WEBSITE };

/** Who keeps visits. Every suite that can runs for both. */
export const BACKENDS = ["ledger", "adtarget"];

/** The one element of a list. */
export function only(list) {
  assert.equal(list.length, 1, `expected one, got ${JSON.stringify(list)}`);
  return list[0];
}

/** Describes the same for both backends. */
export const forBothBackends = (what, suite) => BACKENDS.forEach((backend) => describe(`${what} (${backend})`, () => suite(backend)));

/** The fallback invite of each channel: where a click leads when nothing personal is to be had. */
export const FALLBACK = { main: "https://t.me/+MainFallback01", vip: "https://t.me/+VipFallback0001" };

/** A website of the same deployment that has no channel. */
export const BARE_WEBSITE = "atid_bare";

/** The SITES setting: a shop on two domains with two channels, and a site without a channel. */
export const SITES = [
  {
    websiteId: WEBSITE,
    domains: ["shop.test", "landing.test"],
    cookieDomain: "shop.test",
    channels: [
      { slug: "main", channelId: CHANNELS[0], invite: FALLBACK.main, links: ["shopchannel"] },
      { slug: "vip", channelId: CHANNELS[1], invite: FALLBACK.vip, links: ["shopvip"] },
    ],
  },
  { websiteId: BARE_WEBSITE, domains: ["bare.test"], channels: [] },
];

/** The website of the demo page, and where `npm start` serves it. */
export const DEMO_WEBSITE = "atid_demo";
export const DEMO = "http://localhost:8787";

/** The edge's own host, on the shop's domain. */
export const EDGE = "https://edge.shop.test";
/** A key that must never be seen again. */
export const API_KEY = "atk_live_a1b2c3d4_0123456789abcdef0123456789abcdef";

/**
 * Starts the world. `front` puts the edge before the site under https://shop.test; `demo` leaves the demo's settings, with the demo page
 * at http://localhost:8787; `browsers` starts the network that browsers go through; `vars` are settings of the worker over those a deployment would have.
 */
export async function startWorld({ backend = "ledger", front = false, demo = false, browsers = false, vars = {}, ...rest } = {}) {
  const [adtarget, site, telegram] = await Promise.all([
    startAdTarget({
      websites: {
        [WEBSITE]: { domains: ["shop.test", "landing.test"], channels: CHANNELS },
        [BARE_WEBSITE]: { domains: null, channels: [] },
        [DEMO_WEBSITE]: { domains: ["localhost"], channels: ["chan_demo"] },
      },
    }),
    startSite({ edge: EDGE }),
    startTelegram(),
  ]);
  const edge = await startEdge({
    origin: demo ? DEMO : EDGE,
    ...rest,
    vars: {
      BACKEND: backend,
      ADTARGET_BASE_URL: adtarget.url,
      TELEGRAM_ADS_BASE_URL: telegram.url,
      // A busy machine stalls for longer than a visitor should wait: what is about that wait has it as it is ("").
      ADTARGET_TIMEOUT_MS: "12000",
      ...(demo ? {} : { SITES: JSON.stringify(SITES), ADTARGET_API_KEY: API_KEY }),
      ...(front ? { SITE_ORIGIN: site.url } : {}),
      ...vars,
    },
  });
  const network =
    browsers &&
    (await startNetwork({
      "shop.test": edge.url,
      "edge.shop.test": edge.url,
      localhost: edge.url,
      "www.shop.test": site.url,
      "landing.test": site.url,
      ...Object.fromEntries(TELEGRAM_HOSTS.map((host) => [host, telegram.url])),
    }));

  const world = { backend, edge, adtarget, site, telegram, network };

  /** What has been kept, as the backend shows it once the queue is empty, in AdTarget's field names; `raw` is the backend's own form. */
  const kept = async (ofLedger, ofAdTarget) => {
    await edge.drained();
    return backend === "ledger" ? ofLedger() : ofAdTarget;
  };
  world.visits = () => kept(() => edge.rows("SELECT * FROM visits").then((rows) => rows.map(fromRow)), adtarget.visits);
  world.clicks = () => kept(() => edge.rows("SELECT * FROM clicks").then((rows) => rows.map(fromRow)), adtarget.clicks);
  /** Whether the worker's log holds a line with all of these. */
  world.logged = (...words) => edge.logs.some(({ message }) => words.every((word) => message.includes(word)));

  /** A visit told by the page, as the tracker does: text/plain, with ids of its own unless `body` has others. */
  world.init = (body = {}, { path = "/e/init", headers = {}, ...options } = {}) =>
    edge.request(path, {
      method: "POST",
      headers: { "content-type": "text/plain;charset=UTF-8", origin: "https://www.shop.test", referer: "https://www.shop.test/", "user-agent": BROWSER, ...headers },
      body: typeof body === "string" || Buffer.isBuffer(body) ? body : page(body),
      ip: "203.0.113.7",
      ...options,
    });
  /** A click on the invite by its query, as the tracker's links are. */
  world.invite = (query = {}, { path = "/e/invite", headers = {}, ...options } = {}) =>
    edge.request(`${path}?${new URLSearchParams({ websiteId: WEBSITE, tempId: randomUUID(), ...query })}`, {
      headers: { referer: "https://www.shop.test/", "user-agent": BROWSER, ...headers },
      ip: "203.0.113.7",
      ...options,
    });

  /** Forgets what happened so far. */
  world.reset = async () => {
    await edge.calm();
    await edge.drained();
    await edge.fail({ forget: true });
    adtarget.reset();
    site.reset();
    telegram.reset();
    network?.reset?.();
    edge.logs.length = 0;
    edge.deadLetters.length = 0;
    await edge.clear();
  };
  world.close = () => Promise.all([edge, adtarget, site, telegram, network].map((each) => each && each.close()));
  return world;
}

/** A browser's User-Agent. */
export const BROWSER = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";

/** The body of a visit; a field given as undefined is left out. */
export const page = (fields = {}) => ({ websiteId: WEBSITE, href: "https://www.shop.test/?fbclid=Click1", eventId: randomUUID(), ...fields });

/** A row of the ledger with camel-case names, nulls left out, and what a click carried beside the rest. */
function fromRow(row) {
  const named = Object.entries(row).filter(([, value]) => value !== null);
  const record = Object.fromEntries(named.map(([name, value]) => [name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), value]));
  return { ...JSON.parse(record.attribution ?? "{}"), ...record };
}
