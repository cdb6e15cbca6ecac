// Stand-ins of the ad platforms on loopback: each checks what it is sent as the platform would, answers as the platform documents, and misbehaves on
// demand; see `startPlatform` in platforms/server.mjs for what each of them shows and takes. `node tests/standins/platforms.mjs` runs them by themselves.
import { pathToFileURL } from "node:url";
import { ga4Platform } from "./platforms/ga4.mjs";
import { dataManagerPlatform, oauthPlatform } from "./platforms/google.mjs";
import { metaPlatform } from "./platforms/meta.mjs";
import { startPlatform } from "./platforms/server.mjs";
import { snapchatPlatform } from "./platforms/snapchat.mjs";
import { telegramAdsPlatform } from "./platforms/telegram-ads.mjs";
import { tiktokPlatform } from "./platforms/tiktok.mjs";

export { GA4 } from "./platforms/ga4.mjs";
export { GOOGLE, SCOPE } from "./platforms/google.mjs";
export { META } from "./platforms/meta.mjs";
export { SNAPCHAT } from "./platforms/snapchat.mjs";
export { TELEGRAM_ADS } from "./platforms/telegram-ads.mjs";
export { TIKTOK } from "./platforms/tiktok.mjs";

/**
 * Starts all of them: `meta`, `tiktok`, `snapchat`, `google` (Data Manager), `oauth` (Google's token endpoint), `ga4`, `telegram` (the pixel's door).
 * `options` may give each `{accounts}` other than the default one. `advance(ms)` puts all their clocks ahead, by `aheadMs` in all; `violations()` are those of all of them;
 * `behave()`, `reset()` and `close()` go to each; `baseUrls` are the settings that point a worker at them, to which `oauth.serviceAccount` belongs.
 */
export async function startPlatforms(options = {}) {
  const platforms = { aheadMs: 0 };
  const clock = () => Date.now() + platforms.aheadMs;
  const oauth = oauthPlatform();
  const described = [
    metaPlatform(options.meta), tiktokPlatform(options.tiktok), snapchatPlatform(options.snapchat), dataManagerPlatform({ ...options.google, tokens: oauth.tokens }),
    oauth, ga4Platform(options.ga4), telegramAdsPlatform(options.telegram),
  ];
  const started = await Promise.all(
    described.map((platform) =>
      startPlatform(platform, { clock, foreignSecrets: () => described.filter((each) => each !== platform).flatMap(({ secrets }) => secrets) }),
    ),
  );
  Object.assign(platforms, Object.fromEntries(started.map((state) => [state.name, state])));
  platforms.oauth.serviceAccount = oauth.serviceAccountAt(platforms.oauth.url);
  const { meta, tiktok, snapchat, google, ga4, telegram } = platforms;
  platforms.baseUrls = {
    META_BASE_URL: meta.url, TIKTOK_BASE_URL: tiktok.url, SNAPCHAT_BASE_URL: snapchat.url, GOOGLE_BASE_URL: google.url, GA4_BASE_URL: ga4.url,
    TELEGRAM_ADS_BASE_URL: telegram.url,
  };
  platforms.advance = (ms) => void (platforms.aheadMs += ms);
  platforms.violations = () => started.flatMap(({ name, violations }) => violations.map((what) => `${name}: ${what}`));
  platforms.behave = () => started.forEach((each) => each.behave());
  platforms.reset = () => started.forEach((each) => each.reset());
  platforms.close = () => Promise.all(started.map((each) => each.close()));
  return platforms;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const platforms = await startPlatforms();
  for (const [name, url] of Object.entries(platforms.baseUrls)) console.log(`${name}=${url}`);
  console.log(`The service account's JSON:\n${JSON.stringify(platforms.oauth.serviceAccount)}`);
}
