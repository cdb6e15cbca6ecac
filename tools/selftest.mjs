// `npm run selftest`: one test event to each ad platform of the edge at EDGEWAY_URL, through the platform's own test door, and how
// well each could match people in the last 7 days. Ends with 1 where one does not take its event.

import { call } from "./edge.mjs";
import { typed } from "./prerequisites.mjs";

typed("npm run selftest", {}, { wordless: true });
const [{ destinations }, quality] = await Promise.all([call("POST", "selftest"), call("GET", "match-quality")]);
if (!destinations.length) {
  console.log("No ad platform is configured: META_PIXEL_ID, TIKTOK_PIXEL_ID, SNAPCHAT_PIXEL_ID, GOOGLE_ADS_ACCOUNT_ID, GA4_MEASUREMENT_ID, TELEGRAM_ADS_PIXEL_ID.");
  process.exit(1);
}
const word = (value) => (value === null ? "–" : value ? "yes" : "NO");
console.table(destinations.map(({ websiteId, destination, reachable, credentials, accepted, message = "" }) => ({
  site: websiteId, destination, reachable: word(reachable), credentials: word(credentials), accepted: word(accepted), says: message.slice(0, 90),
})));
if (quality.destinations.length) {
  console.log("Match quality of the last 7 days");
  console.table(quality.destinations.map(({ websiteId, destination, sent, averageKeys, keys }) => ({
    site: websiteId, destination, sent, "keys each": averageKeys,
    "seldom known": keys.filter(({ share }) => share < 0.5).map(({ key, share }) => `${key} ${Math.round(share * 100)} %`).join(", "),
  })));
}
// A platform without a test door was not asked.
process.exit(destinations.some(({ accepted }) => accepted === false) ? 1 : 0);
