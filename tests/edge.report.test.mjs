// Spend beside sales, from outside: sums checked by a second computation, AdStat's numbers and their corrections, currencies, CSV, the feed
// and one person's trail.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { unstable_splitSqlQuery } from "wrangler";
import { OPERATOR_KEY, OTHER_CHANNEL, OTHER_SITE, done, refused, startApi } from "./harness/api.mjs";
import { clickId } from "./harness/chats.mjs";
import { AHEAD, COUNTS, DAY, DAYS, HOUR, REPORT_RATES, TODAY, advertised, dateOf, fill, listed, micros, season, secondly } from "./harness/season.mjs";
import { until } from "./harness/wait.mjs";
import { BROWSER, CHANNELS, WEBSITE, only, startWorld } from "./harness/world.mjs";
import { ACCOUNT, CAMPAIGN, PASSWORD, USERNAME, startAdStat } from "./standins/adstat.mjs";
import { CHANNEL } from "./standins/botapi.mjs";

const CHAT = CHANNEL.id;
const ZERO = { impressions: 0, adClicks: 0, spend: 0, visits: 0, inviteClicks: 0, joins: 0, leaves: 0, purchases: 0, revenue: 0, costPerJoin: null, roas: null };

/** An edge in front of AdStat, with a key. */
async function startShop(vars = {}) {
  const adstat = await startAdStat();
  const api = await startApi({
    vars: { ADSTAT_USERNAME: USERNAME, ADSTAT_PASSWORD: PASSWORD, ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url, ...vars },
  });
  let ahead = 0;
  return {
    api, adstat, edge: api.edge,
    report: async (query, options) => done(await api.get(`report?${new URLSearchParams(query)}`, options)),
    /** Puts everybody's clock ahead, and strikes the cron trigger's. */
    strike: async (ms = 0) => {
      ahead += ms;
      adstat.advance(ms);
      await api.edge.advance(ms);
      await api.edge.strike();
    },
    reset: async () => {
      await api.reset();
      adstat.reset();
      adstat.advance(ahead);
    },
    close: () => Promise.all([api.close(), adstat.close()]),
  };
}

/** The row of a key. */
const rowOf = (report, key) => only(report.rows.filter((row) => row.key === key));

