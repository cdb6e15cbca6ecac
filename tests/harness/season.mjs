// A season, generated: visits and what came of them, written as the worker writes them; what AdStat says of its ads; and the report of it,
// worked out a second time without the worker's SQL.
import { readFileSync } from "node:fs";
import { OTHER_CHANNEL, OTHER_SITE } from "./api.mjs";
import { numbers } from "./numbers.mjs";
import { CHANNELS, WEBSITE } from "./world.mjs";
import { ACCOUNT, CAMPAIGN } from "../standins/adstat.mjs";
import { CHANNEL } from "../standins/botapi.mjs";

export const DAY = 86_400_000;
export const HOUR = 3_600_000;
/** The days of the season, the last of which is today. */
export const DAYS = 30;
const LEFT = DAY - (Date.now() % DAY);
/** How far all clocks stand ahead, in ms: where the day ends (UTC) before a test may, it happens on the next one. */
export const AHEAD = LEFT < HOUR / 2 ? LEFT + 60_000 : 0;
/** The time when the test began, by those clocks. */
export const NOW = Date.now() + AHEAD;
/** The day of it, counted from 1970-01-01, UTC. */
export const TODAY = Math.floor(NOW / DAY);
export const dateOf = (day) => new Date(day * DAY).toISOString().slice(0, 10);
export const COUNTS = ["impressions", "adClicks", "visits", "inviteClicks", "joins", "leaves", "purchases"];
/** REPORT_RATES as the second computation has them: GBP has none. */
export const REPORT_RATES = JSON.stringify({ USD: "0.92", JPY: "0.006123" });

/** Statements of the worker, one after the other where they are made of several. */
const sql = (...names) => names.map((name) => readFileSync(new URL(`../../worker/src/${name}.sql`, import.meta.url), "utf8")).join("\n");
const [VISITS, CLICKS, TRAFFIC] = [sql("ledger/standing", "ledger/visits"), sql("ledger/standing", "ledger/clicks"), sql("ledger/touched", "ledger/traffic")];
const ORIGINS = [sql("ledger/touched", "ledger/origins/members"), sql("ledger/touched", "ledger/origins/conversions")];
const [MEMBER, JOIN, UPDATE] = [sql("outcomes/joins/link", "outcomes/joins/members"), sql("outcomes/joins/link", "outcomes/joins/conversions"), sql("outcomes/joins/updates")];
const [CONVERSION, VALUE] = [sql("outcomes/conversion"), sql("api/value")];

const told = (edge, sql, parameter) => edge.d1.prepare(sql).bind(JSON.stringify(parameter));
/** What counts visits and clicks, before they are written and after. */
const counting = (edge, visits, clicks) => {
  const counted = { visits: visits.map(({ visitId, tempId, atMs }) => ({ visitId, tempId, atMs })), clicks: clicks.map((click) => click.clickId) };
  return [[told(edge, TRAFFIC, { ...counted, sign: -1 })], [told(edge, TRAFFIC, { ...counted, sign: 1 }), ...ORIGINS.map((sql) => told(edge, sql, counted))]];
};

/** Writes records as the queue's consumer does. */
const write = (edge, visits, clicks) => {
  const [before, after] = counting(edge, visits, clicks);
  return edge.d1.batch([...before, told(edge, VISITS, visits), told(edge, CLICKS, clicks), ...after]);
};

/** Writes visits that come for the first time: the same with less to read. */
const writeNew = (edge, visits) => {
  const [before, after] = counting(edge, visits, []);
  const written = told(
    edge,
    `INSERT INTO visits (visit_id, temp_id, at_ms, website_id, utm_source, utm_campaign, utm_content, tgclid, fbclid, gclid, landing_page, bot, client_session_id, captured_by, href, ip, user_agent, country, region, city, sourced, extra)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, 's', 'page', 'https://www.shop.test/', '', '', '', '', '', 1, '{}' FROM json_each(?1)`,
    visits.map(({ visitId, tempId, atMs, websiteId, attribution: told, client }) => [visitId, tempId, atMs, websiteId, told.utmSource, told.utmCampaign, told.utmContent, told.tgclid, told.fbclid, told.gclid, told.landingPage, +client.bot]),
  );
  return edge.d1.batch([...before, written, ...after]);
};

