// The edge with an account at every ad platform, and the platforms' stand-ins behind it.
import { OPERATOR_KEY, done } from "./api.mjs";
import { until } from "./wait.mjs";
import { CHANNELS, FALLBACK, WEBSITE, startWorld } from "./world.mjs";
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

/** The secrets of those accounts. */
export const secrets = (platforms) => ({
  META_ACCESS_TOKEN: META.accessToken, TIKTOK_ACCESS_TOKEN: TIKTOK.accessToken, SNAPCHAT_ACCESS_TOKEN: SNAPCHAT.accessToken, GA4_API_SECRET: GA4.apiSecret,
  GOOGLE_CREDENTIALS: JSON.stringify(platforms.oauth.serviceAccount),
});

/**
 * Starts the world with the platforms. `accounts` are those of the shop (all unless given), `sites` further sites. What the platforms were sent is in
 * `deliveries.platforms`; `deliveries.convert(fields)` tells of a conversion by the keyed API.
 */
export async function startDeliveries({ accounts = Object.values(ACCOUNTS), sites = [], vars = {}, ...rest } = {}) {
  const platforms = await startPlatforms();
  const shop = {
    websiteId: WEBSITE, domains: ["shop.test"], platforms: accounts,
    channels: [
      { slug: "main", channelId: CHANNELS[0], invite: FALLBACK.main, telegramId: "-1001234567890" },
      { slug: "vip", channelId: CHANNELS[1], invite: FALLBACK.vip, purchaseValue: "manual" },
    ],
  };
  const world = await startWorld({ ...rest, vars: { OPERATOR_KEY, SITES: JSON.stringify([shop, ...sites]), ...platforms.baseUrls, ...secrets(platforms), ...vars } });
  const { edge } = world;
  const deliveries = { world, edge, platforms, key: "" };
  const call = (method, path, body, key = deliveries.key, headers = {}) =>
    edge.request(`/api/v1/${path}`, { method, body, headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }), ...headers } });
  deliveries.call = call;
  deliveries.get = async (path) => done(await call("GET", path));
  deliveries.post = (path, body, headers) => call("POST", path, body, undefined, headers);
  deliveries.convert = async (fields = {}, headers) => done(await deliveries.post("events/conversion", { ...LEAD, ...fields }, headers));
  /** The rows of the outbox, the oldest first. */
  deliveries.sends = () => edge.rows("SELECT * FROM sends ORDER BY rowid");
  /** Resolves when nothing is pending any more. */
  deliveries.settled = (ms = 20_000) =>
    until(async () => !(await edge.rows("SELECT 1 FROM sends WHERE state = 'pending' LIMIT 1")).length, "all sends settled", ms);
  deliveries.reset = async () => {
    await world.reset();
    platforms.reset();
    deliveries.key = done(await call("POST", "keys", { name: "test" }, OPERATOR_KEY), 201).key;
  };
  deliveries.close = () => Promise.all([world.close(), platforms.close()]);
  return deliveries;
}

/** A conversion with something for every platform. */
export const LEAD = {
  telegramUserId: 7_000_000_001, channelId: CHANNELS[0], eventType: "Purchase", value: 19.9, currency: "EUR",
  pii: { email: "Jo@Example.com", phone: "+1 (616) 954-78 88", firstName: "Jo", lastName: "Doe" },
  fbc: "fb.1.1795231938971.FbClick", fbp: "fb.1.1795231938971.1234567890", gclid: "GClick", ttclid: "TtClick", sccid: "ScClick",
  clientIp: "203.0.113.7", userAgent: "Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36", eventSourceUrl: "https://shop.test/",
};