describe("the report", () => {
  let shop;
  const stats = advertised();
  const made = season(100_000);
  before(async () => {
    shop = await startShop({ REPORT_RATES });
    await shop.reset();
    await fill(shop.edge, made);
    shop.adstat.stats = stats;
    shop.adstat.ads = listed();
    await shop.strike(AHEAD);
  });
  after(() => shop.close());

  const times = [{ fromDay: TODAY - DAYS + 1, toDay: TODAY + 1 }, { fromDay: TODAY - 6, toDay: TODAY + 1 }, { fromDay: TODAY - 20, toDay: TODAY - 19, websiteId: WEBSITE }];
  for (const by of ["day", "ad", "campaign", "source", "channel"]) {
    it(`is what a second computation comes to, by ${by}`, async () => {
      for (const time of times) {
        const { rows, unconverted } = secondly(made, stats, { by, ...time });
        const report = await shop.report({ from: dateOf(time.fromDay), to: dateOf(time.toDay), by, ...(time.websiteId && { websiteId: time.websiteId }) });
        assert.deepEqual([report.from, report.to, report.by, report.currency], [time.fromDay * DAY, time.toDay * DAY, by, "EUR"]);
        const expected = [...rows.keys()].sort();
        const keys = report.rows.map((row) => row.key);
        // Spend leads to pages, and two channels of the shop stand there.
        assert.deepEqual([...keys].sort(), expected);
        for (const row of report.rows) {
          const sums = rows.get(row.key);
          for (const name of COUNTS) assert.equal(row[name], Number(sums[name] ?? 0n), `${name} of ${row.key}`);
          for (const name of ["spend", "revenue"]) assert.equal(micros(row[name]), sums[name] ?? 0n, `${name} of ${row.key}`);
          assert.equal(row.costPerJoin === null, !row.joins);
          assert.equal(row.roas === null, !row.spend);
          if (row.joins) assert.ok(Math.abs(row.costPerJoin - row.spend / row.joins) < 1e-6);
          if (row.spend) assert.ok(Math.abs(row.roas - row.revenue / row.spend) < 1e-6);
        }
        for (const name of COUNTS) assert.equal(report.total[name], report.rows.reduce((all, row) => all + row[name], 0));
        assert.equal(micros(report.total.revenue), report.rows.reduce((all, row) => all + micros(row.revenue), 0n));
        assert.deepEqual(report.unconverted.map(({ currency, revenue }) => [currency, micros(revenue)]), Object.entries(unconverted));
        assert.deepEqual(report.rates, { EUR: 1, USD: 0.92, JPY: 0.006123 });
      }
    });
  }

  it("calls ads, campaigns and channels by their names", async () => {
    const label = async (by, key) => rowOf(await shop.report({ by, from: dateOf(TODAY - 20) }), key).label;
    assert.deepEqual(
      await Promise.all([label("ad", "501"), label("ad", "blue"), label("ad", ""), label("campaign", String(CAMPAIGN)), label("channel", CHANNELS[0]), label("source", "")]),
      ["Spring", "blue", "(none)", "Spring", "main", "(none)"],
    );
  });

  it("is of the last seven days unless said", async () => {
    const report = await shop.report({});
    assert.deepEqual(report.rows.map((row) => row.key), Array.from({ length: 7 }, (_, n) => dateOf(TODAY - 6 + n)));
    assert.deepEqual(report, await shop.report({ from: (TODAY - 6) * DAY + 5, to: (TODAY + 1) * DAY, by: "day" }));
    assert.deepEqual(report, await shop.report({ from: dateOf(TODAY - 6), to: TODAY * DAY + 1 }));
  });

  it("comes as CSV, in which no name is a formula", async () => {
    const answer = await shop.api.get(`report?by=ad&format=csv&from=${dateOf(TODAY - DAYS + 1)}`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^text\/csv/);
    const [head, ...lines] = answer.text.trimEnd().split("\r\n");
    assert.equal(head, "key,label,impressions,adClicks,spend,visits,inviteClicks,joins,leaves,purchases,revenue,costPerJoin,roas,currency,unconverted");
    const report = await shop.report({ by: "ad", from: dateOf(TODAY - DAYS + 1) });
    assert.equal(lines.length, report.rows.length);
    const summer = only(lines.filter((line) => line.startsWith("502,")));
    const { label, key, costPerJoin, roas, unconverted: own, ...sums } = rowOf(report, "502");
    assert.ok(summer.startsWith(`502,"'=Summer, ""hot""",`), summer);
    const cells = summer.slice(`502,"'=Summer, ""hot""",`.length).split(",");
    const unconverted = cells.pop();
    assert.equal(cells.pop(), "EUR");
    assert.deepEqual(cells.map(Number), [...Object.values(sums), costPerJoin, roas]);
    // What has no rate is in no sum, and said of each row.
    const pounds = (text) => Number(/^([\d.]+) GBP of revenue$/.exec(text)?.[1] ?? 0);
    assert.equal(pounds(unconverted), only(own).revenue, summer);
    const all = lines.reduce((sum, line) => sum + Math.round(pounds(line.split(",").at(-1)) * 100), 0);
    assert.equal(all, Math.round(report.unconverted.find(({ currency }) => currency === "GBP").revenue * 100));
  });

  it("shows a key of one site that site", async () => {
    const { key } = await shop.api.createKey({ websiteId: OTHER_SITE });
    const from = dateOf(TODAY - DAYS + 1);
    const own = await shop.report({ by: "source", from }, { key });
    assert.deepEqual(own.rows, (await shop.report({ by: "source", from, websiteId: OTHER_SITE })).rows);
    assert.ok(own.total.visits > 0 && own.total.visits < 11_000);
    assert.equal(own.total.spend, 0, "the ads lead to the shop");
    refused(await shop.api.get(`report?websiteId=${WEBSITE}`, { key }), 400, "INVALID_PAYLOAD", "websiteId");
    assert.deepEqual((await shop.report({ from }, { key: OPERATOR_KEY })).total, (await shop.report({ from })).total);
  });

  it("lists the thousand ads that brought the most, and counts all", async () => {
    const day = TODAY - 300;
    await shop.edge.rows(`INSERT INTO traffic SELECT ${day}, '${OTHER_SITE}', 'many', '', 'many' || key, '', key + 1, 0 FROM json_each(?1)`, JSON.stringify(Array(1_200).fill(0)));
    const query = { from: dateOf(day), to: dateOf(day + 1) };
    const [ads, days] = [await shop.report({ ...query, by: "ad" }), await shop.report({ ...query, by: "day" })];
    assert.deepEqual([ads.rows.length, ads.truncated, days.truncated], [1_000, true, false]);
    assert.deepEqual(ads.rows.map(({ visits }) => visits), Array.from({ length: 1_000 }, (_, n) => 1_200 - n));
    assert.deepEqual(ads.total, days.total);
    const csv = await shop.api.get(`report?${new URLSearchParams({ ...query, by: "ad", format: "csv" })}`);
    assert.equal(csv.text.trimEnd().split("\r\n").length, 1_201);
  });

  it("stands what makes up a content for each visit: real ads keep their rows, campaigns are whole, and all is counted", async () => {
    const day = TODAY - 310;
    const query = { from: dateOf(day), to: dateOf(day + 1) };
    const MADE_UP = 60_000;
    await shop.edge.rows(
      `INSERT INTO traffic SELECT ${day}, '${OTHER_SITE}', 'flood' || (key % 6000), 'spring', printf('%08x', key * 2654435761 % 4294967296) || ?2, '', 2, 0 FROM json_each(?1)`,
      JSON.stringify(Array(MADE_UP).fill(0)), "x".repeat(900),
    );
    await shop.edge.rows(`INSERT INTO traffic VALUES (${day}, '${OTHER_SITE}', 'real', 'spring', 'banner', '', 1, 0), (${day}, '${OTHER_SITE}', 'real', 'spring', 'banner', 'main', 0, 1)`);
    await shop.edge.rows(`INSERT INTO sales SELECT ${day}, '${OTHER_SITE}', 'main', '', '', 'sold' || key, 'EUR', 1, 100 FROM json_each(?1)`, JSON.stringify(Array(6_000).fill(0)));
    // One of AdStat's ads, which nobody has clicked through yet.
    const bought = String(listed()[0].ad_id);
    await shop.edge.rows(`INSERT INTO traffic VALUES (${day}, '${OTHER_SITE}', 'telegram', 'spring', ?, '', 1, 0)`, bought);
    const total = { visits: 2 * MADE_UP + 2, inviteClicks: 1, purchases: 6_000, revenue: 6_000 };
    const seen = ({ visits, inviteClicks, purchases, revenue }) => ({ visits, inviteClicks, purchases, revenue });
    for (const by of ["day", "ad", "campaign", "source", "channel"]) {
      const report = await shop.report({ ...query, by });
      assert.deepEqual([seen(report.total), report.truncated], [total, by === "ad" || by === "source"], by);
      if (by === "source") assert.deepEqual(report.rows.filter(({ key }) => key === "real").map(seen), [], "others weigh more");
    }
    const campaigns = (await shop.report({ ...query, by: "campaign" })).rows;
    assert.deepEqual(campaigns.filter(({ label }) => ["spring", "(none)"].includes(label)).map(({ key, visits, purchases }) => [key, visits, purchases]), [["spring", total.visits - 1, 0], ["", 0, 6_000]]);
    const { text } = await shop.api.get(`report?${new URLSearchParams({ ...query, by: "ad", format: "csv" })}`);
    const lines = text.trimEnd().split("\r\n").slice(1);
    assert.equal(lines.length, 20_000);
    assert.deepEqual(lines.filter((line) => line.startsWith("banner,")).map((line) => line.split(",").slice(5, 7)), [["1", "1"]]);
    assert.deepEqual(lines.filter((line) => line.startsWith(`${bought},`)).map((line) => line.split(",").slice(5, 7)), [["1", "0"]], "AdStat's come before all");
    assert.ok(lines.every((line) => line.length < 600), "texts are cut");
    await shop.edge.rows("DELETE FROM traffic WHERE day = ?", day);
    await shop.edge.rows("DELETE FROM sales WHERE day = ?", day);
  });

  it("refuses what it can't read, naming it", async () => {
    for (const [query, field] of [["by=hour", "by"], ["format=xml", "format"], ["from=yesterday", "from"], ["to=2026-13-01", "to"], ["from=2026-09-02&to=2026-09-01", "from"], ["from=1969-12-31", "from"]]) {
      refused(await shop.api.get(`report?${query}`), 400, "INVALID_PAYLOAD", `${field}:`);
    }
    refused(await shop.api.get("report", { key: "" }), 401, "AUTH_REQUIRED");
  });

  it("is the same on a ledger that was there before joins and purchases were counted", async () => {
    const { edge } = shop;
    const counts = () => Promise.all([edge.rows("SELECT * FROM moves WHERE joins OR leaves"), edge.rows("SELECT * FROM sales WHERE purchases")]);
    const counted = await counts();
    assert.ok(counted.every((rows) => rows.length > 100));
    const triggers = await edge.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'");
    const columns = [
      ...["source", "campaign", "ad"].flatMap((name) => ["members", "conversions"].map((table) => `ALTER TABLE ${table} DROP COLUMN origin_${name}`)),
      ...["website_id", "channel_id"].map((name) => `ALTER TABLE members DROP COLUMN ${name}`),
    ];
    const [earlier, ...later] = ["0005_report", "0006_outcomes", "0019_whose_join"].map((name) => unstable_splitSqlQuery(readFileSync(new URL(`../migrations/${name}.sql`, import.meta.url), "utf8")));
    const undone = [...triggers.map(({ name }) => `DROP TRIGGER ${name}`), "DROP TABLE moves", "DROP TABLE sales", ...columns, ...earlier.filter((text) => text.includes("CREATE TABLE kept_origins"))];
    await edge.d1.batch([...undone, ...later.flat()].map((text) => edge.d1.prepare(text)));
    assert.deepEqual(await counts(), counted);
  });

  it("keeps its sums when visits and people are forgotten", async () => {
    const query = { by: "ad", from: dateOf(TODAY - DAYS + 1) };
    const earlier = await shop.report(query);
    const gone = made.members.filter(({ user, leftMs, backMs }) => leftMs && !backMs && made.purchases.some((purchase) => purchase.user === user)).slice(0, 1);
    done(await shop.api.call("DELETE", `leads/${only(gone).user}`));
    const later = await shop.report(query);
    assert.deepEqual([later.total.visits, later.total.inviteClicks], [earlier.total.visits, earlier.total.inviteClicks]);
    const lost = ["joins", "leaves", "purchases"];
    assert.deepEqual(lost.map((name) => later.total[name]), lost.map((name) => earlier.total[name] - 1), "who is erased is no member");
    // Everything is old: visits and clicks go, in several sweeps.
    await shop.edge.rows("DELETE FROM clicks WHERE click_id NOT IN (SELECT click_id FROM members WHERE click_id IS NOT NULL)");
    await shop.edge.rows("DELETE FROM visits WHERE temp_id NOT IN (SELECT temp_id FROM clicks)");
    for (let sweep = 0; sweep < 2; sweep += 1) await shop.strike(sweep ? 0 : 100 * DAY);
    assert.deepEqual(await shop.edge.rows("SELECT (SELECT count(*) FROM visits) AS visits, (SELECT count(*) FROM clicks) AS clicks"), [{ visits: 0, clicks: 0 }]);
    const kept = await shop.report({ ...query, to: dateOf(TODAY + 1) });
    assert.deepEqual(kept.rows, later.rows);
  });
});

