// `npm run selftest`: one test event to each ad platform of the edge at EDGEWAY_URL, through the platform's own test door, and how
// well each could match people in the last 7 days. Ends with 1 where one does not take its event.

import { WHERE, call } from "./edge.mjs";
import { typed } from "./prerequisites.mjs";
import { records } from "./table.mjs";

const USAGE = `npm run selftest   sends one test event to each ad platform, by the platform's own test door, and says how well people were matched

${WHERE}`;

typed(USAGE, {}, { wordless: true });
const [{ destinations }, quality] = await Promise.all([call("POST", "selftest"), call("GET", "match-quality")]);
if (!destinations.length) {
  console.log("No ad platform is configured: META_PIXEL_ID, TIKTOK_PIXEL_ID, SNAPCHAT_PIXEL_ID, GOOGLE_ADS_ACCOUNT_ID, GA4_MEASUREMENT_ID, TELEGRAM_ADS_PIXEL_ID switch them on (docs/deliver.md).");
  process.exit(1);
}
const word = (value) => (value === null ? "–" : value ? "yes" : "NO");
records(destinations, {
  site: "websiteId", destination: "destination", reachable: ({ reachable }) => word(reachable), credentials: ({ credentials }) => word(credentials),
  accepted: ({ accepted }) => word(accepted), says: "message",
}, { longest: 90 });
if (quality.destinations.length) {
  console.log("\nMatch quality of the last 7 days");
  records(quality.destinations, {
    site: "websiteId", destination: "destination", sent: "sent", "keys each": "averageKeys",
    "seldom known": ({ keys }) => keys.filter(({ share }) => share < 0.5).map(({ key, share }) => `${key} ${Math.round(share * 100)} %`).join(", "),
  }, { longest: 90 });
}
// A platform without a test door was not asked.
process.exit(destinations.some(({ accepted }) => accepted === false) ? 1 : 0);
