// How long D1 takes for the report, the feed and a trail over a large ledger: `node bench/report.mjs [visits]`, a million unless said, with a
// tenth as many clicks and half of those joins. Prints what D1 itself says, in ms: the median of five.
import { readFileSync } from "node:fs";
import { startEdge } from "../tests/harness/edge.mjs";

const visits = Number(process.argv[2] ?? 1_000_000);
const DAY = 86_400_000;
const DAYS = 90;
const today = Math.floor(Date.now() / DAY);
const sql = (...names) => names.map((name) => readFileSync(new URL(`../worker/src/report/${name}.sql`, import.meta.url), "utf8")).join("\n");
const edge = await startEdge();
const run = (text) => edge.d1.prepare(text).run();

const CHUNK = 10_000;
const series = (from, to) => `WITH RECURSIVE series(n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM series WHERE n + 1 < ${to})`;
const at = `${(today - DAYS + 1) * DAY} + CAST(n * 1.0 / ${visits} * ${DAYS * DAY} AS INTEGER)`;
for (let from = 0; from < visits; from += CHUNK) {
  await run(`INSERT INTO visits (visit_id, at_ms, website_id, temp_id, client_session_id, captured_by, href, fbclid, utm_source, utm_campaign, utm_content, ip, user_agent, country, region, city, bot, sourced, extra)
    ${series(from, Math.min(from + CHUNK, visits))}
    SELECT printf('00000000-0000-4000-8000-%012x', n * 7919 % ${visits} + ${visits}), ${at}, 'atid_1', printf('00000000-0000-4000-9000-%012x', n * 7919 % ${visits}), 's', 'page',
      'https://www.shop.test/landing?fbclid=' || hex(randomblob(30)), hex(randomblob(30)), iif(n % 3, 'source' || n % 5, NULL), 'campaign' || n % 40, 'ad' || n % 200,
      '203.0.113.7', 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36', 'DE', 'Berlin', 'Berlin', 0, 1, '{}' FROM series`);
}
for (let from = 0; from < visits; from += CHUNK * 10) {
  const rows = `${series(from / 10, Math.min(from + CHUNK * 10, visits) / 10)}`;
  await run(`INSERT INTO clicks ${rows} SELECT printf('%032x', n), at_ms + 30000, website_id, temp_id, 's', visit_id, 'main', 'https://t.me/+x', 1, '{}', ip, user_agent
    FROM series JOIN visits ON visits.rowid = n * 10 + 1`);
}
await run("INSERT INTO members SELECT -100, rowid, iif(rowid % 9, 'member', 'left'), at_ms + 60000, 1, at_ms + 40000, 1, click_id FROM clicks WHERE rowid % 2");
await run(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, value_minor, currency, event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person)
  SELECT 'c' || telegram_user_id || kind, 'atid_1', 'main', telegram_user_id, kind, 1990, 'EUR', first_joined_ms, first_joined_ms, 'api', 0, 0, click_id, '{}', '{}'
  FROM members, (SELECT 'CompleteRegistration' AS kind UNION SELECT 'Purchase') WHERE kind <> 'Purchase' OR telegram_user_id % 20 = 1`);
const counting = await run("INSERT INTO traffic SELECT day, website_id, source, campaign, ad, '', count(*), 0 FROM visit_origins GROUP BY 1, 2, 3, 4, 5");
await run("INSERT INTO traffic SELECT day, website_id, source, campaign, ad, channel, 0, count(*) FROM click_origins WHERE true GROUP BY 1, 2, 3, 4, 5, 6 ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks");
const [{ n }] = await edge.rows("SELECT count(*) AS n FROM traffic");
console.log(`${visits} visits, ${visits / 10} clicks, ${visits / 20} joins; ${n} rows of counts, made in ${Math.round(counting.meta.duration)} ms`);

async function measure(name, parameter, statements) {
  const times = [];
  let read = 0;
  for (let round = 0; round < 5; round += 1) {
    const results = await Promise.all(statements.map((text) => edge.d1.prepare(text).bind(JSON.stringify(parameter)).all()));
    times.push(results.reduce((all, { meta }) => all + meta.duration, 0));
    read = results.reduce((all, { meta }) => all + meta.rows_read, 0);
  }
  console.log(`${name.padEnd(32)} ${times.sort((a, b) => a - b)[2].toFixed(1).padStart(8)} ms  ${read} rows read`);
}

const report = [sql("sums/traffic"), sql("sums/moved", "sums/moves"), sql("sums/purchases"), sql("sums/ads"), sql("sums/spend")];
for (const days of [7, DAYS]) for (const by of ["day", "ad", "campaign", "source", "channel"]) {
  const fromDay = today + 1 - days;
  await measure(`report of ${days} days by ${by}`, { by, fromDay, toDay: today + 1, fromMs: fromDay * DAY, toMs: (today + 1) * DAY, websiteId: null, chatIds: [], contentLength: 12 }, report);
}
const kinds = ["visits", "clicks", "joins", "leaves", "conversions", "sends"];
await measure("feed, the latest 50", { limit: 100, beforeMs: null, websiteId: null, chatIds: [] }, kinds.map((kind) => sql(`items/${kind}`, `latest/${kind}`)));
await measure("trail: whom it is", { telegramUserId: 12_345, websiteId: null, chatIds: [] }, [sql("person")]);
const person = { tempIds: ["00000000-0000-4000-9000-000000000005"], telegramUserIds: [12_345], websiteId: null, chatIds: [] };
await measure("trail: the steps", person, [...kinds.map((kind) => sql(`items/${kind}`, `of_person/${kind}`)), sql("items/late_fbp")]);
await edge.close();