describe("what brought a click", () => {
  let world;
  before(async () => (world = await startWorld({ front: true })));
  after(() => world.close());
  beforeEach(() => world.reset());

  const AD = "https://www.shop.test/landing";
  const origins = async () => {
    await world.edge.drained();
    return world.edge.rows("SELECT source, campaign, ad FROM click_origins");
  };
  /** The counts of clicks, none of them taken off what was never there. */
  const counted = () => world.edge.rows("SELECT source, ad, clicks FROM traffic WHERE clicks <> 0");
  const visit = async (tempId, query, more) => (await world.init({ tempId, href: `${AD}${query}`, ...more })).json().visitId;

  it("is what brought the visitor, where it came from a second page, in whatever order the queue has them", async () => {
    for (const order of [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]]) {
      await world.reset();
      await world.edge.fail({ record: true });
      const [tempId, first, second] = [randomUUID(), randomUUID(), randomUUID()];
      await visit(tempId, "?utm_source=Telegram&tgclid=Tg1", { eventId: first });
      await visit(tempId, "/pricing", { eventId: second, referrer: AD });
      await world.invite({ tempId, visit: second });
      await world.edge.drained();
      const { recorded } = await world.edge.queue();
      assert.equal(recorded.length, 3);
      await world.edge.fail({ record: false });
      await world.edge.clear();
      for (const nth of order) {
        await world.edge.enqueue(recorded[nth]);
        await world.edge.drained();
      }
      assert.deepEqual(only(await origins()), { source: "telegram", campaign: "", ad: AD }, `order ${order}`);
      assert.deepEqual(await counted(), [{ source: "telegram", ad: AD, clicks: 1 }], `order ${order}`);
    }
  });

  /** What platforms are told of a conversion by the one click there is. */
  const trail = async () => {
    const { click_id } = only(await world.edge.rows("SELECT click_id FROM clicks"));
    await world.edge.d1.prepare(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person)
      VALUES ('k', ?, ?, 7, 'Lead', 1, 1, 'tracker', 1, 0, ?, '{}', '{}')`).bind(WEBSITE, CHANNELS[0], click_id).run();
    const { attribution, ...more } = only(await world.edge.rows("SELECT attribution, client_ip, page_url, consent FROM trails"));
    return { ...JSON.parse(attribution), ...more };
  };

  it("is what it carries, where an ad leads right to an invite, whatever brought the visitor before; but who refused has refused", async () => {
    const tempId = randomUUID();
    await visit(tempId, "?fbclid=Old&gclid=Old&utm_source=g&utm_content=old", { consent: "denied" });
    await world.edge.drained();
    const cookie = `adtarget_temp_id=${tempId}; _tgclid=Old; edgeway_touch=at=1&gclid=Old&utm_source=g`;
    const { status } = await world.edge.request("/c/main?fbclid=New&utm_content=new", { ip: "198.51.100.9", headers: { cookie, "user-agent": BROWSER } });
    assert.equal(status, 302);
    assert.deepEqual(only(await origins()), { source: "meta", campaign: "", ad: "new" });
    const { fbclid, gclid, tgclid, utmContent, client_ip, page_url, consent } = await trail();
    assert.deepEqual([fbclid, gclid, tgclid, utmContent, client_ip, page_url, consent], ["New", undefined, undefined, "new", "198.51.100.9", null, "denied"]);
  });

  const ELSEWHERE = {
    "an ad of Meta's": ["?fbclid=FB1", "https://l.facebook.com/", "meta"],
    "an ad of Google's": ["?gclid=G1", "", "google"],
    "a search": ["", "https://www.google.com/", ""],
  };
  for (const [what, [query, referer, source]] of Object.entries(ELSEWHERE)) {
    for (const teller of ["the page", "the edge"]) {
      it(`is ${what}, as is the visit, whatever ads' click ids cookies hold, told by ${teller}`, async () => {
        const before = "_tgclid=TG0; ttclid=TT0; _gcl_aw=GCL.1700000000.G0";
        const page = teller === "the page" ? AD : "https://shop.test/plain.html";
        const headers = { "user-agent": BROWSER, accept: "text/html", "sec-fetch-dest": "document", referer };
        let tempId = randomUUID();
        if (teller === "the page") await visit(tempId, query, { referrer: referer, cookie: before, ttclid: "TT0", tgclid: "TG0" });
        else tempId = (await world.edge.request(page + query, { headers: { ...headers, cookie: before } })).cookies.adtarget_temp_id.value;
        await world.edge.drained();
        const cookie = `adtarget_temp_id=${tempId}; ${before}`;
        await world.edge.request("https://shop.test/c/main", { headers: { ...headers, cookie, referer: page + query } });
        assert.deepEqual(only(await origins()), { source, campaign: "", ad: "" });
        assert.deepEqual(await world.edge.rows("SELECT source, ad, visits, clicks FROM traffic ORDER BY clicks"), [{ source, ad: "", visits: 1, clicks: 0 }, { source, ad: "", visits: 0, clicks: 1 }]);
        assert.equal((await trail()).tgclid, "TG0", "platforms hear of theirs all the same");
      });
    }
  }

  it("is the visit's, page and all, where what is remembered of it leaves something out", async () => {
    const tempId = randomUUID();
    await visit(tempId, "?gclid=G&utm_source=google&utm_campaign=c&utm_content=ad");
    await world.edge.drained();
    const headers = { cookie: `adtarget_temp_id=${tempId}; edgeway_touch=at=1&gclid=G&utm_source=google`, referer: "https://www.shop.test/", "user-agent": BROWSER };
    await world.edge.request("/c/main", { headers });
    assert.deepEqual(only(await origins()), { source: "google", campaign: "c", ad: "ad" });
    const { gclid, utmCampaign, page_url } = await trail();
    assert.deepEqual([gclid, utmCampaign, page_url], ["G", "c", `${AD}?gclid=G&utm_source=google&utm_campaign=c&utm_content=ad`]);
  });

  it("is the visit's where the edge has it from the page's own request", async () => {
    const headers = { "user-agent": BROWSER, accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "sec-fetch-dest": "document" };
    const page = "https://shop.test/plain.html?fbclid=Page&utm_source=fb&utm_content=page";
    const { cookies } = await world.edge.request(page, { headers });
    const cookie = Object.entries(cookies).map(([name, { value }]) => `${name}=${value}`).join("; ");
    await world.edge.request("https://shop.test/c/main", { headers: { ...headers, cookie, referer: page } });
    assert.deepEqual(only(await origins()), { source: "fb", campaign: "", ad: "page" });
    assert.equal((await trail()).page_url, page);
  });
});

