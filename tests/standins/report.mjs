// What report, feed and trail answer, in the form the API documents: a small shop's month.
import { CHANNELS, WEBSITE } from "./adtarget.mjs";

const DAY_MS = 86_400_000;
export const CONVERSION = "0123456789abcdef0123456789abcdef";
export const USER = 7_000_000_001;
const CLICK = "89abcdef0123456789abcdef01234567";

const round = (value) => Math.round(value * 100) / 100;
/** A row in which all else follows from visits. */
const grown = (key, visits) => {
  const joins = Math.round(visits * 0.2355);
  return row(key, key, visits * 30, Math.round(visits * 1.2), round(visits * 0.3), visits, Math.round(visits * 0.3884), joins, Math.round(joins * 0.103), Math.round(joins * 0.062), 49);
};
function row(key, label, impressions, adClicks, spend, visits, inviteClicks, joins, leaves, purchases, each) {
  const revenue = purchases * each;
  return {
    key, label, impressions, adClicks, spend, visits, inviteClicks, joins, leaves, purchases, revenue,
    costPerJoin: spend && joins ? round(spend / joins) : null, roas: spend ? round(revenue / spend) : null,
  };
}

const ROWS = {
  ad: [
    row("tg_101", "Seven lines, before breakfast", 120_000, 4_800, 1_180.4, 4_020, 1_610, 990, 99, 60, 49), row("tg_102", "What moved overnight", 98_000, 3_900, 1_002.9, 3_310, 1_240, 702, 83, 41, 49),
    row("meta_23851", "Carousel, morning coffee", 105_620, 4_245, 1_052.5, 3_404, 1_310, 820, 82, 45, 49), row("meta_23852", "Video 15 s", 41_000, 1_640, 410, 1_420, 560, 350, 31, 31, 49), row("", "", null, null, null, 300, 90, 41, 4, 2, 49),
  ],
  campaign: [
    row("c1", "autumn-launch", 218_000, 8_700, 2_183.3, 7_330, 2_850, 1_692, 182, 101, 49), row("c2", "=retarget, warm", 41_000, 1_640, 410, 1_420, 560, 350, 31, 31, 49), row("", "", null, null, null, 300, 90, 41, 4, 2, 49),
  ],
  source: [row("telegram", "telegram", 218_000, 8_700, 2_183.3, 7_330, 2_850, 1_692, 182, 101, 49), row("fb", "fb", 146_620, 5_885, 1_462.5, 4_524, 1_780, 1_129, 109, 74, 49), row("", "", null, null, null, 300, 90, 41, 4, 2, 49)],
  channel: [row(CHANNELS[0], "main", null, null, null, 9_000, 3_600, 2_200, 230, 130, 49), row(CHANNELS[1], "vip", null, null, null, 3_154, 1_120, 662, 65, 47, 49)],
};

/** `GET report` of a time that ends with today: the season's numbers, whatever it is parted by. */
export function report({ from, to, by }) {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  const day = (index) => new Date(Date.parse(from) + index * DAY_MS).toISOString().slice(0, 10);
  const rows = by === "day"
    ? Array.from({ length: days }, (_, index) => grown(day(index), index === days - 1 ? 412 : Math.round(300 + 140 * Math.sin(index * 0.9) + ((index * 37) % 90))))
    : ROWS[by];
  return { from: Date.parse(from), to: Date.parse(to), by, currency: "EUR", rates: { EUR: 1, USD: 0.92 }, rows, total: row("total", "", 364_620, 14_585, 3_645.8, 12_154, 4_720, 2_862, 295, 177, 49), unconverted: { JPY: 1_200 } };
}

const [start] = [Date.now() - 120_000];
const item = (kind, ago, title, detail) => ({ kind, at: start - ago * 1_000, websiteId: WEBSITE, title, detail });
export const FEED = [
  item("visit", 2, "/landing", "telegram / autumn-launch, tgclid"), item("send", 11, "meta: sent", "Purchase, OK"), item("conversion", 12, "Purchase 49.00 EUR", "channel main"),
  item("leave", 40, "Left main", "user 7000000044"), item("join", 95, "Joined main", "user 7000000001, by an invite link"), item("click", 113, "Invite to main", CLICK), item("visit", 131, "/landing?utm_source=fb", "fb / morning-coffee, fbclid"),
];

const STEPS = [
  { kind: "visit", at: start - 200_000, websiteId: WEBSITE, tempId: "018f4a3e-7b21-4c55-9c1d-2a6f0e1b3c4d", url: "https://shop.test/landing?utm_source=fb", utmSource: "fb", utmCampaign: "morning-coffee", fbc: "fb.1.1795231938971.IwAR0_Ad-Click" },
  { kind: "click", at: start - 182_000, clickId: CLICK, channelId: CHANNELS[0], invite: "https://t.me/+a1b2c3d4" },
  { kind: "join", at: start - 95_000, telegramUserId: USER, channelId: CHANNELS[0], matchedBy: "invite link" },
  { kind: "conversion", at: start - 12_000, conversionId: CONVERSION, eventType: "Purchase", value: 49, currency: "EUR" },
  { kind: "send", at: start - 11_000, destination: "meta", state: "sent", code: "OK", requestId: "AbC", matchKeys: ["external_id", "fbc", "email"] },
];
export const TRAIL = (query) => ({ steps: query.conversionId === CONVERSION || query.telegramUserId === String(USER) ? STEPS : [] });
