// The operator's page in Chromium, on the built worker. Its numbers for report, feed and trail come from tests/standins/report.mjs.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { engines } from "./harness/browsers.mjs";
import { startDeliveries } from "./harness/deliveries.mjs";
import { ROOT } from "./harness/edge.mjs";
import { startNetwork } from "./harness/network.mjs";
import { until } from "./harness/wait.mjs";
import { EDGE, WEBSITE, startWorld } from "./harness/world.mjs";
import { CONVERSION, FEED, TRAIL, USER, report } from "./standins/report.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["Funnel", "Deliveries", "Live", "Health", "Trail"];
const HASHES = { Funnel: "funnel", Deliveries: "deliveries", Live: "feed", Health: "health", Trail: `trail?id=${CONVERSION}` };
/** Where pictures of the views go, if anywhere. */
const PICTURES = process.env.SCREENSHOTS && `${ROOT}tests/screenshots`;
const chromium = engines.find(({ name }) => name === "chromium");

describe("the operator's page", { skip: chromium.missing ?? false }, () => {
  let deliveries, network, browser, visitor, page, answers, asked;
  before(async () => {
    deliveries = await startDeliveries();
    network = await startNetwork({ [new URL(EDGE).host]: deliveries.edge.url });
    browser = await chromium.launch({ network });
    await deliveries.reset();
    await deliveries.convert();
    await deliveries.settled();
  });
  after(() => Promise.all([browser?.close(), network?.close(), deliveries.close()]));
  afterEach(() => visitor?.leave());

  /** Somebody opens the page, with a key in the tab unless `key` is empty. */
  async function open(hash = "funnel", { phone = false, dark = false, key = OPERATOR_KEY } = {}) {
    visitor = await browser.visitor({ phone });
    page = (await visitor.page()).driver.raw;
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
    answers = { report: (query) => report(query), feed: () => ({ items: FEED }), trail: (query) => TRAIL(query) };
    asked = [];
    for (const name of Object.keys(answers)) {
      await page.route(`**/api/v1/${name}?*`, async (route) => {
        const query = Object.fromEntries(new URL(route.request().url()).searchParams);
        asked.push([name, query]);
        const answer = await answers[name](query);
        await route.fulfill({ status: answer.status ?? 200, json: answer.status ? answer.body : answer, headers: answer.headers ?? {} });
      });
    }
    if (key) await page.addInitScript((key) => location.protocol === "https:" && sessionStorage.setItem("edgeway-ops-key", key), key);
    await page.goto(`${EDGE}/ops#${hash}`);
  }

  const text = (selector) => page.locator(selector).allInnerTexts().then((all) => all.map((each) => each.replace(/\s+/g, " ").trim()));
  const seen = (words) => page.getByText(words).first().waitFor();
  const refusal = (status, code, message) => () => ({ status, body: { error: { code, message } } });

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
      await page.getByRole("alert").getByText("The key is not accepted.").waitFor();
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
      await seen("Total");
      const [today, days] = await text(".strip");
      assert.match(today, /^Today Visits 412 Invite clicks 160 38\.8% of visits Joins 97 60\.6% of invite clicks Purchases 6 6\.2% of joins/);
      assert.match(days, /^30 days Visits 12,154 Invite clicks 4,720 38\.8% of visits Joins 2,862 60\.6% of invite clicks Purchases 177 6\.2% of joins/);
      assert.match(days, /Spend €3,645\.80 Revenue €8,673\.00 ROAS 2\.38× Cost per join €1\.27 Impressions 364,620 Ad clicks 14,585 Leaves 295/);
      assert.deepEqual(await text(".chart b"), ["Visits", "Invite clicks", "Joins", "Purchases", "Money"]);
      assert.equal(await page.locator(".chart canvas").count(), 5);
      const [[, { from, to, by }]] = asked;
      assert.deepEqual([(Date.parse(to) - Date.parse(from)) / 86_400_000, by], [30, "day"]);
      await page.locator(".chart .u-over").first().hover({ position: { x: 5, y: 30 } });
      await until(async () => (await text(".chart .when"))[0] !== "in all", "the day under the pointer");
    });

    it("parts it by what brought people, sorts, and gives it as CSV", async () => {
      await open();
      await page.getByRole("button", { name: "7 days" }).click();
      await page.getByRole("button", { name: "Campaign" }).click();
      await until(() => asked.some(([, { by, from, to }]) => by === "campaign" && Date.parse(to) - Date.parse(from) === 7 * 86_400_000), "asked by campaign");
      await seen("autumn-launch");
      const names = () => text("tbody th");
      await until(async () => (await names())[0] === "autumn-launch", "the most visits first");
      await page.getByRole("button", { name: "ROAS" }).click();
      assert.deepEqual((await names())[0], "=retarget, warm");
      await page.getByRole("button", { name: "ROAS" }).click();
      assert.equal((await names()).at(-1), "(none)", "what is not known stands last");
      assert.match(page.url(), /#funnel\?days=7&by=campaign&sort=roas$/);
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
      const csv = readFileSync(await download.path(), "utf8").split("\r\n");
      assert.equal(csv[0], "key,label,impressions,adClicks,spend,visits,inviteClicks,joins,leaves,purchases,revenue,costPerJoin,roas,currency");
      assert.ok(csv.includes(`c2,"'=retarget, warm",41000,1640,410,1420,560,350,31,31,1519,1.17,3.7,EUR`), csv.join("\n"));
    });

    it("says what was converted, and what could not be", async () => {
      await open("funnel?by=campaign");
      await seen("1 USD = 0.92 EUR");
      await seen("Not counted");
    });
  });

  describe("deliveries", () => {
    beforeEach(async () => {
      await deliveries.edge.rows("DELETE FROM sends WHERE conversion_id GLOB 'feed*'");
      const rows = Array.from({ length: 60 }, (_, index) => `('feed${String(index).padStart(28, "0")}', 'meta', '${WEBSITE}', 'meta', '${index === 7 ? "rejected" : "dead"}', ${Date.now() - 3_600_000 + index}, 0, 0, 3, ${Date.now() - 1_800_000},
        '${index === 7 ? "100" : "UNAVAILABLE"}', '${index === 7 ? "Invalid parameter: event_time" : "no answer within 10000 ms"}', NULL, 'external_id,fbc')`);
      await deliveries.edge.rows(`INSERT INTO sends (conversion_id, destination, website_id, platform, state, made_ms, owed_since_ms, due_ms, attempts, changed_ms, code, words, request_id, match_keys) VALUES ${rows.join(", ")}`);
    });

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
      for (const words of ["rejected", "meta", "3 attempts", "100 Invalid parameter: event_time", "external_id", "fbc", "email"]) assert.ok(send.includes(words), `${words}: ${send}`);
      await page.getByLabel("State").selectOption("");
      await page.getByLabel("Platform").selectOption("tiktok");
      await until(async () => (await text(".delivery")).join().startsWith("sent tiktok"), "the one to TikTok");
      assert.match(page.url(), /#deliveries\?platform=tiktok$/);
    });

    it("sends one again, and all that match, each after a question", async () => {
      await open("deliveries?state=rejected");
      await page.locator(".delivery").first().waitFor();
      await page.getByRole("button", { name: /^Send again… feed.* to meta$/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
      assert.equal((await deliveries.edge.rows("SELECT 1 FROM sends WHERE state = 'rejected'")).length, 1);
      await page.getByRole("button", { name: /^Send again… feed.* to meta$/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Send again" }).click();
      await seen("1 delivery is sent again.");
      assert.equal((await deliveries.edge.rows("SELECT 1 FROM sends WHERE conversion_id GLOB 'feed*07' AND state = 'rejected'")).length, 0);
      await page.getByLabel("State").selectOption("dead");
      await page.getByLabel("Platform").selectOption("meta");
      await page.getByRole("button", { name: "Send all again…" }).click();
      await page.getByRole("dialog").getByText("dead, to Meta").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Send all again" }).click();
      await seen("59 deliveries are sent again.");
    });

    it("shows how well each platform could match", async () => {
      await open("deliveries");
      const card = page.getByRole("region", { name: `meta, ${WEBSITE}` });
      await card.waitFor();
      const shown = (await card.innerText()).replace(/\s+/g, " ");
      const { destinations } = await deliveries.get("match-quality");
      const meta = destinations.find(({ destination }) => destination === "meta");
      assert.ok(shown.includes(`${meta.sent} sent, ${meta.averageKeys} keys each`), shown);
      for (const { key, share } of meta.keys) assert.ok(shown.includes(`${key} ${Math.round(share * 100)} %`), `${key}: ${shown}`);
    });
  });

  it("shows what happens as it happens, and stops when told to", async () => {
    await open("feed");
    await page.locator(".feed li").nth(FEED.length - 1).waitFor();
    assert.match((await text(".feed li"))[0], /visit .*\/landing/);
    answers.feed = () => ({ items: [{ kind: "join", at: Date.now(), websiteId: WEBSITE, title: "Somebody joined", detail: "main" }, ...FEED] });
    await page.getByText("Somebody joined").waitFor({ timeout: 15_000 });
    assert.equal(await page.locator(".feed li").count(), FEED.length + 1, "what was there is not there twice");
    assert.deepEqual(await text("[aria-live]"), ["1 new"]);
    await page.getByRole("button", { name: "Pause" }).click();
    await seen("Paused");
    answers.feed = refusal(500, "INTERNAL_ERROR", "no");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("alert").getByText("The edge failed at this.").waitFor({ timeout: 15_000 });
    assert.equal(await page.locator(".feed li").count(), FEED.length + 1, "what was seen stays");
  });

  it("shows how the edge is, and what each platform says to a test event", async () => {
    await open("health");
    await seen("All is well");
    const rows = await text("[aria-label='Invite links by channel'] tbody tr");
    assert.match(rows[0], new RegExp(`^${WEBSITE} main `));
    await page.getByRole("button", { name: "Send one test event to each platform" }).click();
    const said = page.locator("[aria-label='What each platform said'] tbody tr");
    await said.first().waitFor();
    const { destinations } = await deliveries.operate("POST", "selftest", {});
    assert.equal(await said.count(), destinations.length);
    assert.match((await text("[aria-label='What each platform said'] tbody tr"))[0], new RegExp(`^${WEBSITE} meta yes yes yes`));
  });

  it("finds a trail by any id of it", async () => {
    await open("trail");
    const field = page.getByLabel("Any id");
    await field.fill(String(USER));
    await seen("Read as the id of a Telegram user.");
    await page.keyboard.press("Enter");
    await seen(`5 steps of the Telegram user ${USER}`);
    assert.deepEqual((await text(".trail .head")).map((head) => head.split(" ")[0]), ["visit", "click", "join", "conversion", "send"]);
    assert.match((await text(".trail .head"))[1], /18 s later$/);
    await field.fill(`${CONVERSION}_meta`);
    await page.keyboard.press("Enter");
    await seen(`5 steps of the conversion ${CONVERSION}`);
    await field.fill(CONVERSION);
    await page.keyboard.press("Enter");
    await until(() => asked.some(([name, query]) => name === "trail" && query.clickId === CONVERSION), "a click is tried first");
    await seen(`5 steps of the conversion ${CONVERSION}`);
    await field.fill("0");
    await page.keyboard.press("Enter");
    await seen("No trail of 0.");
    await field.fill("who?");
    await seen("Not an id Edgeway gives");
  });

  for (const [status, code, words] of [[404, "NOT_FOUND", "This edge does not have this yet."], [401, "INVALID_KEY", "The key is not accepted."], [429, "RATE_LIMITED", "Too many calls. Try again in 7 s."], [500, "INTERNAL_ERROR", "The edge failed at this. Its log says why."]]) {
    it(`survives ${status} in every view`, async () => {
      await open("feed");
      await page.route(/\/api\/v1\/|\/healthz$/, (route) => route.fulfill({ status, headers: { "retry-after": "7" }, json: { error: { code, message: "The edge's own words." } } }));
      for (const hash of Object.values(HASHES)) {
        if (hash.startsWith("trail") && status === 404) continue;
        await page.goto("about:blank");
        await page.goto(`${EDGE}/ops#${hash}`);
        const alert = page.getByRole("alert").first();
        await alert.getByText(`${words} The edge's own words.`).waitFor();
        assert.equal(await page.getByRole("navigation").count(), 1, hash);
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

  for (const phone of [false, true]) {
    for (const dark of [false, true]) {
      it(`is sound by axe-core on a ${phone ? "phone" : "desktop"}, ${dark ? "dark" : "light"}`, async () => {
        const look = async (name) => {
          if (PICTURES) {
            mkdirSync(PICTURES, { recursive: true });
            await page.screenshot({ path: `${PICTURES}/ops-${name.toLowerCase()}-${phone ? "phone" : "desktop"}-${dark ? "dark" : "light"}.png`, fullPage: true });
          }
          const faults = await page.evaluate(async (source) => {
            // The page's own policy lets no script in but its own.
            if (!globalThis.axe) (0, eval)(source);
            const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
            return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).slice(0, 3).join("; ")}`);
          }, AXE);
          assert.deepEqual(faults, [], name);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than the window`);
        };
        await open("funnel", { phone, dark, key: "" });
        await page.getByLabel("Operator key").waitFor();
        await look("Key");
        await visitor.leave();
        for (const view of VIEWS) {
          await open(HASHES[view], { phone, dark });
          await page.getByRole("heading", { level: 1, name: view }).waitFor();
          await until(() => page.evaluate(() => document.querySelector("table, .delivery, .feed li, .trail li")), view);
          if (view === "Deliveries") await page.locator(".card").first().waitFor();
          if (view === "Health") {
            await page.getByRole("button", { name: "Send one test event" }).click();
            await page.locator("[aria-label='What each platform said']").waitFor();
          }
          if (view === "Funnel") await page.locator("tfoot").waitFor();
          await look(view);
          await visitor.leave();
        }
      });
    }
  }
});
