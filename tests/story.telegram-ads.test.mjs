// Telegram Ads from `ads create` to ROAS: an operator at a terminal, a visitor in Chromium, their shop, and the edge in workerd between AdStat,
// the Bot API and Telegram. What was said and answered makes docs/telegram-ads.md; RECORD=1 writes it anew.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { engines } from "./harness/browsers.mjs";
import { ROOT } from "./harness/edge.mjs";
import { until } from "./harness/wait.mjs";
import { BROWSER, EDGE, WEBSITE, only, startWorld } from "./harness/world.mjs";
import { ACCOUNT, CAMPAIGN, PASSWORD, USERNAME, startAdStat } from "./standins/adstat.mjs";
import { BOT, CHANNEL, WEBHOOK_SECRET, startBotApi } from "./standins/botapi.mjs";

const RECORD = `${ROOT}docs/telegram-ads.md`;
const MINUTE = 60_000;
/** The buyer's number at Telegram. */
const BUYER = 5_550_001;
/** Where the visitor comes from. */
const ADDRESS = "203.0.113.7";
/** What Telegram adds to the link of an ad that is tapped. */
const TGCLID = "TgClick-1";
/** Of AdStat's account, as `pixel snippet` and `pixel list` show them. */
const [PIXEL, EVENT] = [`px${ACCOUNT}`, "JuKiaLISFD"];
const LANDING = "https://www.shop.test/";
const AD = {
  campaign_id: CAMPAIGN, title: "Offers every morning", text: "One message a day, with what is half the price.", promote_url: LANDING, ad_type: "target_channels", cpm: 2, budget: 50,
  currency_code: "EUR", tg_event_id: EVENT,
};
const SETTINGS = {
  ADTARGET_WEBSITE_ID: WEBSITE, SITE_DOMAINS: "shop.test", TELEGRAM_INVITE: "https://t.me/+MainFallback01", TELEGRAM_BOT_USERNAME: BOT.username, TELEGRAM_CHAT_ID: String(CHANNEL.id), CHANNEL_SLUG: "offers", CHANNEL_LINKS: "shopchannel",
  INVITE_MODE: "personal", INVITE_POOL_SIZE: "3", CHANNEL_EVENT: "Subscribe", TELEGRAM_ADS_PIXEL_ID: PIXEL, TELEGRAM_ADS_EVENTS: JSON.stringify({ Purchase: EVENT }),
};
const SECRETS = { TELEGRAM_BOT_TOKEN: BOT.token, TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_KEY, ADSTAT_USERNAME: USERNAME, ADSTAT_PASSWORD: PASSWORD };
const TAG = `<script async src="${EDGE}/t.js" data-website-id="${WEBSITE}"></script>
<script>window.tgp = window.tgp || function () { tgp.run ? tgp.run.apply(tgp, arguments) : tgp.queue.push(arguments) }; tgp.queue = tgp.queue || []; tgp("init", "${PIXEL}")</script>`;

/** What differs from run to run, and how wide a table is for it. */
const withoutChance = (text) => text
  .replace(/utm_content=[\da-f]{12}\b/g, "utm_content=<order>")
  .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, "<id>").replace(/(?<![\da-f])[\da-f]{32}(?![\da-f])/g, "<id>")
  .replace(/t\.me\/\+[\w-]{16}/g, "t.me/+<link>").replace(/\b\d{13}\b/g, "<ms>")
  .replace(/\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?)?/g, "<time>").replace(/ {2,}/g, "  ");

const chromium = engines.find(({ name }) => name === "chromium");