/** Telegram's updates of a person, in the order they happened. */
const updatesOf = ({ user, click, joinedMs, leftMs, backMs, websiteId, channelId }) => {
  const update = (part, changedMs, status, joined) => ({
    bot: "news_bot", updateId: user * 3 + part, toldMs: changedMs + 1, chatId: CHANNEL.id, telegramUserId: user, status, changedMs, joined, conversionId: `join${user}`,
    websiteId, channelId, eventType: "CompleteRegistration", link: joined && part === 0 ? { url: "https://t.me/+x…", name: click.clickId, click: click.clickId } : null, destinations: [],
  });
  return [update(0, joinedMs, "member", true), ...(leftMs ? [update(1, leftMs, "left", false)] : []), ...(backMs ? [update(2, backMs, "member", true)] : [])];
};
/** The statements of an update, as the ledger takes it. */
const moved = (edge, update) => (update.joined ? [MEMBER, JOIN, UPDATE] : [MEMBER, UPDATE]).map((sql) => told(edge, sql, update));

/** The statements of a purchase: one that awaits its value at first is told it later. */
const bought = (edge, { conversionId, user: telegramUserId, websiteId, channelId, atMs, minor, currency, isLate, overrides = {} }) => {
  const value = { valueMinor: minor, currency };
  const purchase = {
    conversionId, telegramUserId, websiteId, channelId, eventType: "Purchase", eventMs: atMs, toldMs: atMs + 1, purchaseWindowMs: DAY, source: "api", awaitsValue: isLate, overrides, person: {},
    ...(!isLate && value),
  };
  return [told(edge, CONVERSION, purchase), ...(isLate ? [told(edge, VALUE, { conversionId, telegramUserId, person: {}, ...value })] : [])];
};

/** AdStat's ads; the second's link bears the beginning of its order's id, the last one's words of its own. */
export const ADS = [
  { id: 501, title: "Spring", object: "https://www.shop.test/spring" },
  { id: 502, title: "=Summer, \"hot\"", object: "https://www.shop.test/summer?utm_content=order502abcd" },
  { id: 503, title: "Autumn: all that is left of the summer's stock, for members of the channel only", object: "https://www.shop.test/autumn" },
  { id: 504, title: "Winter", object: "https://www.shop.test/winter?utm_source=TgAds&utm_campaign=own&utm_content=cr1", source: "tgads" },
];
/** What brings visits: what the visit carries, and what the report is to make of it. */
const BRINGERS = [
  { share: 20, carries: { utmSource: "Telegram", utmCampaign: String(CAMPAIGN), utmContent: "501" }, source: "telegram", campaign: String(CAMPAIGN), ad: "501" },
  { share: 10, carries: { utmSource: "telegram", utmCampaign: "Spring", utmContent: "order502abcd" }, source: "telegram", campaign: String(CAMPAIGN), ad: "502" },
  { share: 5, carries: { tgclid: "T", landingPage: "https://www.shop.test/autumn/" }, source: "telegram", campaign: String(CAMPAIGN), ad: "503" },
  { share: 25, carries: { fbclid: "F", utmCampaign: "cats", utmContent: "blue" }, source: "meta", campaign: "cats", ad: "blue" },
  { share: 10, carries: { gclid: "G" }, source: "google", campaign: "", ad: "" },
  { share: 10, carries: { utmSource: "news", utmCampaign: "Spring" }, source: "news", campaign: String(CAMPAIGN), ad: "" },
  { share: 5, carries: { utmSource: "TgAds", utmCampaign: "own", utmContent: "cr1" }, source: "tgads", campaign: String(CAMPAIGN), ad: "504" },
  { share: 5, carries: { utmSource: "vk", utmContent: "cr1" }, source: "vk", campaign: "", ad: "cr1" },
  { share: 10, carries: {}, source: "", campaign: "", ad: "" },
].flatMap(({ share, ...each }) => Array.from({ length: share }, () => each));

