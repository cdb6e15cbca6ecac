// The operator's page in Chromium, on the built worker: its numbers are a generated season's, checked by a computation of their own, and what it shows
// of one person is what a visitor really did.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { OPERATOR_KEY, OTHER_CHANNEL, OTHER_SITE } from "./harness/api.mjs";
import { VIEWPORTS, engines } from "./harness/browsers.mjs";
import { OTHER_BOT, VIP } from "./harness/chats.mjs";
import { ALL, LANDING, startDeliveries } from "./harness/deliveries.mjs";
import { ROOT } from "./harness/edge.mjs";
import { startNetwork } from "./harness/network.mjs";
import { ADS, AHEAD, COUNTS, DAY, DAYS, NOW, REPORT_RATES, TODAY, advertised, dateOf, fill, listed, season, secondly } from "./harness/season.mjs";
import { until } from "./harness/wait.mjs";
import { CHANNELS, EDGE, FALLBACK, WEBSITE, startWorld } from "./harness/world.mjs";
import { CAMPAIGN, PASSWORD, USERNAME, startAdStat } from "./standins/adstat.mjs";
import { BOT, UPDATES } from "./standins/botapi.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["Funnel", "Deliveries", "Live", "Health", "Trail"];
/** Where pictures of the views go, if anywhere. */
const PICTURES = process.env.SCREENSHOTS && `${ROOT}tests/screenshots`;
const chromium = engines.find(({ name }) => name === "chromium");
/** The most that links are made ahead for the other site's channel. */
const POOL = 5;