describe("Telegram Ads, from ads create to ROAS", { skip: chromium.missing ?? false }, () => {
  const record = [];
  let adstat, botapi, world, browser, visitor, page, folder, ad, key;

  before(async () => {
    [adstat, botapi, folder] = await Promise.all([startAdStat(), startBotApi(), mkdtemp(path.join(tmpdir(), "edgeway-story-"))]);
    world = await startWorld({
      browsers: true,
      vars: { SITES: "", ADTARGET_API_KEY: "", ...SETTINGS, ...SECRETS, ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url, TELEGRAM_API_BASE: botapi.url },
    });
    world.site.tag = TAG;
    world.network.address = ADDRESS;
    browser = await chromium.launch({ network: world.network });
  });
  after(() => Promise.all([browser?.close(), world?.close(), adstat?.close(), botapi?.close(), folder && rm(folder, { recursive: true })]));

  /** Prose of the record, whatever the line breaks here. */
  const tell = (text) => record.push(text.replace(/\s*\n\s*/g, " ").trim());
  const block = (text, language = "") => record.push(`\`\`\`${language}\n${text.trimEnd()}\n\`\`\``);

  /** Runs a tool as a person does, `npm run` and what follows, and records what it printed. */
  const run = (tool, words, env = {}) =>
    new Promise((resolve, reject) => {
      const settings = { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1", EDGEWAY_URL: world.edge.url, OPERATOR_KEY, ...env };
      const files = words.map((word) => (word.endsWith(".json") ? path.join(folder, word) : word));
      execFile(process.execPath, [`tools/${tool}.mjs`, ...files], { cwd: ROOT, env: settings }, (error, out, err) => {
        if (error) return reject(new Error(`${tool} ${words.join(" ")}: ${out}${err}`));
        block(`$ npm run ${tool} -- ${words.join(" ")}\n${(out + err).replace(/atk_live_\w+/, "atk_live_…").replaceAll(world.edge.url, EDGE)}`);
        resolve(out);
      });
    });
  /** One call of the API, recorded as it goes over the wire, less its head. */
  async function call(method, where, body, headers = {}) {
    const answer = await world.edge.request(`/api/v1/${where}`, { method, body, headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }), ...headers } });
    assert.ok([200, 201].includes(answer.status), answer.text);
    const told = Object.entries(headers).map(([name, value]) => `\n${name}: ${value}`).join("");
    const text = /json/.test(answer.headers["content-type"]) ? JSON.stringify(answer.json(), null, 2) : answer.text.replaceAll("\r\n", "\n");
    block(`${method} /api/v1/${where}${told}${body ? `\n\n${JSON.stringify(body)}` : ""}\n\n${answer.status}\n${text}`, "http");
    return answer;
  }
  /** Puts everybody's clock ahead. */
  async function later(ms) {
    for (const each of [adstat, botapi]) each.advance(ms);
    await world.edge.advance(ms);
  }
  /** A pixel's call as Telegram got it. */
  const heard = ({ headers, ...fields }) =>
    block([...(headers["x-forwarded-for"] ? [`X-Forwarded-For: ${headers["x-forwarded-for"]}`] : []), ...Object.entries(fields).map((field) => field.join("="))].join("\n"));

  it("an operator sets the edge up", async () => {
    record.push("# Telegram Ads, from `ads create` to ROAS");
    tell(`A recording: \`tests/story.telegram-ads.test.mjs\` plays it with the built worker in workerd, the tracker in Chromium, and stand-ins of AdStat, of the Bot API and of Telegram
      that hold state and check what they are asked. The test fails when what it sees is no longer what stands here, ids and times apart.`);
    record.push("## The edge");
    tell("A shop sells through its channel and buys Telegram Ads in AdStat's account. These settings stand in `wrangler.toml`; the bot's two secrets, AdStat's two and `OPERATOR_KEY` are set by `wrangler secret put`.");
    block(Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value.includes('"') ? `'${value}'` : `"${value}"`}`).join("\n"), "toml");
    tell("The pixel's ids come from AdStat: its snippet names the pixel, its list the event that a Purchase is.");
    await run("ads", ["pixel", "snippet", "--account", ACCOUNT]);
    await run("ads", ["pixel", "list", "--account", ACCOUNT]);
    tell("The landing page bears the tracker's tag and the pixel's call, and not Telegram's script:");
    block(TAG, "html");
    await run("telegram", ["setup", "--url", EDGE], { ...SETTINGS, ...SECRETS, SITES: "", TELEGRAM_API_BASE: botapi.url });
    // A machine may stall for longer than a click waits for a link of its own.
    await world.edge.fail({ haste: 0.1 });
    // The pool of links is filled by the cron.
    await world.edge.strike();
    await until(async () => (await world.edge.request("/healthz")).json().sites[0].channels[0].pool?.ready === 3, "links are ready");
  });

  it("checks an ad, and buys it", async () => {
    record.push("## The ad");
    block(JSON.stringify(AD, null, 2), "json");
    await writeFile(path.join(folder, "ad.json"), JSON.stringify(AD));
    tell("A dry run checks it against the documented rules, and shows the landing link as it will be:");
    const checked = await run("ads", ["create", "--from", "ad.json", "--dry-run"]);
    assert.match(checked, new RegExp(`promote_url +${LANDING}\\?utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}&utm_content=order-id`));
    assert.equal(adstat.ads.length, 0);
    tell("Then it is bought; without `--yes` it asks first.");
    await run("ads", ["create", "--from", "ad.json", "--yes"]);
    await run("ads", ["orders"]);
    ad = only(adstat.ads);
    const order = only(await world.edge.rows("SELECT * FROM ad_orders"));
    assert.equal(ad.promote_url, `${LANDING}?utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}&utm_content=${order.order_id.slice(0, 12)}`);
    assert.equal(ad.event.tg_id, EVENT);
  });

  it("two people come by the ad", async () => {
    record.push("## The visits");
    tell("Telegram shows the ad, and adds its click id to the link. Two people come:");
    block(`${ad.promote_url}&tgclid=${TGCLID}`);
    for (const click of ["TgClick-0", TGCLID]) {
      visitor = await browser.visitor({ phone: true, userAgent: BROWSER });
      page = await visitor.page();
      // A browser that a test drives says so, and would count as a bot.
      await page.driver.raw.addInitScript(() => Object.defineProperty(Navigator.prototype, "webdriver", { get: () => false }));
      await page.open(`${ad.promote_url}&tgclid=${click}`);
      await until(() => world.telegram.pixel.some(({ c }) => c === click), "the pixel at Telegram");
      if (click !== TGCLID) await visitor.leave();
    }
    await until(async () => (await world.visits()).length === 2, "two visits");
    tell("The pixel's `init` goes from the page to the edge, and from there to Telegram with the visitor's own address. Telegram hears of the second:");
    const init = only(world.telegram.pixel.filter(({ c }) => c === TGCLID));
    heard(init);
    assert.deepEqual([init.p, init.l, init.headers["x-forwarded-for"]], [PIXEL, `${ad.promote_url}&tgclid=${TGCLID}`, ADDRESS]);
  });

  it("one of them taps, and joins", async () => {
    record.push("## The join");
    tell("The first leaves. The second taps “Join”, and arrives in Telegram by a link of their own:");
    await page.leads(() => page.tap("#join"));
    const arrival = await until(() => world.telegram.arrivals[0], "somebody arrives in Telegram");
    const link = `https://t.me${arrival.path}`;
    assert.ok(botapi.links.has(link), link);
    block(link);
    await until(async () => (await world.clicks()).length === 1, "the tap is written down");
    await visitor.leave();
    await later(MINUTE);
    const update = botapi.join(link, BUYER);
    assert.equal((await botapi.deliver(update, { at: world.edge.url })).status, 200);
    tell("A minute later Telegram tells the bot's webhook of a new member, and by which link they came:");
    const { chat, new_chat_member: { status, user }, invite_link: { invite_link, name } } = update.chat_member;
    block(JSON.stringify({ chat_member: { chat: chat.title, new_chat_member: { status, user: user.id }, invite_link: { invite_link, name } } }));
    assert.equal(only(await world.edge.rows("SELECT * FROM members")).status, "member");
  });

  it("and buys", async () => {
    record.push("## The purchase");
    tell("The shop has a key of its own, and tells of the sale:");
    const made = await run("keys", ["create", "shop"]);
    [key] = /atk_live_\w+/.exec(made);
    await later(MINUTE);
    const answer = await call("POST", "events/conversion", { telegramUserId: BUYER, eventType: "Purchase", value: 19.9, currency: "EUR" }, { "Idempotency-Key": "order-1001" });
    const { conversionId } = answer.json();
    await until(() => world.telegram.pixel.some(({ e }) => e === EVENT), "the event at Telegram");
    await until(async () => (await world.edge.rows("SELECT state FROM sends")).some(({ state }) => state === "sent"), "it is noted");
    tell("Within seconds Telegram Ads hears of it, from the edge and with the visit's own click id:");
    const event = only(world.telegram.pixel.filter(({ e }) => e));
    heard(event);
    assert.deepEqual([event.e, event.c, event.l], [EVENT, TGCLID, `${ad.promote_url}&tgclid=${TGCLID}`]);
    assert.equal(only(await world.edge.rows("SELECT * FROM sends WHERE state = 'sent'")).conversion_id, conversionId);
    tell("The whole way, as one person's trail has it; of a Subscribe the pixel has no event, so that was kept from it:");
    const { steps } = (await world.edge.request(`/api/v1/trail?telegramUserId=${BUYER}`, { headers: { authorization: `Bearer ${key}` } })).json();
    assert.deepEqual(steps.map(({ kind }) => kind), ["visit", "click", "join", "conversion", "send", "conversion", "send"]);
    block(steps.map(({ kind, title, at }) => `${new Date(at).toISOString().slice(0, 19)}Z  ${kind.padEnd(10)}  ${title}`).join("\n"));
  });

  it("what the ad cost stands beside what it brought", async () => {
    record.push("## What it cost, and what it brought");
    tell("AdStat counts 3,120 impressions, 14 clicks and €6.40 for the ad. An hour later the edge's cron has pulled that.");
    adstat.stats = [{ at_ms: adstat.nowMs(), account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: LANDING, ad_id: ad.ad_id, impressions: 3_120, clicks: 14, goals: 1, spent: 6.4 }];
    await later(60 * MINUTE);
    await world.edge.strike();
    const expected = { impressions: 3_120, adClicks: 14, spend: 6.4, visits: 2, inviteClicks: 1, joins: 1, leaves: 0, purchases: 1, revenue: 19.9, costPerJoin: 6.4, roas: 3.109375 };
    const answer = (await call("GET", "report?by=ad")).json();
    assert.deepEqual(answer.rows, [{ key: String(ad.ad_id), label: AD.title, ...expected }]);
    assert.deepEqual(answer.total, expected);
    for (const [by, label] of [["campaign", "Spring"], ["source", "telegram"]]) {
      const rows = (await world.edge.request(`/api/v1/report?by=${by}`, { headers: { authorization: `Bearer ${key}` } })).json().rows;
      assert.deepEqual([only(rows).label, only(rows).roas, only(rows).joins], [label, 3.109375, 1]);
    }
    const csv = await call("GET", "report?by=ad&format=csv");
    assert.ok(csv.text.endsWith(`\r\n${ad.ad_id},${AD.title},3120,14,6.40,2,1,1,0,1,19.90,6.40,3.109375,EUR,\r\n`), csv.text);
    const printed = await run("ads", ["report"]);
    assert.match(printed, new RegExp(`${AD.title} +3120 +14 +6.40 +2 +1 +1 +0 +1 +19.90 +6.40 +3.11\n`));
  });

  it("on the operator's page, too", async () => {
    visitor = await browser.visitor();
    page = await visitor.page();
    await page.open(`${EDGE}/ops#funnel`);
    // Its clock is everybody's: today may be another day by now.
    await page.driver.raw.clock.setFixedTime(adstat.nowMs());
    await page.driver.raw.getByLabel("Operator key").fill(OPERATOR_KEY);
    await page.driver.raw.keyboard.press("Enter");
    await page.driver.raw.getByText("Total").waitFor();
    const rows = await page.driver.raw.locator("[aria-label='By ad'] tr").evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.innerText.trim())));
    const cells = ["3,120", "14", "€6.40", "2", "1", "50.0%", "1", "100.0%", "0", "1", "€19.90", "€6.40", "3.11×"];
    assert.deepEqual(rows.slice(1), [[AD.title, ...cells], ["Total", ...cells]]);
    tell("`/ops` shows the same:");
    const [head, ...lines] = rows.map((row) => `| ${row.join(" | ")} |`);
    record.push([head, `|---|${"---:|".repeat(cells.length)}`, ...lines].join("\n"));
    await visitor.leave();
  });

  it("none of them was asked what they do not document", () => {
    assert.deepEqual([adstat.violations, botapi.violations, world.telegram.violations], [[], [], []]);
    const secrets = [...Object.values(SECRETS), key].filter((secret) => secret !== USERNAME);
    for (const secret of secrets) assert.ok(!record.join().includes(secret) && !JSON.stringify(world.edge.logs).includes(secret));
  });

  it("is what docs/telegram-ads.md tells", async () => {
    const text = `${record.join("\n\n")}\n`;
    if (process.env.RECORD) {
      await mkdir(path.dirname(RECORD), { recursive: true });
      await writeFile(RECORD, text);
    }
    const stands = await readFile(RECORD, "utf8").catch(() => "");
    assert.equal(withoutChance(text), withoutChance(stands), "docs/telegram-ads.md no longer tells what happens: RECORD=1 writes it anew");
  });
});