/** `count` visits and what came of them, spread over the season up to `toMs`. */
export function season(count, { seed = 1, toMs = (TODAY + 0.7) * DAY } = {}) {
  const next = numbers(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const id = () => Array.from({ length: 4 }, () => Math.floor(next() * 2 ** 32).toString(16).padStart(8, "0")).join("");
  const uuid = () => id().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const made = { visits: [], clicks: [], members: [], purchases: [] };
  const fromMs = (TODAY - DAYS + 1) * DAY;
  for (let n = 0; n < count; n += 1) {
    const bringer = pick(BRINGERS);
    const atMs = fromMs + Math.floor((n / count) * (toMs - fromMs));
    const websiteId = n % 10 ? WEBSITE : OTHER_SITE;
    const visit = {
      visitId: uuid(), tempId: uuid(), clientSessionId: uuid(), atMs, websiteId, capturedBy: "page", href: "https://www.shop.test/", attribution: bringer.carries,
      client: { ip: "203.0.113.7", userAgent: "x", country: "DE", region: "", city: "", bot: n % 33 === 0 }, sourced: true, extra: {},
    };
    const origin = { websiteId, ...bringer };
    made.visits.push({ visit, ...origin });
    if (next() > 0.1 || visit.client.bot) continue;
    const channel = websiteId === WEBSITE ? pick(["main", "vip"]) : "other";
    const channelId = { main: CHANNELS[0], vip: CHANNELS[1], other: OTHER_CHANNEL }[channel];
    const click = {
      clickId: id(), atMs: atMs + 30_000, websiteId, tempId: visit.tempId, clientSessionId: visit.clientSessionId, channel, inviteLink: "https://t.me/+x", personal: 1, attribution: {},
      client: { ip: "203.0.113.7", userAgent: "x" }, ...(next() < 0.5 && { visitId: visit.visitId }),
    };
    made.clicks.push({ click, ...origin, channelId });
    if (channel !== "main" || next() > 0.6) continue;
    const joinedMs = click.atMs + 60_000;
    const left = next() < 0.2 && joinedMs + HOUR < toMs;
    const back = left && next() < 0.3 && joinedMs + 30 * HOUR < toMs;
    const user = 1_000_000 + n;
    made.members.push({ user, click, joinedMs, leftMs: left ? joinedMs + HOUR : null, backMs: back ? joinedMs + 30 * HOUR : null, ...origin, channelId });
    if (next() < 0.3 && joinedMs + 2 * HOUR < toMs) {
      made.purchases.push({ conversionId: id(), user, atMs: joinedMs + 2 * HOUR, minor: 1 + Math.floor(next() * 99_999), currency: pick(["EUR", "USD", "JPY", "GBP"]), isLate: next() < 0.2, ...origin, channelId });
    }
  }
  // Some buy of whom no more is known than what the caller tells.
  for (let n = 0; n < count / 500; n += 1) {
    const [field, source] = pick([["ttclid", "tiktok"], ["fbc", "meta"], ["gclid", "google"], ["clientIp", ""]]);
    made.purchases.push({
      conversionId: id(), user: 5_000_000 + n, atMs: fromMs + Math.floor(next() * (toMs - fromMs)), minor: 1 + Math.floor(next() * 99_999), currency: "EUR", isLate: false,
      websiteId: WEBSITE, overrides: { [field]: "x" }, source, campaign: "", ad: "", channelId: CHANNELS[1],
    });
  }
  return made;
}

/** Runs the statements of each of `list`, whole lists of them at once; workerd hangs up on a batch that takes 15 s on a busy machine. */
async function runAll(edge, list, statements) {
  const CHUNK = 50;
  for (let at = 0; at < list.length; at += CHUNK) await edge.d1.batch(list.slice(at, at + CHUNK).flatMap(statements));
}

/** Writes a season into the ledger. */
export async function fill(edge, made) {
  const CHUNK = 2_000;
  const clicks = made.clicks.map(({ click }) => click);
  // A tenth of the clicks overtakes its visits, and of the people an eighth their clicks; what these buy, too.
  await write(edge, [], clicks.filter((_, n) => n % 10 === 0));
  const early = ({ user }) => user % 8 === 0;
  await runAll(edge, made.members.filter(early), (member) => updatesOf(member).flatMap((update) => moved(edge, update)));
  await runAll(edge, made.purchases.filter(early), (purchase) => bought(edge, purchase));
  for (let at = 0; at < made.visits.length; at += CHUNK) {
    const chunk = made.visits.slice(at, at + CHUNK).map(({ visit }) => visit);
    await writeNew(edge, chunk);
    // Some are told again, and by another.
    if (at % (CHUNK * 10) === 0) await write(edge, [...chunk.slice(0, 500), ...chunk.slice(0, 5)], []);
  }
  for (let at = 0; at < clicks.length; at += CHUNK) await write(edge, [], clicks.slice(at, at + CHUNK));
  // Of some, all is told the wrong way round, and of some, twice.
  await runAll(edge, made.members.filter((member) => !early(member)), (member) => {
    const updates = updatesOf(member).flatMap((update) => [moved(edge, update)]);
    return [...(member.user % 5 ? updates : updates.reverse()), ...(member.user % 6 ? [] : updates)].flat();
  });
  await runAll(edge, made.purchases.filter((purchase) => !early(purchase)), (purchase) => [...bought(edge, purchase), ...(purchase.user % 6 ? [] : bought(edge, purchase))]);
  await edge.rows("INSERT INTO ad_orders (order_id, at_ms, who, action, request, sent_ms, outcome, ad_id) VALUES ('order502abcd-and-so-on', 1, 'operator', 'create', '{}', 1, 'done', 502)");
}

/** What AdStat counts: a row an hour and ad. */
export function advertised(seed = 7) {
  const next = numbers(seed);
  return Array.from({ length: DAYS * ADS.length * 2 }, (_, n) => ({
    at_ms: (TODAY - DAYS + 1 + Math.floor(n / (ADS.length * 2))) * DAY + (n % 2) * 7 * HOUR, account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "x", ad_id: ADS[Math.floor(n / 2) % ADS.length].id,
    impressions: Math.floor(next() * 5_000), clicks: Math.floor(next() * 100), goals: 0, spent: Math.floor(next() * 1e7) / 1e5,
  }));
}

/** The ads as AdStat lists them. */
export const listed = () => ADS.map((ad) => ({ ad_id: ad.id, title: ad.title, text: "", promote_url: ad.object, campaign_id: CAMPAIGN, campaign_name: "Spring", account_id: ACCOUNT, status: "active", created_ms: NOW }));

const MICROS = 1_000_000n;
const RATES = { EUR: 1_000_000n, USD: 920_000n, JPY: 6_123n };
const PLACES = { EUR: 10_000n, USD: 10_000n, GBP: 10_000n, JPY: MICROS };

/**
 * The report, worked out a second time: one thing after the other, in whole millionths. `rows` maps each key to its sums, in which what is
 * nothing is missing; `unconverted` each currency without a rate to its revenue.
 */
export function secondly(made, stats, { by, fromDay, toDay, websiteId }) {
  const rows = new Map();
  const money = new Map();
  const add = (key, field, more = 1n, currency) => {
    if (!rows.has(key)) rows.set(key, {});
    const row = rows.get(key);
    if (!currency) return (row[field] = (row[field] ?? 0n) + BigInt(more));
    const place = `${key}\n${field}\n${currency}`;
    money.set(place, (money.get(place) ?? 0n) + more);
  };
  const keyOf = (each, atMs) => ({ day: dateOf(Math.floor(atMs / DAY)), ad: each.ad, campaign: each.campaign, source: each.source, channel: each.channelId ?? "" })[by];
  const counts = (each, atMs) => atMs >= fromDay * DAY && atMs < toDay * DAY && (!websiteId || each.websiteId === websiteId);
  for (const { visit, ...each } of made.visits) if (!visit.client.bot && counts(each, visit.atMs)) add(keyOf(each, visit.atMs), "visits");
  for (const { click, ...each } of made.clicks) if (counts(each, click.atMs)) add(keyOf(each, click.atMs), "inviteClicks");
  for (const each of made.members) {
    if (counts(each, each.joinedMs)) add(keyOf(each, each.joinedMs), "joins");
    if (each.leftMs && !each.backMs && counts(each, each.leftMs)) add(keyOf(each, each.leftMs), "leaves");
  }
  for (const each of made.purchases) if (counts(each, each.atMs)) {
    add(keyOf(each, each.atMs), "purchases");
    add(keyOf(each, each.atMs), "revenue", BigInt(each.minor) * PLACES[each.currency], each.currency);
  }
  for (const stat of stats) {
    const each = { websiteId: WEBSITE, ad: String(stat.ad_id), campaign: String(CAMPAIGN), source: ADS.find(({ id }) => id === stat.ad_id).source ?? "telegram" };
    if (!counts(each, stat.at_ms)) continue;
    add(keyOf(each, stat.at_ms), "impressions", stat.impressions);
    add(keyOf(each, stat.at_ms), "adClicks", stat.clicks);
    add(keyOf(each, stat.at_ms), "spend", BigInt(Math.round(stat.spent * 1e6)), "EUR");
  }
  const unconverted = {};
  for (const [place, amount] of money) {
    const [key, field, currency] = place.split("\n");
    if (!RATES[currency]) {
      unconverted[currency] = (unconverted[currency] ?? 0n) + amount;
      continue;
    }
    rows.get(key)[field] = (rows.get(key)[field] ?? 0n) + (amount * RATES[currency] + MICROS / 2n) / MICROS;
  }
  return { rows, unconverted };
}

/** A report's amount in millionths. */
export const micros = (number) => BigInt(Math.round(number * 1e6));