describe("the operator's page", { skip: chromium.missing ?? false }, () => {
  const stats = advertised();
  const made = season(20_000, { toMs: NOW });
  let adstat, deliveries, network, browser, visitor, page, buyer, hashes;
  before(async () => {
    adstat = await startAdStat();
    deliveries = await startDeliveries({
      sites: [{
        websiteId: OTHER_SITE, domains: ["other.test"],
        channels: [{ slug: "other", channelId: OTHER_CHANNEL, invite: FALLBACK.vip, telegramId: VIP.id, mode: "personal", poolSize: POOL }],
      }],
      vars: { REPORT_RATES, ADSTAT_USERNAME: USERNAME, ADSTAT_PASSWORD: PASSWORD, ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url },
    });
    network = await startNetwork({ [new URL(EDGE).host]: deliveries.edge.url });
    browser = await chromium.launch({ network });
    await deliveries.reset();
    adstat.advance(AHEAD);
    await deliveries.advance(AHEAD);
    for (const { username } of [BOT, OTHER_BOT]) deliveries.botapi.webhooks.set(username, { url: `${EDGE}/hooks/telegram/${username}`, allowed_updates: UPDATES });
    await fill(deliveries.edge, made);
    Object.assign(adstat, { stats, ads: listed() });
    // AdStat's numbers are pulled, and the pool is filled.
    await deliveries.edge.strike();
    await until(async () => (await poolOf(OTHER_SITE))?.ready === POOL, "the pool is full");
    buyer = await someone();
    await deliveries.settled();
    hashes = { Funnel: "funnel", Deliveries: "deliveries", Live: "feed", Health: "health", Trail: `trail?id=${buyer.purchase}` };
  });
  after(() => Promise.all([browser?.close(), network?.close(), deliveries?.close(), adstat?.close()]));
  afterEach(() => visitor?.leave());

  /** `/healthz` as the operator sees it. */
  const health = async () => (await deliveries.edge.request("/healthz", { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).json();
  const poolOf = async (site) => (await deliveries.health()).sites.find(({ websiteId }) => websiteId === site).channels[0].pool;

  /** Somebody comes by the first ad, taps, joins and buys for 19.90 EUR, so that every platform has something to hear; the season counts them in. */
  async function someone() {
    const who = await deliveries.visitor({ href: `${LANDING}&utm_source=telegram&utm_campaign=${CAMPAIGN}&utm_content=501` });
    await until(async () => (await deliveries.edge.rows("SELECT 1 FROM clicks WHERE temp_id = ?", who.tempId)).length, "the click is written down");
    await deliveries.advance(20_000);
    const joined = await deliveries.join(who);
    await deliveries.settled();
    await deliveries.advance(40_000);
    const { conversionId: purchase } = await deliveries.convert({ telegramUserId: who.id });
    const [atMs, origin] = [NOW, { websiteId: WEBSITE, source: "telegram", campaign: String(CAMPAIGN), ad: "501" }];
    const channelId = CHANNELS[0];
    made.visits.push({ visit: { atMs, client: { bot: false } }, ...origin });
    made.clicks.push({ click: { atMs }, ...origin, channelId });
    made.members.push({ joinedMs: atMs, ...origin, channelId });
    made.purchases.push({ atMs, minor: 1_990, currency: "EUR", ...origin, channelId });
    return { ...who, clickId: who.click.replaceAll("-", ""), joined, purchase };
  }

  /** Takes conversions out of the ledger, with their deliveries. */
  const forget = (ids) => deliveries.edge.d1.batch(["sends", "conversions"].map((table) =>
    deliveries.edge.d1.prepare(`DELETE FROM ${table} WHERE conversion_id IN (SELECT value FROM json_each(?))`).bind(JSON.stringify(ids))));

  /** Somebody opens the page, with a key in the tab unless `key` is empty. */
  async function open(hash = "funnel", { phone = false, key = OPERATOR_KEY } = {}) {
    visitor = await browser.visitor({ phone });
    page = (await visitor.page()).driver.raw;
    await page.emulateMedia({ reducedMotion: "reduce" });
    // Its clock stands still, so that today stays today.
    await page.clock.setFixedTime(NOW);
    // As browsers before 2023 have it.
    await page.addInitScript(() => delete URLSearchParams.prototype.size);
    if (key) await page.addInitScript((key) => location.protocol === "https:" && sessionStorage.setItem("edgeway-ops-key", key), key);
    await page.goto(`${EDGE}/ops#${hash}`);
  }

  /** The page as it stands is sound by axe-core and no wider than its window, in these forms and both schemes; with a picture of each, where they go somewhere. */
  async function look(name, forms = ["desktop", "phone"]) {
    if (PICTURES) mkdirSync(PICTURES, { recursive: true });
    for (const form of forms) {
      await page.setViewportSize(VIEWPORTS[form]);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(() => scrollTo(0, 0));
        if (PICTURES) await page.screenshot({ path: `${PICTURES}/ops-${name}-${form}-${colorScheme}.png`, fullPage: true });
        const faults = await page.evaluate(async (source) => {
          // The page's own policy lets no script in but its own.
          if (!globalThis.axe) (0, eval)(source);
          const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
          return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).slice(0, 3).join("; ")}`);
        }, AXE);
        assert.deepEqual(faults, [], `${name} on a ${form}, ${colorScheme}`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than the window of a ${form}`);
      }
    }
  }

  const clean = (text) => text.replace(/\s+/g, " ").trim();
  const text = (selector) => page.locator(selector).allInnerTexts().then((all) => all.map(clean));
  const seen = (words) => page.getByText(words).first().waitFor();

  // ---- what the page is to show ----------------------------------------------------------------------------------------------

  const LABELS = { ...Object.fromEntries(ADS.map(({ id, title }) => [id, title])), [CAMPAIGN]: "Spring", [CHANNELS[0]]: "main", [CHANNELS[1]]: "vip", [OTHER_CHANNEL]: "other", "": "(none)" };
  const labelOf = (key) => LABELS[key] ?? key;
  const whole = (value) => value.toLocaleString("en-GB");
  const euros = (micros, each = 1) => (Number(micros) / 1e6 / each).toLocaleString("en-GB", { style: "currency", currency: "EUR" });
  const percent = (part, of) => (of ? `${((part / of) * 100).toLocaleString("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 })}%` : "–");

  /** The sums of the season's last days, by key and in all, as the second computation has them. */
  function sums(by, days, websiteId) {
    const { rows, unconverted } = secondly(made, stats, { by, fromDay: TODAY - days + 1, toDay: TODAY + 1, websiteId });
    const filled = (row = {}) => ({ ...Object.fromEntries(COUNTS.map((name) => [name, Number(row[name] ?? 0n)])), spend: row.spend ?? 0n, revenue: row.revenue ?? 0n });
    const lines = new Map([...rows].map(([key, row]) => [key, filled(row)]));
    const total = [...lines.values()].reduce((all, row) => Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value + row[name]])), filled());
    return { lines, total, unconverted };
  }
  /** Sums as a row of the table shows them. */
  function cellsOf({ impressions, adClicks, spend, visits, inviteClicks, joins, leaves, purchases, revenue }) {
    const isBought = impressions || adClicks || spend;
    const known = (value) => (isBought ? value : "–");
    return [
      known(whole(impressions)), known(whole(adClicks)), known(euros(spend)), whole(visits), whole(inviteClicks), percent(inviteClicks, visits), whole(joins), percent(joins, inviteClicks),
      whole(leaves), whole(purchases), euros(revenue), known(joins ? euros(spend, joins) : "–"), known(spend ? `${(Number(revenue) / Number(spend)).toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}×` : "–"),
    ];
  }
  /** Sums as a strip shows them, on one line. */
  function stripOf(name, row) {
    const [impressions, adClicks, spend, visits, inviteClicks, clickRate, joins, joinRate, leaves, purchases, revenue, costPerJoin, roas] = cellsOf(row);
    return `${name} Visits ${visits} Invite clicks ${inviteClicks} ${clickRate} of visits Joins ${joins} ${joinRate} of invite clicks Purchases ${purchases} ${percent(row.purchases, row.joins)} of joins `
      + `Spend ${spend} Revenue ${revenue} ROAS ${roas} Cost per join ${costPerJoin} Impressions ${impressions} Ad clicks ${adClicks} Leaves ${leaves}`;
  }
  /** The table as it stands: each row's name and cells, the total's last. */
  const table = (by) => page.getByRole("region", { name: `By ${by}`, exact: true }).locator("tbody tr, tfoot tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.innerText.trim())));

  describe("its door", () => {
    it("says what a browser may do with it, and serves what belongs to it", async () => {
      for (const [path, type] of [["/ops", "text/html"], ["/ops/", "text/html"], ["/ops/ops.js", "text/javascript"], ["/ops/ops.css", "text/css"], ["/ops/favicon.svg", "image/svg+xml"]]) {
        const { status, headers } = await deliveries.edge.request(path);
        assert.equal(status, 200, path);
        assert.ok(headers["content-type"].startsWith(type), `${path}: ${headers["content-type"]}`);
        assert.match(headers["content-security-policy"], /^default-src 'self';/);
        assert.deepEqual([headers["x-frame-options"], headers["referrer-policy"], headers["cache-control"]], ["DENY", "no-referrer", "no-cache"], path);
      }
      assert.equal((await deliveries.edge.request("/ops/nothing.js")).status, 404);
      assert.equal((await deliveries.edge.request("/ops", { method: "POST", body: {} })).status, 405);
    });

    it("is there in front of a site, whose own pages go on", async () => {
      const world = await startWorld({ front: true });
      try {
        assert.match((await world.edge.request("/ops")).text, /<script type="module" src="\/ops\/ops\.js">/);
        assert.equal((await world.edge.request("/ops/ops.js")).status, 200);
        assert.doesNotMatch((await world.edge.request("/")).text, /ops\.js/);
      } finally {
        await world.close();
      }
    });

    it("refuses a wrong key, takes the right one, and forgets it", async () => {
      await open("health", { key: "" });
      await page.getByLabel("Operator key").fill("not-the-key");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      assert.deepEqual(await text("[role=alert]"), ["INVALID_KEY The key is not accepted."]);
      assert.equal(await page.evaluate(() => sessionStorage.length), 0);
      await page.getByLabel("Operator key").fill(OPERATOR_KEY);
      await page.keyboard.press("Enter");
      await seen("All is well");
      await page.reload();
      await seen("All is well");
      await page.getByRole("button", { name: "Forget key" }).click();
      await page.getByLabel("Operator key").waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    });
  });

  describe("the funnel", () => {
    it("shows today's numbers and those of a time, with rates and money", async () => {
      await open();
      await page.getByRole("region", { name: "30 days" }).waitFor();
      const { lines, total } = sums("day", 30);
      assert.ok(total.purchases > 50 && total.revenue > 0n && total.spend > 0n && lines.size === DAYS);
      assert.deepEqual(await text(".strip"), [stripOf("Today", lines.get(dateOf(TODAY))), stripOf("30 days", total)]);
      await page.getByRole("button", { name: "7 days" }).click();
      await page.getByRole("region", { name: "7 days" }).waitFor();
      assert.deepEqual((await text(".strip"))[1], stripOf("7 days", sums("day", 7).total));
    });

    it("draws each day of it", async () => {
      await open();
      await page.getByRole("region", { name: "30 days" }).waitFor();
      const { lines, total } = sums("day", 30);
      assert.deepEqual(await text(".chart figcaption"), [
        ...[["Visits", "visits"], ["Invite clicks", "inviteClicks"], ["Joins", "joins"], ["Purchases", "purchases"]].map(([label, name]) => `${label} ${whole(total[name])} in all`),
        `Money Spend ${euros(total.spend)} Revenue ${euros(total.revenue)} in all`,
      ]);
      assert.equal(await page.locator(".chart canvas").count(), 5);
      // A day's bar is as wide as the plot by one more than the days.
      const plot = page.locator(".chart .u-over").first();
      const { width } = await plot.boundingBox();
      for (const back of [0, 12, 29]) {
        await plot.hover({ position: { x: (width * (DAYS - 0.5 - back)) / DAYS, y: 30 } });
        const day = dateOf(TODAY - back);
        const name = new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
        const row = lines.get(day);
        await until(async () => (await text(".chart .when"))[0] === name, `${name} under the pointer`);
        assert.deepEqual(await text(".chart output"), [...[row.visits, row.inviteClicks, row.joins, row.purchases].map(whole), euros(row.spend), euros(row.revenue)], name);
      }
    });

    for (const days of [7, 30, 90]) {
      it(`names the first of ${days} days and the last below each chart, whole, on a phone, too`, async () => {
        for (const phone of [false, true]) {
          await open("health", { phone });
          await seen("Edgeway");
          await page.evaluate(() => {
            const { fillText } = CanvasRenderingContext2D.prototype;
            window.written = new Map();
            CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
              const half = this.measureText(text).width / 2;
              const all = window.written.get(this.canvas) ?? window.written.set(this.canvas, []).get(this.canvas);
              if (this.textAlign === "center") all.push({ text, isWhole: x - half >= 0 && x + half <= this.canvas.width });
              return fillText.call(this, text, x, y);
            };
          });
          await page.evaluate((hash) => (location.hash = hash), `funnel?days=${days}`);
          await seen("Total");
          const charts = await until(async () => ((all) => all.length === 5 && all)(await page.evaluate(() => [...document.querySelectorAll(".plot canvas")].map((canvas) => window.written.get(canvas)))), "five charts");
          const name = (day) => new Date(dateOf(day)).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
          for (const labels of charts) {
            assert.equal(labels.at(-1).text, name(TODAY));
            if (phone || days === 7) assert.ok(labels.length > 1, JSON.stringify(labels));
            assert.ok(labels.every(({ isWhole }) => isWhole), JSON.stringify(labels));
          }
          if (phone) assert.ok(charts.slice(0, 4).every((labels) => labels.some(({ text }) => text === name(TODAY - days + 1))), JSON.stringify(charts));
          await visitor.leave();
        }
      });
    }

    for (const by of ["ad", "campaign", "source", "channel", "day"]) {
      it(`parts it by ${by}`, async () => {
        await open(`funnel?by=${by}`);
        await seen("Total");
        const { lines, total } = sums(by, 30);
        const [shownTotal, ...shown] = (await table(by)).reverse();
        assert.deepEqual(Object.fromEntries(shown.map(([name, ...cells]) => [name, cells])), Object.fromEntries([...lines].map(([key, row]) => [labelOf(key), cellsOf(row)])));
        assert.deepEqual(shownTotal, ["Total", ...cellsOf(total)]);
      });
    }

    it("is of one site where one is chosen", async () => {
      await open("funnel?by=channel");
      await seen("Total");
      await page.getByLabel("Site").selectOption(OTHER_SITE);
      const { lines, total } = sums("channel", 30, OTHER_SITE);
      assert.ok(lines.size === 2 && total.visits > 0);
      await until(async () => (await table("channel")).length === lines.size + 1, "that site's rows");
      assert.deepEqual((await table("channel")).at(-1), ["Total", ...cellsOf(total)]);
      await page.getByRole("region", { name: "30 days" }).waitFor();
      assert.equal((await text(".strip"))[1], stripOf("30 days", total));
      assert.match(page.url(), new RegExp(`site=${OTHER_SITE}`));
    });

    it("sorts, and gives it as CSV", async () => {
      await open();
      await page.getByRole("button", { name: "7 days" }).click();
      await page.getByRole("button", { name: "Campaign" }).click();
      const { lines } = sums("campaign", 7);
      const names = async () => (await table("campaign")).slice(0, -1).map(([name]) => name);
      const sorted = (value, sign) => [...lines].sort(([, one], [, other]) => sign * (value(one) - value(other))).map(([key]) => labelOf(key));
      await until(async () => (await names()).join() === sorted(({ visits }) => visits, -1).join(), "the most visits first");
      await page.getByRole("button", { name: "Joins" }).click();
      assert.deepEqual(await names(), sorted(({ joins }) => joins, -1));
      await page.getByRole("button", { name: "Joins" }).click();
      assert.deepEqual(await names(), sorted(({ joins }) => joins, 1));
      assert.match(page.url(), /#funnel\?days=7&by=campaign&sort=joins$/);
      for (const times of [1, 2]) {
        await page.getByRole("button", { name: "ROAS" }).click();
        assert.equal((await names())[0], "Spring", `what is not known stands last (${times})`);
      }
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
      assert.equal(download.suggestedFilename(), `edgeway-campaign-${dateOf(TODAY - 6)}-${dateOf(TODAY)}.csv`);
      const csv = readFileSync(await download.path(), "utf8");
      const asked = `/api/v1/report?by=campaign&format=csv&from=${dateOf(TODAY - 6)}&to=${dateOf(TODAY + 1)}`;
      assert.equal(csv.slice(0, 4), "\ufeffkey", "spreadsheets know it as UTF-8");
      assert.equal(csv.slice(1), (await deliveries.edge.request(asked, { headers: { authorization: `Bearer ${OPERATOR_KEY}` } })).text);
      const { visits, joins } = lines.get(String(CAMPAIGN));
      assert.match(csv, new RegExp(`\r\n${CAMPAIGN},Spring,(\\d+,){2}[\\d.]+,${visits},\\d+,${joins},`));
    });

    it("says that it lists no more than a thousand rows, where there are more", async () => {
      const day = TODAY - 80;
      await deliveries.edge.rows(`INSERT INTO traffic SELECT ${day}, '${WEBSITE}', 'many', '', 'many' || key, '', 1, 0 FROM json_each(?1)`, JSON.stringify(Array(1_200).fill(0)));
      try {
        await open("funnel?days=90");
        await seen("These are the 1,000 that weigh the most; the total is of all, and the CSV lists more.");
        const rows = await table("ad");
        assert.equal(rows.length, 1_001);
        assert.deepEqual(rows.at(-1), ["Total", ...cellsOf({ ...sums("ad", 90).total, visits: sums("ad", 90).total.visits + 1_200 })]);
        await look("funnel-truncated");
      } finally {
        await deliveries.edge.rows(`DELETE FROM traffic WHERE day = ${day}`);
      }
    });

    it("says what was converted, and what could not be", async () => {
      await open();
      await seen("1 USD = 0.92 EUR");
      const { unconverted } = sums("ad", 30);
      await seen(`Not counted for want of a rate in REPORT_RATES: ${(Number(unconverted.GBP) / 1e6).toLocaleString("en-GB")} GBP of revenue.`);
    });

    /** From now on the page reads each report as `change`, a function that stands for itself, leaves it. */
    const rewrite = (change) => page.addInitScript(`{
      const ask = window.fetch;
      window.fetch = async (url, options) => {
        const answer = await ask(url, options);
        if (!String(url).includes("/report?")) return answer;
        const report = await answer.json();
        (${change})(report);
        return Response.json(report);
      };
    }`);

    it("shows what an ad cost as not known where its currency has no rate, and as nothing where it cost nothing", async () => {
      await open("funnel?by=ad");
      await seen("Total");
      await rewrite((report) => {
        Object.assign(report.rows[0], { label: "Unrated", impressions: 9, adClicks: 1, joins: 0, spend: 0, costPerJoin: null, roas: null, unconverted: [{ currency: "RUB", spend: 500, revenue: 0 }] });
        Object.assign(report.rows[1], { label: "Free", impressions: 9, adClicks: 1, joins: 0, spend: 0, costPerJoin: null, roas: null });
        report.unconverted = [{ currency: "RUB", spend: 500, revenue: 0 }];
      });
      await page.reload();
      await seen("Unrated");
      const cells = new Map((await table("ad")).map(([name, ...cells]) => [name, cells.slice(0, 3)]));
      assert.deepEqual([cells.get("Unrated"), cells.get("Free")], [["9", "1", "–"], ["9", "1", "€0.00"]]);
      await look("funnel-unrated");
    });

    it("keeps large numbers apart on a phone", async () => {
      await open("health", { phone: true });
      await rewrite((report) => {
        report.currency = "RUB";
        Object.assign(report.total, { visits: 37_037_034, inviteClicks: 3_703_703, impressions: 987_654_321, spend: 3_703_703_670.36, revenue: 29_629_629_631.5, costPerJoin: 1_234_567.5, roas: 8 });
      });
      await page.goto(`${EDGE}/ops#funnel`);
      await page.reload();
      await page.getByRole("region", { name: "30 days" }).getByText("29,629,629,631.50").waitFor();
      for (const width of [320, 390]) {
        await page.setViewportSize({ width, height: 800 });
        const cut = await page.locator(".steps li, .sums div").evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText));
        assert.deepEqual(cut, [], String(width));
      }
      await look("funnel-large");
    });

    it("says since when no spend has come", async () => {
      await open();
      await seen("Total");
      assert.equal(await page.getByText("Spend is of").count(), 0);
      await page.clock.setFixedTime(NOW + 4 * 3_600_000);
      await page.reload();
      await seen(/^Spend is of [\d: -]+\. What ads cost since has not come from AdStat/);
      await page.getByRole("link", { name: "Health" }).last().click();
      await page.getByRole("heading", { level: 1, name: "Health" }).waitFor();
    });

    it("keeps names of any script and length in their cells, and fits the narrowest window", async () => {
      const { edge } = deliveries;
      const names = ["عرض خاص: خصم 50٪!", "מבצע ענק (50%) !", "\u202Etxt.exe", "A".repeat(200), "🔥".repeat(60)];
      for (const [place, name] of names.entries()) {
        await edge.rows("INSERT INTO ads (ad_id, title) VALUES (?, ?)", 900 + place, name);
        await edge.rows(`INSERT INTO ad_days VALUES (${TODAY}, ?, NULL, 123456789, 1234567, 1234567890000, 'EUR')`, 900 + place);
      }
      try {
        await open("funnel?days=7");
        await seen("Total");
        for (const name of names) assert.equal(await page.locator("th.name bdi").filter({ hasText: name }).evaluate((cell) => getComputedStyle(cell).unicodeBidi), "isolate");
        for (const width of [320, 390, 640]) {
          await page.setViewportSize({ width, height: 640 });
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}`);
        }
      } finally {
        for (const table of ["ads", "ad_days"]) await edge.rows(`DELETE FROM ${table} WHERE ad_id >= 900`);
      }
    });

    it("shows what is chosen where the system sets the colours, and all columns on paper", async () => {
      await open();
      await seen("Total");
      await page.emulateMedia({ forcedColors: "active" });
      const colors = () => page.locator("[aria-label=Time] button").evaluateAll((all) => all.map((each) => getComputedStyle(each).backgroundColor));
      const [week, month, quarter] = await colors();
      assert.ok(week === quarter && week !== month, `${week} ${month}`);
      assert.notEqual(await page.locator(".gauge i").first().evaluate((bar) => getComputedStyle(bar).backgroundColor), await page.locator(".strip").first().evaluate((strip) => getComputedStyle(strip).backgroundColor));
      await page.emulateMedia({ forcedColors: "none", media: "print" });
      // A4 across, within its margins.
      await page.setViewportSize({ width: 1_030, height: 720 });
      assert.ok(await page.evaluate(() => document.querySelector(".scroll table").getBoundingClientRect().right <= innerWidth), "a column is cut off");
      assert.equal(await page.getByRole("navigation").count(), 0);
    });
  });

  describe("deliveries", () => {
    /** What Meta says to the one it refuses. */
    let refused, others;
    beforeEach(async () => {
      const { platforms } = deliveries;
      platforms.meta.misbehave({ kind: "code", code: 100 });
      const [id] = await deliveries.backlog(buyer.purchase, 1, ["meta"]);
      await deliveries.settled();
      ({ meta: refused } = await deliveries.sends(id));
      assert.equal(refused.state, "rejected");
      const dead = { state: "'dead'", made_ms: `${NOW} - 3600000 + id.key`, attempts: "12", code: "'UNAVAILABLE'", words: "'no answer within 10000 ms'" };
      others = [id, ...(await deliveries.backlog(buyer.purchase, 59, ["meta"], dead))];
      platforms.meta.reset();
    });
    afterEach(() => forget(others));

    it("lists them with the platform's words and keys, filtered, page by page", async () => {
      await open("deliveries?state=dead");
      await page.locator(".delivery").nth(49).waitFor();
      assert.equal(await page.locator(".delivery").count(), 50);
      await page.getByRole("button", { name: "Show older" }).click();
      await until(async () => (await page.locator(".delivery").count()) === 59, "all that are dead");
      assert.equal(await page.getByRole("button", { name: "Show older" }).count(), 0);
      await page.getByLabel("State").selectOption("rejected");
      await until(async () => (await page.locator(".delivery").count()) === 1, "the one rejected");
      const [send] = await text(".delivery");
      for (const words of ["rejected", "meta", "1 attempt", refused.code, refused.message, refused.requestId, ...refused.matchKeys, ...refused.missingKeys]) assert.ok(send.includes(words), `${words}: ${send}`);
      await page.getByLabel("State").selectOption("");
      await page.getByLabel("Platform").selectOption("tiktok");
      await until(async () => (await text(".delivery")).map((each) => each.slice(0, 11)).join() === "sent tiktok,sent tiktok", "those of the join and of the purchase");
      assert.match(page.url(), /#deliveries\?platform=tiktok$/);
      await page.getByLabel("Conversion").fill(buyer.purchase);
      await page.keyboard.press("Enter");
      await until(async () => (await page.locator(".delivery").count()) === 1, "that of the purchase");
      await page.goBack();
      await until(async () => (await page.locator(".delivery").count()) === 2, "what was chosen before");
      assert.deepEqual([await page.getByLabel("Platform").inputValue(), await page.getByLabel("Conversion").inputValue()], ["tiktok", ""]);
    });

    it("sends one again, and all that match, each after a question", async () => {
      await open("deliveries?state=rejected");
      await page.locator(".delivery").first().waitFor();
      const again = page.getByRole("button", { name: `Send again… ${refused.conversionId} to meta`, exact: true });
      await again.click();
      await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
      assert.equal((await deliveries.sends(refused.conversionId)).meta.state, "rejected");
      await again.click();
      await page.getByRole("dialog").getByRole("button", { name: "Send again" }).click();
      await seen("1 delivery is sent again.");
      await deliveries.settled();
      assert.equal((await deliveries.sends(refused.conversionId)).meta.state, "sent");
      assert.deepEqual(deliveries.platforms.meta.ids(), [refused.eventId]);
      await page.getByLabel("State").selectOption("dead");
      await page.getByLabel("Platform").selectOption("meta");
      await page.getByRole("button", { name: "Send all again…" }).click();
      await page.getByRole("dialog").getByText("dead, to Meta").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Send all again" }).click();
      await seen("59 deliveries are sent again.");
      await deliveries.settled();
      assert.equal(deliveries.platforms.meta.ids().length, 60);
    });

    it("keeps the long name of a site in its place, in other views, too", async () => {
      await open("trail");
      await page.addInitScript(([name, long]) => {
        const ask = window.fetch;
        window.fetch = async (url, options) => {
          const answer = await ask(url, options);
          return new Response((await answer.text()).replaceAll(name, long), answer);
        };
      }, [WEBSITE, `atid_${"W".repeat(120)}`]);
      for (const [view, item] of [["deliveries", ".delivery .what"], ["feed", ".feed li"], [hashes.Trail, ".trail .head"], ["health", ".card"]]) {
        await page.goto("about:blank");
        await page.goto(`${EDGE}/ops#${view}`);
        await page.locator(item).filter({ hasText: "WWW" }).first().waitFor();
        for (const width of [390, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          const cut = await page.locator(item).evaluateAll((all) => all.filter((each) => each.scrollWidth > each.clientWidth).length);
          assert.deepEqual([cut, await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)], [0, false], `${view} at ${width}`);
        }
      }
    });

    it("shows how well each platform could match", async () => {
      await open("deliveries");
      const card = page.getByRole("region", { name: `meta, ${WEBSITE}` });
      await card.waitFor();
      const shown = clean(await card.innerText());
      const { destinations } = await deliveries.get("match-quality");
      assert.deepEqual(destinations.map(({ destination }) => destination).sort(), [...ALL].sort());
      const meta = destinations.find(({ destination }) => destination === "meta");
      assert.ok(shown.includes(`${meta.sent} sent, ${meta.averageKeys} keys each`), shown);
      for (const { key, share } of meta.keys) assert.ok(shown.includes(`${key} ${Math.round(share * 100)} %`), `${key}: ${shown}`);
    });
  });

  describe("what happens, live", () => {
    it("is shown as it happens, until told to stop", async () => {
      await open("feed");
      const lines = page.locator(".feed li");
      await lines.nth(49).waitFor();
      const before = await lines.count();
      const last = await text(".feed li");
      for (const [kind, title] of [["send", "meta: sent"], ["conversion", "Purchase 19.90 EUR"], ["conversion", "CompleteRegistration"], ["join", "Joined main"], ["click", "Click on main"], ["visit", "Visit from telegram"]]) {
        assert.ok(last.some((line) => line.includes(` ${kind} ${title} `)), `${kind} ${title}: ${last.slice(0, 20).join("\n")}`);
      }
      const purchase = last.find((line) => line.includes("Purchase 19.90 EUR"));
      assert.ok(purchase.includes(`user ${buyer.id}`), purchase);
      await someone();
      await until(async () => (await text(".feed li")).filter((line) => line.includes("Purchase 19.90 EUR")).length === 2, "the second purchase");
      await deliveries.settled();
      await until(async () => (await text(".feed li")).filter((line) => / send \w+: sent /.test(line)).length === 2 * (2 * ALL.length), "its deliveries");
      const items = await page.locator(".feed li").evaluateAll((all) => all.map((each) => each.innerText));
      assert.ok(items.length > before && new Set(items).size === items.length, "what was there is not there twice");
      assert.match((await text("[aria-live]"))[0], /^\d+ new$/);
      await page.getByRole("button", { name: "Show older" }).click();
      await until(async () => (await lines.count()) > items.length, "older ones");
      await page.getByRole("button", { name: "Pause" }).click();
      await seen("Paused");
      network.strike({ match: /\/feed\?/, how: { status: 500 } });
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("alert").getByText("The edge failed at this.").waitFor({ timeout: 15_000 });
      await seen("Interrupted");
      assert.ok((await lines.count()) > items.length, "what was seen stays");
      network.calm();
      await page.getByRole("button", { name: "Try again" }).click();
      await seen("Live");
    });

    it("catches up with more than a page", async () => {
      await open("feed");
      await page.locator(".feed li").nth(49).waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      const at = `${Date.now() + deliveries.ahead} + 1000 + id.key`;
      const many = await deliveries.backlog(buyer.purchase, 120, ["meta"], { state: "'dead'", made_ms: at, changed_ms: at, attempts: "12", code: "'MANY'", words: "'no answer'" });
      try {
        await page.getByRole("button", { name: "Pause" }).click();
        await until(async () => (await text(".feed li")).filter((line) => line.includes("MANY")).length === 120, "all of them");
      } finally {
        await forget(many);
      }
    });

    it("leads to the trail and back within the site that is chosen", async () => {
      await open(`feed?site=${WEBSITE}`);
      await page.getByRole("link", { name: `Trail of click ${buyer.clickId}` }).click();
      await seen(`of the click ${buyer.clickId}`);
      assert.equal(await page.getByLabel("Site").inputValue(), WEBSITE);
      await page.getByRole("link", { name: "Live", exact: true }).click();
      assert.match(page.url(), new RegExp(`#feed\\?site=${WEBSITE}$`));
    });

    it("says of a site that is none that there is none, as other views do", async () => {
      for (const view of ["funnel", "deliveries", "feed"]) {
        await open(`${view}?site=atid_none`);
        await seen("This edge has no such site, and nothing that one left. Choose another above.");
        await look(`no-site-${view}`);
        await page.getByLabel("Site").selectOption(WEBSITE);
        await page.getByText("This edge has no such site").first().waitFor({ state: "detached" });
        await visitor.leave();
      }
    });

    it("leads from each to the person's trail", async () => {
      await open("feed");
      await page.getByRole("link", { name: `Trail of click ${buyer.clickId}` }).click();
      await seen(`of the click ${buyer.clickId}`);
    });
  });

  describe("health", () => {
    it("shows that all is well, the pools, and AdStat's tokens", async () => {
      await open("health");
      await seen("All is well");
      const { adstat: { pulledAt, tokenFetchedAt, tokenExpiresAt, refreshTokenExpiresAt } } = await health();
      const pools = await text("[aria-label='Invite links by channel'] tbody tr");
      assert.match(pools.find((row) => row.startsWith("other ")), new RegExp(`^other ${POOL}( of ${POOL})? 0 filled personal set ${OTHER_SITE}$`));
      assert.equal(pools.find((row) => row.startsWith("main ")), `main – – no pool shared set ${WEBSITE}`);
      const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: "AdStat" }) });
      const shown = clean(await card.innerText());
      const minutes = Math.floor((tokenExpiresAt - NOW) / 60_000);
      assert.match(shown, new RegExp(` Token (\\S+ )?[\\d:]+ in ${minutes} min Refresh token \\S+ [\\d:]+ in (29 d|30 d)`));
      assert.deepEqual(await card.locator("time").evaluateAll((all) => all.map((each) => Date.parse(each.dateTime))), [pulledAt, tokenFetchedAt, tokenExpiresAt, refreshTokenExpiresAt].filter(Boolean));
    });

    it("says since when AdStat does not tell what ads cost, and why", async () => {
      const why = "statistics: 403: No rights";
      await deliveries.edge.rows("INSERT INTO pull_failure VALUES (1, ?, ?)", NOW - 2 * 3_600_000, why);
      try {
        await open("health");
        await seen("It works, but look at this: AdStat: behind.");
        const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: "AdStat" }) });
        await card.getByText(`what ads cost does not come: ${why}`).waitFor();
      } finally {
        await deliveries.edge.rows("DELETE FROM pull_failure");
      }
    });

    it("shows where Telegram's updates go, and what waits", async () => {
      const { webhooks, backlog } = await health();
      assert.equal(webhooks.length, 2);
      await open("health");
      await seen("All is well");
      const rows = await text("[aria-label='Telegram’s webhooks'] tbody tr");
      assert.deepEqual(rows.map((row) => row.replace(/ (\d{4}-\S+ )?[\d:]{8} /, " just now ")), webhooks.map(({ bot, lastUpdateAt }) => `@${bot} good 0 ${lastUpdateAt ? "just now" : "none in 7 days"} edge.shop.test`));
      const waits = await text("[aria-label='What waits'] tbody tr");
      const names = { queue: "Queue of visits and clicks", outbox: "Deliveries to ad platforms", owed: "Conversions for AdTarget" };
      assert.deepEqual(waits, Object.entries(names).map(([name, place]) => `${place} ${backlog[name].pending} – ${backlog[name].dead ?? "–"}`));
    });

    it("names the webhook that fails or leads elsewhere, and shows what was given up", async () => {
      const { botapi, edge } = deliveries;
      const good = new Map(botapi.webhooks);
      const failedAt = Math.floor(Date.now() / 1_000) + 86_400;
      botapi.webhooks.set(BOT.username, { ...good.get(BOT.username), pending_update_count: 7, last_error_date: failedAt, last_error_message: "Wrong response from the webhook: 500" });
      botapi.webhooks.set(OTHER_BOT.username, { url: "https://other.example/hook" });
      const owe = (id, status) => edge.rows(`INSERT INTO owed_conversions (conversion_id, telegram_user_id, at_ms, tried_ms, path, body, status, reason) VALUES ('${id}', 1, ${NOW - 7_200_000}, ${Date.now()}, 'x', '', '${status}', '404 CHANNEL_NOT_FOUND')`);
      await owe("bad-a", "owed");
      await owe("bad-b", "refused");
      const [dead] = await deliveries.backlog(buyer.purchase, 1, ["meta"], { state: "'dead'" });
      try {
        // What Telegram said is kept for a minute.
        await deliveries.advance(61_000);
        await open("health");
        await seen(`It works, but look at this: webhook of @${BOT.username}: failing; webhook of @${OTHER_BOT.username}: elsewhere; deliveries to meta: given up; deliveries to AdTarget: refused (1 in seven days, the latest: 404 CHANNEL_NOT_FOUND).`);
        const hooks = (await text("[aria-label='Telegram’s webhooks'] tbody tr")).map((row) => row.replace(/ (\d{4}-\S+ )?[\d:]{8} /, " just now "));
        assert.match(hooks[0], new RegExp(`^@${BOT.username} failing Wrong response from the webhook: 500 7 (just now|none in 7 days) edge.shop.test$`));
        assert.match(hooks[1], new RegExp(`^@${OTHER_BOT.username} elsewhere its updates do not come here 0 (just now|none in 7 days) other.example$`));
        const waits = await text("[aria-label='What waits'] tbody tr");
        assert.match(waits[1], /^Deliveries to ad platforms 0 – 1$/);
        assert.match(waits[2], /^Conversions for AdTarget 1 (\S+ )?[\d:]{8} 2 h 1$/);
        await look("health-bad");
      } finally {
        botapi.webhooks.clear();
        for (const [bot, hook] of good) botapi.webhooks.set(bot, hook);
        await edge.rows("DELETE FROM owed_conversions WHERE conversion_id LIKE 'bad-%'");
        await forget([dead]);
        await deliveries.advance(61_000);
      }
    });

    it("shows what each platform says to a test event", async () => {
      await open("health");
      await page.getByRole("button", { name: "Send one test event to each platform" }).click();
      const said = page.locator("[aria-label='What each platform said'] tbody tr");
      await said.first().waitFor();
      const { destinations } = await deliveries.operate("POST", "selftest", {});
      assert.equal(await said.count(), destinations.length);
      assert.match((await text("[aria-label='What each platform said'] tbody tr"))[0], /^meta yes yes yes .* atid_shop$/);
      await seen("5 of 5 accepted; 1 can’t be tested.");
    });

    it("says where deliveries wait and fail, and why", async () => {
      deliveries.platforms.meta.revoke();
      const [id] = await deliveries.backlog(buyer.purchase, 1, ["meta"]);
      try {
        await deliveries.ring();
        await until(async () => (await deliveries.health()).status === "failing", "it is noticed");
        await open("health");
        await seen("Something is wrong");
        const { deliveries: [{ pending, paused }] } = await deliveries.health();
        assert.deepEqual(await text("[aria-label='Deliveries that wait or fail'] tbody tr"), [`meta ${pending} 0 ${paused} ${WEBSITE}`]);
        await page.getByRole("link", { name: "meta", exact: true }).click();
        await page.getByRole("heading", { level: 1, name: "Deliveries" }).waitFor();
        assert.deepEqual([await page.getByLabel("Destination").inputValue(), await page.getByLabel("Site").inputValue()], ["meta", WEBSITE], "that site's alone, which can be replayed");
      } finally {
        deliveries.platforms.meta.behave();
        await deliveries.edge.rows("DELETE FROM circuits");
        await forget([id]);
      }
    });

    it("warns of a pool that runs dry, and says why it is not filled", async () => {
      const { edge, botapi } = deliveries;
      botapi.misbehave({ method: "createChatInviteLink", times: Infinity, status: 403, description: "Forbidden: bot was kicked from the channel chat" });
      try {
        for (let taken = 0; taken < POOL; taken += 1) {
          const query = new URLSearchParams({ websiteId: OTHER_SITE, tempId: crypto.randomUUID() });
          assert.equal((await edge.request(`/e/invite?${query}`, { headers: { referer: "https://other.test/" } })).status, 302);
        }
        const { lastError } = await until(async () => ((pool) => pool.lastError && pool)(await poolOf(OTHER_SITE)), "the Bot API's words");
        await open("health");
        const row = page.locator("[aria-label='Invite links by channel'] tbody tr").filter({ hasText: OTHER_SITE });
        await row.getByText("failing").waitFor();
        assert.match(clean(await row.innerText()), new RegExp(`^other 0( of ${POOL})? ${POOL} failing ${lastError} personal set ${OTHER_SITE}$`));
        await seen("It works, but look at this: links for other: failing.");
        const { status, cautions } = await health();
        assert.deepEqual([status, cautions], ["degraded", [{ about: "invites", websiteId: OTHER_SITE, name: "other", state: "failing", why: lastError }]]);
        assert.equal((await deliveries.health()).status, "ok", "to strangers it is what it was");
      } finally {
        botapi.behave();
      }
    });
  });

  describe("a trail", () => {
    it("is found by any id of it", async () => {
      const { steps } = await deliveries.get(`trail?telegramUserId=${buyer.id}`);
      assert.deepEqual(steps.slice(0, 3).map(({ kind }) => kind), ["visit", "click", "join"]);
      assert.equal(steps.filter(({ kind }) => kind === "send").length, 2 * ALL.length);
      await open("trail");
      const field = page.getByLabel("Any id");
      const ids = [
        [String(buyer.id), "Read as the id of a Telegram user, or a customer of yours.", `Telegram user ${buyer.id}`], [buyer.purchase, "click, or a conversion, or a visitor", `conversion ${buyer.purchase}`],
        [`${buyer.purchase}_meta`, "Read as the id of a conversion, or a customer of yours.", `conversion ${buyer.purchase}`], [`adtarget_${buyer.joined}`, "Read as the id of a conversion, ", `conversion ${buyer.joined}`],
        [buyer.clickId, "click, or a conversion, or a visitor", `click ${buyer.clickId}`], [buyer.tempId, "Read as the id of a visitor, or a click, or a customer of yours.", `visitor ${buyer.tempId}`],
      ];
      for (const [id, guess, found] of ids) {
        await field.fill(id);
        await seen(guess);
        await page.keyboard.press("Enter");
        await seen(`${steps.length} steps of the ${found}`);
        await until(async () => (await text(".trail .title")).join() === steps.map(({ title }) => title).join(), `the steps of ${id}`);
      }
      await deliveries.edge.rows("UPDATE leads SET external_user_id = 'customer-42' WHERE telegram_user_id = ?1", buyer.id);
      await field.fill("customer-42");
      await page.keyboard.press("Enter");
      await seen(`${steps.length} steps of the customer of yours customer-42`);
      const [first] = await text(".trail li");
      for (const words of [`campaign ${CAMPAIGN}`, "ad 501", `temp id ${buyer.tempId}`, "landing page https://www.shop.test/", "fbclid FbClick", "fbc fb.1.", "ttclid TtClick", "gclid GClick", "sccid 11111111-", "tgclid TgClick"]) assert.ok(first.includes(words), `${words}: ${first}`);
      const purchase = (await text(".trail li")).find((step) => step.includes("Purchase 19.90 EUR"));
      for (const words of [`telegram user id ${buyer.id}`, "told by api", "utm content 501"]) assert.ok(purchase.includes(words), `${words}: ${purchase}`);
    });

    it("is that of the address, however that changes", async () => {
      await open(`trail?id=${buyer.id}`);
      await seen(`of the Telegram user ${buyer.id}`);
      await page.evaluate((id) => (location.hash = `trail?id=${id}`), buyer.clickId);
      await seen(`of the click ${buyer.clickId}`);
      assert.equal(await page.getByLabel("Any id").inputValue(), buyer.clickId);
      await page.goBack();
      await seen(`of the Telegram user ${buyer.id}`);
      assert.equal(await page.getByLabel("Any id").inputValue(), String(buyer.id));
    });

    it("of nobody is said to be none", async () => {
      await open("trail");
      const field = page.getByLabel("Any id");
      for (const [id, words] of [["5", "No trail of 5."], ["0".repeat(32), `No trail of ${"0".repeat(32)}.`]]) {
        await field.fill(id);
        await page.keyboard.press("Enter");
        await seen(words);
      }
      await field.fill("who?");
      await seen("Read as the id of a customer of yours.");
      await page.keyboard.press("Enter");
      await seen("No trail of who?.");
      await open(`trail?id=${buyer.id}&site=${OTHER_SITE}`);
      await seen(`No trail of ${buyer.id}.`);
      await page.getByLabel("Site").selectOption(WEBSITE);
      await seen(`of the Telegram user ${buyer.id}`);
    });
  });

  describe("of an edge that is new and ill set", () => {
    let world;
    before(async () => {
      // AdStat does not take that password.
      const settings = { REPORT_RATES: "[]", ADSTAT_USERNAME: "nobody", ADSTAT_PASSWORD: "wrong", ADSTAT_BASE_URL: adstat.client.url, ADSTAT_API_BASE_URL: adstat.clientapi.url };
      world = await startWorld({ vars: { OPERATOR_KEY, ...settings } });
      network.hosts[new URL(EDGE).host] = world.edge.url;
      await world.edge.advance(AHEAD);
      await world.edge.strike();
    });
    after(async () => {
      network.hosts[new URL(EDGE).host] = deliveries.edge.url;
      await world?.close();
    });

    it("says what is wrong, and in which setting", async () => {
      await open("health");
      await seen("Something is wrong Look at this, too: AdStat: failing.");
      const { problems, adstat: { lastError } } = (await world.edge.request("/healthz")).json();
      assert.ok(problems.some(({ setting }) => setting === "REPORT_RATES") && lastError);
      assert.deepEqual(await text(".problems > div"), problems.map(({ setting, message }) => `${setting} ${message}`));
      const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: "AdStat" }) });
      assert.equal(clean(await card.innerText()), `AdStat Token none yet Refresh token none yet Last error ${lastError}`);
      await look("health-ill");
    });

    for (const [hash, ...words] of [["funnel", "Nothing in this time."], ["deliveries", "No deliveries match.", "Nothing was sent in this time."], ["feed", "Nothing has happened yet."], ["trail", "A Telegram user’s number, the id"]]) {
      it(`says of ${hash} that there is nothing yet`, async () => {
        await open(hash);
        for (const each of words) await seen(each);
        if (hash === "funnel") {
          await page.getByRole("region", { name: "30 days" }).waitFor();
          assert.deepEqual(await text(".strip"), ["Today", "30 days"].map((name) => stripOf(name, sums("day", 0).total)));
        }
        await look(`${hash}-new`);
        assert.deepEqual(visitor.errors, []);
      });
    }
  });

  for (const [status, code, words] of [[404, "NOT_FOUND", "This edge does not have this yet."], [401, "INVALID_KEY", "The key is not accepted."], [429, "RATE_LIMITED", "Too many calls. Try again in 7 s."], [500, "INTERNAL_ERROR", "The edge failed at this. Its log says why."], [403, "ACCESS_DENIED", "You are not let in here. The edge's own words."]]) {
    it(`survives ${status} in every view`, async () => {
      await open("feed");
      await page.route(/\/api\/v1\/|\/healthz$/, (route) => route.fulfill({ status, headers: { "retry-after": "7" }, json: { error: { code, message: "The edge's own words." } } }));
      for (const hash of Object.values(hashes)) {
        if (hash.startsWith("trail") && status === 404) continue;
        await page.goto("about:blank");
        await page.goto(`${EDGE}/ops#${hash}`);
        const alert = page.getByRole("alert").first();
        await alert.waitFor();
        assert.equal((await alert.locator("p").innerText()).trim(), `${code} ${words}`);
        assert.equal(await page.getByRole("navigation").count(), 1, hash);
        if (status === 500) await look(`${hash.split("?")[0]}-failing`);
        if (status === 401) await alert.getByRole("button", { name: "Enter another key" }).waitFor();
      }
      assert.deepEqual(visitor.errors, []);
    });
  }

  it("needs no mouse", async () => {
    await open("funnel", { key: "" });
    const press = (name) => page.keyboard.press(name);
    await until(() => page.evaluate(() => document.activeElement.type === "password"), "the field has the focus");
    await page.keyboard.type(OPERATOR_KEY);
    await press("Enter");
    await seen("Total");
    const focused = () => page.evaluate(() => document.activeElement.innerText ?? "");
    const tabTo = async (name, key = "Tab") => {
      for (let steps = 0; steps < 20; steps++) {
        if ((await focused()).trim() === name) return;
        await press(key);
      }
      assert.fail(`no way to ${name} by ${key}`);
    };
    for (const view of [...VIEWS.slice(1), "Funnel"]) {
      await press("Shift+Tab");
      await tabTo(view, "Shift+Tab");
      await press("Enter");
      await until(async () => (await page.evaluate(() => document.activeElement.tagName)) === "H1" && (await focused()) === view, `${view} has the focus`);
      assert.equal(await page.title(), `${view} · Edgeway`);
    }
    await tabTo("Channel");
    await press("Enter");
    await until(() => page.url().endsWith("by=channel"), "by channel");
  });

  for (const [form, phone] of [["desktop", false], ["phone", true]]) {
    it(`is sound by axe-core on a ${form}`, async () => {
      await open("funnel", { phone, key: "" });
      await page.getByLabel("Operator key").waitFor();
      await look("key", [form]);
      await visitor.leave();
      for (const view of VIEWS) {
        await open(hashes[view], { phone });
        await page.getByRole("heading", { level: 1, name: view }).waitFor();
        await until(() => page.evaluate(() => document.querySelector("table, .delivery, .feed li, .trail li")), view);
        if (view === "Deliveries") await page.locator(".card").first().waitFor();
        if (view === "Health") {
          await page.getByRole("button", { name: "Send one test event" }).click();
          await page.locator("[aria-label='What each platform said']").waitFor();
        }
        if (view === "Funnel") await page.locator("tfoot").waitFor();
        await look(view.toLowerCase(), [form]);
        await visitor.leave();
      }
    });
  }
});