describe("what AdStat's ads cost", () => {
  let shop;
  before(async () => (shop = await startShop()));
  after(() => shop.close());
  beforeEach(() => shop.reset());

  const now = async () => Math.floor((await shop.adstat.nowMs()) / DAY);
  const stat = (day, more = {}) => ({ at_ms: day * DAY + HOUR, account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "x", ad_id: 501, impressions: 100, clicks: 5, goals: 0, spent: 1.1, ...more });
  const spent = async () => Object.fromEntries((await shop.edge.rows("SELECT day, sum(spent_micros) AS micros FROM ad_days GROUP BY day")).map(({ day, micros }) => [day, micros]));
  const asked = () => shop.adstat.named("stats").filter(({ body }) => body).map(({ body }) => body.period_from);

  it("is pulled once an hour, a month of it once a day", async () => {
    const day = await now();
    shop.adstat.stats = [stat(day), stat(day - 20)];
    await shop.strike();
    assert.deepEqual(await spent(), { [day]: 1_100_000, [day - 20]: 1_100_000 });
    assert.deepEqual(asked(), [dateOf(day - 29)]);
    await shop.strike();
    assert.equal(asked().length, 1);
    await shop.strike(HOUR);
    assert.equal(asked()[1], dateOf((await now()) - 2));
    await shop.strike(DAY);
    assert.equal(asked()[2], dateOf((await now()) - 29));
    assert.deepEqual(shop.adstat.violations, []);
  });

  it("is corrected by what AdStat says later", async () => {
    const day = await now();
    shop.adstat.stats = [stat(day - 1), stat(day - 1, { ad_id: 502, spent: 3 }), stat(day - 10)];
    await shop.strike();
    shop.adstat.stats = [stat(day - 1, { spent: 0.9, impressions: 90 }), stat(day - 10, { spent: 50 })];
    await shop.strike(HOUR);
    assert.deepEqual(await spent(), { [day - 1]: 900_000, [day - 10]: 1_100_000 }, "an hour later the last days are what it says now, and an ad that is gone is gone");
    await shop.strike(DAY);
    assert.deepEqual(await spent(), { [day - 1]: 900_000, [day - 10]: 50_000_000 }, "a day later the month is");
  });

  it("comes page by page, whole or not at all", async () => {
    const day = await now();
    shop.adstat.stats = Array.from({ length: 1_100 }, (_, n) => stat(day, { ad_id: n + 1, spent: 0.01 }));
    await shop.strike();
    assert.equal(asked().length, 3);
    assert.deepEqual(await spent(), { [day]: 11_000_000 });
    shop.adstat.stats = [stat(day, { spent: 7 })];
    shop.adstat.misbehave({ call: "stats", status: 500 });
    await shop.strike(HOUR);
    await until(() => shop.api.world.logged("pulling what AdStat's ads cost"), "a line in the log");
    assert.deepEqual(await spent(), { [day]: 11_000_000 });
    await shop.strike();
    assert.deepEqual(await spent(), { [day]: 7_000_000 }, "the next strike tries again");
  });

  /** What pages of statistics make, as AdStat might answer them: `[items, cursor]` each. */
  async function spentBy(...pages) {
    // The pages' own, though the clock may pass midnight meanwhile.
    const day = await now();
    // With a token that AdStat knows.
    await shop.strike();
    for (const [items, cursor = null] of pages) shop.adstat.misbehave({ call: "stats", body: JSON.stringify({ items, cursor }) });
    await shop.strike(HOUR);
    return (await spent())[day];
  }

  it("is taken as AdStat writes it: nothing, a text, a correction below zero", async () => {
    const row = { period: dateOf(await now()), campaign_id: CAMPAIGN, impressions: 10, clicks: 1, spent: 2 };
    const items = [{ ...row, ad_id: 1, spent: null }, { ...row, ad_id: "2", spent: "1.50", impressions: "10" }, { ...row, ad_id: 3, spent: -0.25 }, { ...row, ad_id: 4 }];
    assert.equal(await spentBy([items]), 3_250_000);
  });

  it("is counted once where pages overlap, by what is said last", async () => {
    const row = { period: dateOf(await now()), campaign_id: CAMPAIGN, impressions: 10, clicks: 1, spent: 2 };
    const cursor = Buffer.from("after:0").toString("base64url");
    const last = [{ ...row, ad_id: 2, spent: 3 }, { ...row, ad_id: 2, campaign_id: CAMPAIGN + 1, spent: 1 }];
    assert.equal(await spentBy([[{ ...row, ad_id: 1 }, { ...row, ad_id: 2 }], cursor], [last]), 6_000_000, "an ad of two campaigns has both");
  });

  it("is missed by the operator where it does not come, with AdStat's words, until it comes", async () => {
    const cautions = async () => ((await shop.edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json()).cautions.filter(({ about }) => about === "adstat");
    shop.adstat.stats = [stat(await now())];
    await shop.strike();
    const { spendAt } = await shop.report({});
    assert.ok(Math.abs(spendAt - shop.adstat.nowMs()) < 60_000);
    shop.adstat.misbehave({ call: "stats", times: 3, status: 403, detail: "No rights to statistics" });
    await shop.strike(HOUR);
    assert.deepEqual(await cautions(), [], "once may happen");
    for (const _ of [1, 2]) await shop.strike(0.6 * HOUR);
    assert.deepEqual(await cautions(), [{ about: "adstat", state: "behind", why: "what ads cost does not come: statistics: 403: No rights to statistics" }]);
    assert.equal((await shop.report({})).spendAt, spendAt);
    assert.doesNotMatch((await shop.edge.request("/healthz")).text, /No rights/, "strangers are told nothing of it");
    await shop.strike();
    assert.deepEqual(await cautions(), []);
    assert.ok((await shop.report({})).spendAt > spendAt);
  });

  it("takes another token where AdStat has ended the one it gave", async () => {
    const day = await now();
    shop.adstat.stats = [stat(day)];
    await shop.strike();
    shop.adstat.revoke();
    shop.adstat.stats = [stat(day, { spent: 2 })];
    await shop.strike(HOUR);
    assert.deepEqual(await spent(), { [day]: 2_000_000 });
  });

  it("is of the channel whose short link the ad leads to, and each site's channel has a row of its own", async () => {
    const site = (websiteId, ...slugs) => ({ websiteId, domains: [`${websiteId}.test`], channels: slugs.map((slug) => ({ slug, invite: `https://t.me/+${websiteId}${slug}` })) });
    const other = await startShop({ SITES: JSON.stringify([site("one", "news", "vip"), site("two", "vip", "club")]) });
    try {
      await other.reset();
      const day = Math.floor(other.adstat.nowMs() / DAY);
      const links = { 501: "https://edge.one.test/c/club", 502: "https://www.two.test/c/vip?utm_source=telegram", 503: "https://www.one.test/e/c/vip/", 504: "https://www.youtube.com/c/news" };
      const [ad] = listed();
      other.adstat.ads = Object.entries(links).map(([id, link]) => ({ ...ad, ad_id: Number(id), id: Number(id), promote_url: link }));
      other.adstat.stats = Object.keys(links).map((id) => stat(day, { ad_id: Number(id) }));
      await other.strike();
      for (const [websiteId, value] of [["one", 10], ["two", 5]]) {
        done(await other.api.post("events/conversion", { telegramUserId: 7, eventType: "Purchase", websiteId, channelId: "vip", value, currency: "EUR" }));
      }
      const rows = (report) => Object.fromEntries(report.rows.map(({ key, label, spend, revenue }) => [key, [label, spend, revenue]]));
      assert.deepEqual(rows(await other.report({ by: "channel" })), {
        "one/vip": ["one/vip", 1.1, 10], "two/vip": ["two/vip", 1.1, 5], club: ["club", 1.1, 0], "": ["(none)", 1.1, 0],
      });
      assert.deepEqual(rows(await other.report({ by: "channel", websiteId: "two" })), { vip: ["vip", 1.1, 5], club: ["club", 1.1, 0] });
    } finally {
      await other.close();
    }
  });

  it("is in no sum where its currency has no rate", async () => {
    const other = await startShop({ REPORT_CURRENCY: "TON", REPORT_RATES: JSON.stringify({ EUR: "0.5" }) });
    try {
      await other.reset();
      const day = Math.floor(other.adstat.nowMs() / DAY);
      other.adstat.stats = [stat(day)];
      await other.strike();
      assert.equal(only(other.adstat.named("stats")).body.currency_code, "TON");
      await other.edge.rows("INSERT INTO ad_days SELECT day, 502, campaign_id, 0, 0, 4000000, 'EUR' FROM ad_days");
      await other.edge.rows("INSERT INTO ad_days SELECT day, 503, campaign_id, 0, 0, 8000000, 'RUB' FROM ad_days WHERE ad_id = 501");
      const report = await other.report({ by: "source" });
      assert.equal(report.currency, "TON");
      assert.deepEqual(report.rows, [{ key: "telegram", label: "telegram", ...ZERO, impressions: 100, adClicks: 5, spend: 3.1, unconverted: [{ currency: "RUB", spend: 8, revenue: 0 }] }]);
      assert.equal(report.total.roas, null, "to a spend that is not known whole nothing is in proportion");
      const ads = Object.fromEntries((await other.report({ by: "ad" })).rows.map(({ key, spend, roas }) => [key, [spend, roas]]));
      assert.deepEqual(ads, { 501: [1.1, 0], 502: [2, 0], 503: [0, null] });
      assert.deepEqual(report.unconverted, [{ currency: "RUB", spend: 8, revenue: 0 }]);
    } finally {
      await other.close();
    }
  });
});

describe("what happened", () => {
  let api;
  before(async () => (api = await startApi({ vars: { META_PIXEL_ID: "1234567890123456" } })));
  after(() => api.close());
  beforeEach(() => api.reset());

  const feed = async (query = {}, options) => done(await api.get(`feed?${new URLSearchParams(query)}`, options)).items;
  const trail = async (query, options) => done(await api.get(`trail?${new URLSearchParams(query)}`, options)).steps;

  /** A visitor who comes, clicks, joins, buys and leaves. */
  async function someone(user = 777) {
    const tempId = randomUUID();
    await api.world.init({ tempId, href: "https://www.shop.test/lp?utm_source=telegram&utm_content=501&utm_campaign=5" });
    await api.world.invite({ tempId });
    await api.edge.request("/e/update-fbp", { method: "POST", headers: { "content-type": "text/plain" }, body: { websiteId: WEBSITE, tempId, fbp: "fb.1.1795231938971.1" } });
    const { click_id: click } = only(await api.world.clicks().then(() => api.edge.rows("SELECT click_id FROM clicks WHERE temp_id = ?1", tempId)));
    const at = Date.now();
    await api.edge.rows(`INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins, click_id, origin_source, origin_campaign, origin_ad)
      SELECT ${CHAT}, ${user}, 'left', ${at + 2}, 1, ${at + 1}, 1, click_id, source, campaign, ad FROM click_origins WHERE click_id = ?1`, click);
    await api.edge.rows(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, value_minor, currency, event_ms, attributed_ms, source, cold, awaits_value, click_id, overrides, person)
      VALUES ('c${user}', '${WEBSITE}', '${CHANNELS[0]}', ${user}, 'Purchase', 1990, 'EUR', ${at + 3}, ${at + 3}, 'api', 0, 0, ?1, '{}', '{}')`, click);
    await api.edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms, code, words)
      VALUES ('c${user}', 'meta', '${WEBSITE}', 'meta', 'rejected', ${at + 3}, ${at + 3}, 0, 1, ${at + 4}, 'INVALID', 'Unsupported post request')`);
    return { tempId, click, user };
  }

  it("is listed, the latest first, without addresses", async () => {
    const { tempId, click, user } = await someone();
    const items = await feed();
    assert.deepEqual(items.map(({ kind, websiteId, title }) => [kind, websiteId, title]), [
      ["send", WEBSITE, "meta: rejected"], ["conversion", WEBSITE, "Purchase 19.90 EUR"], ["leave", WEBSITE, "Left main"], ["join", WEBSITE, "Joined main"],
      ["click", WEBSITE, "Click on main"], ["visit", WEBSITE, "Visit from telegram"],
    ]);
    const [send, conversion, leave, join, tap, visit] = items.map(({ detail }) => detail);
    assert.deepEqual([send.state, send.code, send.message, send.sendId], ["rejected", "INVALID", "Unsupported post request", "c777_meta"]);
    assert.deepEqual([conversion.value, conversion.currency, conversion.coldLead, conversion.attribution.utmContent], [19.9, "EUR", false, "501"]);
    assert.deepEqual([leave.status, leave.telegramUserId, leave.channel], ["left", user, "main"]);
    assert.deepEqual([join.organic, join.clickId, join.source, join.campaign, join.ad, join.channel], [false, click, "telegram", "5", "501", "main"]);
    assert.deepEqual([tap.channel, tap.mode, tap.source], ["main", "shared", "telegram"]);
    assert.deepEqual([visit.tempId, visit.source, visit.campaign, visit.ad, visit.bot], [tempId, "telegram", "5", "501", undefined]);
    assert.ok(visit.landingPage.startsWith("https://www.shop.test/lp"));
    assert.ok(!JSON.stringify(items).includes("203.0.113.7"));
  });

  it("goes on where a page ended, and keeps what happened at once together", async () => {
    await someone();
    const all = await feed();
    const seen = [];
    for (let before; ;) {
      const page = await feed({ limit: 2, ...(before && { before }) });
      if (!page.length) break;
      seen.push(...page);
      before = page.at(-1).at;
    }
    assert.deepEqual(seen, all);
    await api.edge.rows("UPDATE members SET changed_ms = first_joined_ms");
    const { at } = (await feed()).find(({ kind }) => kind === "join");
    assert.deepEqual((await feed({ limit: 1, before: at + 1 })).map(({ kind }) => kind).sort(), ["join", "leave"]);
    for (const [query, field] of [["limit=0", "limit"], ["limit=201", "limit"], ["before=x", "before"]]) refused(await api.get(`feed?${query}`), 400, "INVALID_PAYLOAD", field);
  });

  it("goes on through more than a page of one moment, of each kind", async () => {
    const at = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    const list = JSON.stringify(Array(600).fill(0));
    await api.edge.rows(`INSERT INTO members (chat_id, telegram_user_id, status, changed_ms, changed_by, first_joined_ms, joins)
      SELECT iif(key % 2, ${CHAT}, -1009), 1000 + key, iif(key % 3, 'left', 'member'), ${at} + iif(key % 2, 0, 1000), 1, ${at}, 1 FROM json_each(?1)`, list);
    await api.edge.rows(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, event_ms, attributed_ms, source, cold, awaits_value, overrides, person)
      SELECT 'k' || key, '${WEBSITE}', '${CHANNELS[0]}', 1000 + key, 'Lead', ${at}, ${at}, 'api', 0, 0, '{}', '{}' FROM json_each(?1) WHERE key < 300`, list);
    await api.edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms)
      SELECT 'k' || key, 'meta', '${WEBSITE}', 'meta', 'dead', ${at}, ${at}, 0, 1, ${at} FROM json_each(?1) WHERE key < 300`, list);
    const happened = 600 + 400 + 300 + 300;
    for (const limit of [1, 50, 200]) {
      const seen = [];
      let [before, longest] = [undefined, 0];
      do {
        const { items, next } = done(await api.get(`feed?${new URLSearchParams({ limit, ...(before && { before }) })}`));
        longest = Math.max(longest, items.length);
        seen.push(...items);
        before = items.length ? next ?? (next === null ? undefined : items.at(-1).at) : undefined;
      } while (before);
      assert.deepEqual([seen.length, new Set(seen.map((item) => JSON.stringify(item))).size], [happened, happened], `${limit} a page`);
      assert.ok(longest <= limit + 50 && seen.every((item, n) => !n || item.at <= seen[n - 1].at));
    }
    for (const before of ["1.2.3", "1.2.3.4.5.6", "x.0.0.0.0", "-1.0.0.0.0", "1.0.0.1e3.0"]) refused(await api.get(`feed?before=${before}`), 400, "INVALID_PAYLOAD", "before");
  });

  it("shows deliveries that failed long after they were made, when they failed", async () => {
    const now = Date.now() - 60_000;
    const list = JSON.stringify(Array(700).fill(0));
    await api.edge.rows(`INSERT INTO conversions (conversion_id, website_id, channel_id, telegram_user_id, event_type, event_ms, attributed_ms, source, cold, awaits_value, overrides, person)
      SELECT 'k' || key, '${WEBSITE}', '${CHANNELS[0]}', 1000 + key, 'Lead', ${now - 40 * HOUR}, ${now - 40 * HOUR}, 'api', 0, 0, '{}', '{}' FROM json_each(?1)`, list);
    await api.edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms)
      SELECT 'k' || key, 'meta', '${WEBSITE}', 'meta', iif(key < 20, iif(key % 2, 'dead', 'rejected'), 'sent'), ${now - 40 * HOUR} + key * 1000, 0, 0, 1,
        iif(key < 20, ${now} - key, ${now - 40 * HOUR} + key * 1000) FROM json_each(?1)`, list);
    assert.deepEqual((await feed({ limit: 20 })).map(({ detail }) => detail.conversionId), Array.from({ length: 20 }, (_, n) => `k${n}`));
    const sends = [];
    for (let before; ;) {
      const { items, next } = done(await api.get(`feed?${new URLSearchParams({ limit: 7, ...(before && { before }) })}`));
      sends.push(...items.filter(({ kind }) => kind === "send").map(({ detail }) => detail.conversionId));
      if (!next) break;
      before = next;
    }
    assert.deepEqual([sends.length, new Set(sends).size], [700, 700]);
  });

  it("is found in the midst of many without a look at all that came after", async () => {
    const start = Date.now() - 40 * DAY;
    // A visit a minute, each tenth a click, and each hundredth half an hour late.
    const at = (key) => `${start} + ${key} * 60000 - iif(${key} % 100 = 50, 1800000, 0)`;
    const list = JSON.stringify(Array(20_000).fill(0));
    await api.edge.rows(`INSERT INTO visits (visit_id, temp_id, at_ms, website_id, bot, client_session_id, captured_by, href, ip, user_agent, country, region, city, sourced, extra)
      SELECT 'v' || key, 't' || key, ${at("key")}, '${WEBSITE}', 0, 's', 'page', 'https://www.shop.test/', '', '', '', '', '', 1, '{}' FROM json_each(?1)`, list);
    await api.edge.rows(`INSERT INTO clicks (click_id, at_ms, website_id, temp_id, client_session_id, personal, attribution, ip, user_agent)
      SELECT 'c' || key, ${at("key")} + 5, '${WEBSITE}', 't' || key, 's', 0, '{}', '', '' FROM json_each(?1) WHERE key % 10 = 0`, list);
    await api.edge.rows("DELETE FROM visits WHERE rowid % 7 = 3");
    for (const before of [start + 5, start + 3_000 * 60_000, start + 12_345 * 60_000 + 7, start + 30_000 * 60_000]) {
      await api.edge.fail({ forget: true });
      const items = await feed({ before });
      const { rowsRead } = await api.edge.queue();
      const expected = await api.edge.rows("SELECT at_ms AS at FROM (SELECT at_ms FROM visits UNION ALL SELECT at_ms FROM clicks) WHERE at_ms < ?1 ORDER BY at_ms DESC LIMIT 50", before);
      assert.deepEqual(items.map(({ at }) => at), expected.map(({ at }) => at), `before ${before}`);
      assert.ok(rowsRead < 3_000, `${rowsRead} rows read`);
    }
  });

  it("is one person's trail, by each of its ids, the first step first", async () => {
    const { tempId, click, user } = await someone();
    await someone(778);
    const steps = await trail({ telegramUserId: user });
    assert.deepEqual(steps.map(({ kind }) => kind).filter((kind) => kind !== "fbp"), ["visit", "click", "join", "leave", "conversion", "send"]);
    assert.ok(steps.some(({ kind, detail }) => kind === "fbp" && detail.fbp === "fb.1.1795231938971.1"));
    assert.ok(steps.every(({ at }, n) => !n || at >= steps[n - 1].at));
    for (const query of [{ clickId: click }, { tempId }, { conversionId: `c${user}` }]) assert.deepEqual(await trail(query), steps, JSON.stringify(query));
    assert.deepEqual(await trail({ tempId: tempId.toUpperCase() }, { key: OPERATOR_KEY }), steps);
  });

  it("names the ids that a visit and a click carried", async () => {
    const tempId = randomUUID();
    const ids = { fbc: "fb.1.1795231938971.FbClick", fbp: "fb.1.1795231938971.2", ttp: "Ttp", scid: "Scid", ga: "GA1.1.1.2" };
    await api.world.init({ tempId, href: "https://www.shop.test/lp?fbclid=FbClick&ttclid=TtClick&gclid=GClick&gbraid=GBraid&wbraid=WBraid&ScCid=ScClick&tgclid=TgClick", ...ids });
    await api.world.invite({ tempId }, { headers: { cookie: "_fbc=fb.1.1795231938971.FbClick" } });
    await api.world.clicks();
    const [visit, click] = await trail({ tempId });
    assert.deepEqual(visit.detail.attribution, { ...ids, fbclid: "FbClick", ttclid: "TtClick", gclid: "GClick", gbraid: "GBraid", wbraid: "WBraid", sccid: "ScClick", tgclid: "TgClick" });
    assert.equal(click.detail.attribution.fbc, ids.fbc);
    const bare = randomUUID();
    await api.world.init({ tempId: bare, href: "https://www.shop.test/lp" });
    await api.edge.drained();
    assert.equal("attribution" in only(await trail({ tempId: bare })).detail, false);
  });

  it("is not told of nobody, nor to a key of another site", async () => {
    const { tempId, click, user } = await someone();
    refused(await api.get("trail?telegramUserId=5"), 404, "LEAD_NOT_FOUND");
    refused(await api.get(`trail?clickId=${clickId()}`), 404, "LEAD_NOT_FOUND");
    refused(await api.get("trail"), 400, "INVALID_PAYLOAD", "telegramUserId");
    refused(await api.get(`trail?tempId=${tempId}&clickId=${click}`), 400, "INVALID_PAYLOAD");
    refused(await api.get("trail?telegramUserId=x"), 400, "INVALID_PAYLOAD", "telegramUserId");
    const { key } = await api.createKey({ websiteId: OTHER_SITE });
    for (const query of [`telegramUserId=${user}`, `clickId=${click}`, `tempId=${tempId}`, `conversionId=c${user}`]) refused(await api.get(`trail?${query}`, { key }), 404, "LEAD_NOT_FOUND");
    assert.deepEqual(await feed({}, { key }), []);
    assert.equal((await feed({ websiteId: OTHER_SITE })).length, 0);
  });

  it("is told to a key of one site as far as that site knows", async () => {
    // Who came by the shop's click visits the other site by the same browser, and buys there: that these are one, the shop alone knows.
    const { tempId, user } = await someone();
    const websiteId = OTHER_SITE;
    const there = { headers: { origin: "https://www.other.test", referer: "https://www.other.test/" } };
    assert.equal((await api.world.init({ websiteId, tempId, href: "https://www.other.test/" }, there)).status, 200);
    await api.edge.drained();
    done(await api.post("events/conversion", { telegramUserId: user, eventType: "Lead", channelId: OTHER_CHANNEL }));
    const { key } = await api.createKey({ websiteId });
    const steps = await trail({ telegramUserId: user }, { key });
    assert.deepEqual(steps.map((step) => [step.kind, step.websiteId]), [["conversion", OTHER_SITE]]);
    // Asked by the browser, it is told of its own visit; the late browser id is of a visit of its own, too.
    const own = await trail({ tempId }, { key });
    assert.deepEqual([...new Set(own.map((step) => step.websiteId))], [OTHER_SITE]);
    assert.deepEqual(new Set((await trail({ telegramUserId: user })).map((step) => step.websiteId)), new Set([WEBSITE, OTHER_SITE]));
  });

  it("is of a site that there is, or was", async () => {
    await someone();
    for (const path of ["report", "report?format=csv", "feed", "sends", "match-quality", "trail?telegramUserId=777"]) {
      const at = `${path}${path.includes("?") ? "&" : "?"}websiteId=`;
      for (const key of [api.key, OPERATOR_KEY]) refused(await api.get(`${at}atid_none`, { key }), 400, "INVALID_PAYLOAD", "websiteId: no such site");
      const found = [200, path.startsWith("trail") ? 404 : 200];
      assert.deepEqual([(await api.get(`${at}${WEBSITE}`)).status, (await api.get(`${at}${OTHER_SITE}`)).status], found, path);
    }
    refused(await api.post("sends/replay", { state: "dead", websiteId: "atid_none" }), 400, "INVALID_PAYLOAD", "websiteId: no such site");
    // A site that is in no setting any more has left something.
    for (const table of ["conversions", "sends"]) await api.edge.rows(`UPDATE ${table} SET website_id = 'atid_gone'`);
    assert.deepEqual((await feed({ websiteId: "atid_gone" })).map(({ kind }) => kind), ["send", "conversion"]);
    assert.deepEqual(await feed({ websiteId: "atid_gone", before: 1 }), [], "a page behind the last");
    assert.equal(done(await api.get("report?websiteId=atid_gone")).total.purchases, 1);
    assert.equal(done(await api.get("sends?websiteId=atid_gone&state=dead")).sends.length, 0);
  });

  it("counts in the report once, however often and late it is told", async () => {
    const [tempId, eventId] = [randomUUID(), randomUUID()];
    const visit = { tempId, eventId, href: "https://www.shop.test/?gclid=G" };
    await api.edge.fail({ record: true });
    await api.world.invite({ tempId });
    await api.edge.drained();
    await api.world.init(visit);
    await api.world.init(visit);
    await api.edge.drained();
    const { recorded } = await api.edge.queue();
    await api.edge.fail({ record: false });
    for (const message of recorded) await api.edge.enqueue(message);
    await api.edge.drained();
    const report = done(await api.get("report?by=source"));
    assert.deepEqual([report.total.visits, report.total.inviteClicks], [1, 1]);
    assert.equal(rowOf(report, "google").visits, 1);
  });
});
