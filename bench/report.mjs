// How long D1 takes for the report, the feed and a trail over a large ledger: `node bench/report.mjs [visits] [varied]`, a million unless said, over
// 90 days, with a tenth as many clicks, half of those joins, and AdStat's numbers of a hundred ads a day. 200 ads bring the visits, each of one campaign and
// with a source or without: some 400 origins a day; `varied`: in every mixture of ad, campaign and source, some 4,400. Asks the built worker, and prints
// what D1 itself says, in ms: the median of five. Beside each report stands the same reckoned from the rows (`reckoned.mjs`), each in its turn.
import { startEdge } from "../tests/harness/edge.mjs";
import { reckoned } from "./reckoned.mjs";

const KEY = "operator-of-the-bench-0123456789abcdef";
const visits = Number(process.argv[2] ?? 1_000_000);
const isVaried = process.argv[3] === "varied";
const DAY = 86_400_000;
const DAYS = 90;
const ROUNDS = 5;
const today = Math.floor(Date.now() / DAY);
const edge = await startEdge({ vars: { OPERATOR_KEY: KEY, SITES: JSON.stringify([{ websiteId: "atid_1", domains: ["shop.test"], channels: [{ slug: "main", channelId: "main", invite: "https://t.me/+x", telegramId: "-100" }] }]) } });
const run = (text) => edge.d1.prepare(text).run();

const CHUNK = 10_000;
const series = (from, to) => `WITH RECURSIVE series(n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM series WHERE n + 1 < ${to})`;
const at = `${(today - DAYS + 1) * DAY} + CAST(n * 1.0 / ${visits} * ${DAYS * DAY} AS INTEGER)`;
for (let from = 0; from < visits; from += CHUNK) {
  await run(`INSERT INTO visits (visit_id, at_ms, website_id, temp_id, client_session_id, captured_by, href, fbclid, utm_source, utm_campaign, utm_content, ip, user_agent, country, region, city, bot, sourced, extra)
    ${series(from, Math.min(from + CHUNK, visits))}
    SELECT printf('00000000-0000-4000-8000-%012x', n * 7919 % ${visits} + ${visits}), ${at}, 'atid_1', printf('00000000-0000-4000-9000-%012x', n * 7919 % ${visits}), 's', 'page',
      'https://www.shop.test/landing?fbclid=' || hex(randomblob(30)), hex(randomblob(30)), iif(n % 3, 'source' || (${isVaried ? "n" : "n / 10"} % 5), NULL), 'campaign' || (${isVaried ? "n" : "n / 10"} % 40), 'ad' || (n / 10 % 200),
      '203.0.113.7', 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36', 'DE', 'Berlin', 'Berlin', 0, 1, '{}' FROM series`);
}
for (let from = 0; from < visits; from += CHUNK * 10) {
  await run(`INSERT INTO clicks (click_id, at_ms, website_id, temp_id, client_session_id, visit_id, channel, invite_link, personal, attribution, ip, user_agent) ${series(from / 10, Math.min(from + CHUNK * 10, visits) / 10)} SELECT printf('%032x', n), at_ms + 30000, website_id, temp_id, 's', visit_id, 'main', 'https://t.me/+x', 1, '{}', ip, user_agent
    FROM series JOIN visits ON visits.rowid = n * 10 + 1`);
}
const ORIGIN = "origin_source, origin_campaign, origin_ad";
await run(`INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, website_id, channel_id, click_id, ${ORIGIN})
  SELECT -100, row_number() OVER (), iif(row_number() OVER () % 9, 'member', 'left'), at_ms + 60000, 1, at_ms + 40000, 1, 'atid_1', 'main', click_id, source, campaign, ad FROM click_origins WHERE click_id IN (SELECT click_id FROM clicks WHERE rowid % 2)`);
await run(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, value_minor, currency, event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person, ${ORIGIN})
  SELECT 'c' || telegram_user_id || kind, 'atid_1', 'main', telegram_user_id, kind, 1990, 'EUR', first_joined_ms, first_joined_ms, 'api', 0, 0, click_id, '{}', '{}', ${ORIGIN}
  FROM members, (SELECT 'CompleteRegistration' AS kind UNION SELECT 'Purchase') WHERE kind <> 'Purchase' OR telegram_user_id % 20 = 1`);
await run("INSERT INTO traffic SELECT day, website_id, source, campaign, ad, '', count(*), 0 FROM visit_origins GROUP BY 1, 2, 3, 4, 5");
await run("INSERT INTO traffic SELECT day, website_id, source, campaign, ad, channel, 0, count(*) FROM click_origins WHERE true GROUP BY 1, 2, 3, 4, 5, 6 ON CONFLICT DO UPDATE SET clicks = traffic.clicks + excluded.clicks");
await run(`INSERT INTO ad_days ${series(0, DAYS * 100)} SELECT ${today - DAYS + 1} + n / 100, n % 100, n % 10, 1000, 10, 1100000, 'EUR' FROM series`);
const [counts] = await edge.rows("SELECT (SELECT count(*) FROM members) AS joins, (SELECT count(*) FROM traffic) AS traffic, (SELECT count(*) FROM moves) AS moves, (SELECT count(*) FROM sales) AS sales");
console.log(`${visits} visits, ${visits / 10} clicks, ${counts.joins} joins; rows of counts: ${counts.traffic} of traffic, ${counts.moves} of moves, ${counts.sales} of sales\n`);

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
/** What D1 says of a call of the worker: `{ms, read}`. */
async function asked(path) {
  await edge.fail({ forget: true });
  const answer = await edge.request(`/api/v1/${path}`, { headers: { authorization: `Bearer ${KEY}` } });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  const { d1Ms: ms, rowsRead: read } = await edge.queue();
  return { ms, read };
}
/** What D1 says of statements. */
async function ran(parameter, statements) {
  const results = await edge.d1.batch(statements.map((text) => edge.d1.prepare(text).bind(JSON.stringify(parameter))));
  return results.reduce((all, { meta }) => ({ ms: all.ms + meta.duration, read: all.read + meta.rows_read }), { ms: 0, read: 0 });
}
const cells = (...list) => console.log(list.map((text, n) => (n ? String(text).padStart(12) : text.padEnd(30))).join(""));
cells("", "ms", "rows read", "from rows ms", "rows read", "ratio");
for (const days of [7, 30, DAYS]) for (const by of ["day", "ad", "campaign", "source", "channel"]) {
  const fromDay = today + 1 - days;
  const [ours, theirs] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(await asked(`report?by=${by}&from=${fromDay * DAY}&to=${(today + 1) * DAY}`));
    theirs.push(await ran({ by, fromDay, toDay: today + 1, fromMs: fromDay * DAY, toMs: (today + 1) * DAY, websiteId: null, chatIds: [], contentLength: 12 }, reckoned));
  }
  const [ms, from] = [ours, theirs].map((list) => median(list.map((each) => each.ms)));
  cells(`report of ${days} days by ${by}`, ms.toFixed(1), ours[0].read, from.toFixed(1), theirs[0].read, (ms / from).toFixed(2));
}
const midst = (today - DAYS / 2) * DAY;
for (const [name, path] of [["feed, the latest 50", "feed?limit=50"], ["feed, 50 in the midst", `feed?limit=50&before=${midst}`], ["trail of a Telegram user", "trail?telegramUserId=12345"]]) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await asked(path));
  cells(name, median(rounds.map(({ ms }) => ms)).toFixed(1), rounds[0].read);
}
await edge.close();
