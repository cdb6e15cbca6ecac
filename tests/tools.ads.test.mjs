// `npm run ads`, run as a person runs it, against an edge with AdStat's stand-in behind it: every call from the command line.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { AD, JPEG, WEEK, numbers, startShop } from "./harness/adstat.mjs";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { ROOT } from "./harness/edge.mjs";
import { findProgram } from "../tools/browsers.mjs";
import { only, startWorld } from "./harness/world.mjs";
import { ACCOUNT, CAMPAIGN, KKTU, OTHER_ACCOUNT, PASSWORD } from "./standins/adstat.mjs";

describe("npm run ads", () => {
  let shop;
  let adstat;
  let folder;
  before(async () => {
    shop = await startShop();
    ({ adstat } = shop);
    folder = await mkdtemp(path.join(tmpdir(), "edgeway-ads-"));
  });
  after(() => Promise.all([shop.close(), rm(folder, { recursive: true })]));
  beforeEach(async () => {
    await shop.reset();
    await shop.advance(61_000);
  });

  /** Runs it; gives its exit code and what it printed. */
  const run = (words, { input = "", env = {} } = {}) =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, ["tools/ads.mjs", ...words], { cwd: ROOT, env: { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1", EDGEWAY_URL: shop.edge.url, OPERATOR_KEY, ...env } }, (error, stdout, stderr) => {
        for (const secret of [OPERATOR_KEY, PASSWORD]) assert.ok(!(stdout + stderr).includes(secret));
        resolve({ code: error?.code ?? 0, out: stdout, err: stderr });
      });
      child.stdin.end(input);
    });
  const ok = async (words, options) => {
    const { code, out, err } = await run(words, options);
    assert.equal(code, 0, out + err);
    return out;
  };
  const json = async (words, options) => JSON.parse(await ok([...words, "--json"], options));
  const fails = async (words, expected, options) => {
    const { code, err } = await run(words, options);
    assert.equal(code, 1, err);
    assert.match(err, expected);
  };
  const file = async (name, content) => {
    const at = path.join(folder, name);
    await writeFile(at, typeof content === "string" || Buffer.isBuffer(content) ? content : JSON.stringify(content));
    return at;
  };
  const create = async (fields = {}, ...words) => ["create", "--from", await file("ad.json", { ...AD, ...fields }), ...words];
  const bought = async (fields) => (await json(await create(fields, "--yes"))).ad_id;

  it("accounts, campaigns", async () => {
    assert.match(await ok(["accounts"]), /ACC0000222 +Shop +active +400.5 +99.5 +1234.56 +3 +Shop LLC/);
    assert.match(await ok(["accounts", "--names"]), /ACC0000333 +Other +10 +ord +no/);
    assert.match(await ok(["accounts", ACCOUNT]), /legal_name +Shop LLC/);
    assert.equal(only((await json(["accounts", "--name", "oth"])).items).account_id, OTHER_ACCOUNT);
    assert.match(await ok(["campaigns", "--active", "--period", "all"]), /4567123 +Spring/);
    assert.equal(only((await json(["campaigns", "--inactive"])).items).name, "Summer");
    const [account, campaign] = [adstat.accounts[0], adstat.campaigns[0]];
    adstat.accounts.push(...Array.from({ length: 120 }, (_, n) => ({ ...account, account_id: `MANY${n}` })));
    adstat.campaigns.push(...Array.from({ length: 118 }, (_, n) => ({ ...campaign, id: 10_000 + n })));
    assert.deepEqual([(await json(["accounts"])).items.length, (await json(["campaigns"])).items.length], [122, 120], "all of them, however long AdStat's pages are");
    assert.deepEqual((await json(["campaigns", "--limit", "2", "--offset", "1"])).items.map(({ id }) => id), adstat.campaigns.slice(1, 3).map(({ id }) => id));
  });

  it("create checks everything without buying on a dry run", async () => {
    const out = await ok(await create({ schedule: WEEK, kktu_ids: [KKTU.third], titel: 1 }, "--dry-run"));
    assert.match(out, /promote_url +https:\/\/shop.test\/lp\?utm_source=telegram&utm_medium=cpc&utm_campaign=4567123&utm_content=order-id/);
    assert.match(out, /shown 21 hours a week: mon-sun 9-11/);
    assert.match(out, /documentation has no titel/);
    await fails(await create({ cpm: 0, schedule: { ...WEEK, tue: [24] }, kktu_ids: [KKTU.first] }, "--dry-run"), /400 INVALID_PAYLOAD\n {2}cpm: expected a number above 0\n {2}schedule.tue: expected/);
    await fails(await create({ kktu_ids: [KKTU.first] }, "--dry-run"), /kktu_ids: expected an entry of the third level/);
    assert.equal(adstat.ads.length, 0);
    assert.deepEqual(await shop.orders(), []);
  });

  it("create asks before it buys, and buys with --yes", async () => {
    await fails(await create(), /Buy this ad, with a budget of 10\? Nobody is there to ask: say --yes/);
    assert.equal(adstat.ads.length, 0);
    const out = await ok(await create({ currency_code: "EUR" }, "--yes"));
    const ad = only(adstat.ads);
    assert.match(out, new RegExp(`The ad is bought: ${ad.ad_id}, in_review`));
    const order = only(await shop.orders());
    assert.equal(ad.promote_url, `https://shop.test/lp?utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}&utm_content=${order.order_id.slice(0, 12)}`);
    assert.match(await ok(["orders"]), new RegExp(`operator +create +${ad.ad_id} +done +Spring +2 +10 +${order.order_id}`));
  });

  // That of the BSDs and macOS has other options.
  const hasScript = findProgram("script") && spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux");
  describe("at a terminal", { skip: hasScript ? false : "there is no script(1) of util-linux to make one" }, () => {
    /** Runs it in a terminal of its own, where somebody types `answer` once it asks. */
    const typed = (words, answer) =>
      new Promise((resolve) => {
        const command = [process.execPath, "tools/ads.mjs", ...words].map((word) => `'${word}'`).join(" ");
        const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: ROOT, env: { ...process.env, NO_COLOR: "1", NODE_NO_WARNINGS: "1", EDGEWAY_URL: shop.edge.url, OPERATOR_KEY } });
        let shown = "";
        child.stdout.on("data", (bytes) => {
          const before = shown;
          shown += bytes;
          if (!before.includes("[y/N] ") && shown.includes("[y/N] ")) child.stdin.write(answer);
        });
        child.on("close", (code) => resolve({ code, shown }));
      });

    for (const answer of ["y\r", "Yes\r"]) {
      it(`create asks, and buys on ${JSON.stringify(answer)}`, async () => {
        const { code, shown } = await typed(await create({ daily_budget: 2, currency_code: "EUR" }), answer);
        assert.equal(code, 0, shown);
        assert.match(shown, /Buy this ad, with a budget of 10 EUR, 2 a day\? \[y\/N\] /);
        assert.match(shown, new RegExp(`The ad is bought: ${only(adstat.ads).ad_id}`));
      });
    }

    // Enter, another word, the end of what is typed, an interrupt.
    for (const answer of ["\r", "n\r", "yeah\r", "\x04", "\x03"]) {
      it(`create buys nothing on ${JSON.stringify(answer)}`, async () => {
        const { code, shown } = await typed(await create(), answer);
        assert.notEqual(code, 0, shown);
        assert.match(shown, /budget of 10\? \[y\/N\] [^\n]*\nNothing was done\.\r\n$/);
        assert.equal(adstat.ads.length, 0);
        assert.deepEqual(await shop.orders(), []);
      });
    }

    it("edit asks, too", async () => {
      const ad = String(await bought());
      assert.match((await typed(["edit", ad, "--set", "cpm=3"], "n\r")).shown, new RegExp(`Change ad ${ad}\\?`));
      assert.equal(adstat.ads[0].cpm, 2);
      const { code, shown } = await typed(["edit", ad, "--set", "cpm=3"], "y\r");
      assert.equal(code, 0, shown);
      assert.equal(adstat.ads[0].cpm, 3);
    });
  });

  it("create leaves a link as it is where that is asked for, or where it leads into Telegram", async () => {
    await ok(await create({}, "--yes", "--no-utm"));
    await ok(await create({ promote_url: "t.me/+AbCd", ad_object: "t.me/channel" }, "--yes"));
    await ok(["create", "--from", "-", "--yes"], { input: JSON.stringify({ ...AD, promote_url: "https://shop.test/?utm_content=mine" }) });
    assert.deepEqual(adstat.ads.map(({ promote_url }) => promote_url), [AD.promote_url, "t.me/+AbCd", `https://shop.test/?utm_content=mine&utm_source=telegram&utm_medium=cpc&utm_campaign=${CAMPAIGN}`]);
  });

  it("create asks again when the answer is lost, and buys once", async () => {
    adstat.misbehave({ call: "ad.create", cut: "headers" });
    const { code, out, err } = await run(await create({}, "--yes", "--json"));
    assert.equal(code, 0, err);
    assert.match(err, /AdStat's answer was lost.*Asking again in 2 s; it is done once/s);
    assert.equal(JSON.parse(out).ad_id, only(adstat.ads).ad_id);
    await ok(await create({}, "--yes", "--key", "spring-1"));
    await ok(await create({}, "--yes", "--key", "spring-1"));
    assert.equal(adstat.ads.length, 2);
  });

  it("create, typed twice, buys once and says so; another like it takes a key", async () => {
    assert.match(await ok(await create({}, "--yes")), /The ad is bought: /);
    const { ad_id } = only(adstat.ads);
    const { code, out, err } = await run(await create({}, "--yes"));
    assert.equal(code, 0, err);
    assert.match(out, new RegExp(`The ad was bought before: ${ad_id}`));
    assert.match(err, /Nothing was bought now: this very ad was, in the last 24 hours\. Another like it takes a --key/);
    only(adstat.ads);
    await ok(await create({}, "--yes", "--key", "second"));
    await ok(await create({ title: "Summer" }, "--yes"));
    assert.equal(adstat.ads.length, 3);
  });

  it("create gives up at once where the edge is not set to buy", async () => {
    const other = await startWorld({ vars: { OPERATOR_KEY } });
    try {
      await fails(await create({}, "--yes"), /503 API_DISABLED\n {2}AdStat is called with the secrets [^\n]*\n$/, { env: { EDGEWAY_URL: other.edge.url } });
    } finally {
      await other.close();
    }
  });

  it("says when to come back", async () => {
    adstat.misbehave({ call: "ad.create", status: 429, retryAfter: 7, body: "<html>", type: "text/html" });
    await fails(await create({}, "--yes"), /AdStat: 429 Too many requests; come back in 7 s\n$/);
  });

  it("list, show", async () => {
    const ad = await bought({ schedule: { ...WEEK, sun: [] }, title: "A title that is much longer than any column has room for" });
    assert.match(await ok(["list"]), new RegExp(`${ad} +in_review +A title that is much longer than any column…`));
    assert.equal(only((await json(["list", "--period", "today", "--limit", "5"])).data).id, ad);
    assert.match(await ok(["list", "--title", "other"]), /^none/);
    assert.match(await ok(["show", String(ad)]), /schedule +mon-sat 9-11, sun never/);
    assert.equal((await json(["show", String(ad)])).ad_id, ad);
    await fails(["show", "7"], /AdStat: 404 Advertisement not found/);
    await fails(["list", "--limit", "501"], /limit: expected 1 to 500/);
  });

  it("list goes through all pages", async () => {
    const ad = await bought();
    adstat.ads = Array.from({ length: 1_001 }, (_, index) => ({ ...adstat.ads[0], ad_id: ad + index }));
    assert.equal((await json(["list"])).data.length, 1_001);
    assert.deepEqual(adstat.named("ads").slice(-3).map(({ query }) => query.offset), ["0", "500", "1000"]);
  });

  it("edit changes what is said and nothing else", async () => {
    const ad = String(await bought({ schedule: WEEK, daily_budget: 1 }));
    assert.match(await ok(["edit", ad, "--set", "cpm=3", "--set", "schedule=null", "--dry-run"]), /cpm +2 +3\n/);
    await fails(["edit", ad, "--set", "cpm=3"], /say --yes/);
    assert.equal(adstat.ads[0].cpm, 2);
    await ok(["edit", ad, "--set", "cpm=3", "--set", "title=New title", "--yes"]);
    assert.deepEqual([adstat.ads[0].cpm, adstat.ads[0].title, adstat.ads[0].schedule, adstat.ads[0].daily_budget], [3, "New title", WEEK, 1]);
    await ok(["edit", ad, "--from", await file("edit.json", { daily_budget: 5 }), "--yes"]);
    assert.equal(adstat.ads[0].daily_budget, 5);
    await fails(["edit", ad, "--set", "budget=99", "--yes"], /budget: it can't be edited/);
    assert.equal((await json(["edit", ad, "--set", "cpm=3"])).changes.length, 0);
  });

  it("upload, bots, kktu", async () => {
    const token = (await ok(["upload", await file("ad.jpg", JPEG), "--account", ACCOUNT])).trim();
    assert.equal(adstat.media.get(token), "image/jpeg");
    await fails(["upload", await file("ad.gif", "GIF89a"), "--account", ACCOUNT], /Unsupported media type/);
    await fails(["upload", path.join(folder, "none.jpg"), "--account", ACCOUNT], /none.jpg/);
    await fails(["upload", await file("ad.jpg", JPEG)], /--account: there are 2 cabinets: ACC0000222, ACC0000333/);
    adstat.accounts.length = 1;
    adstat.revoke();
    assert.equal((await json(["upload", await file("ad.jpg", JPEG)])).error, null);

    const { code, out } = await run(["bots", "bot_1", "small_bot"]);
    assert.equal(code, 1);
    assert.match(out, /123456789 +t.me\/bot_1/);
    assert.match(out, /small_bot can't be targeted: Advertisement: Target bot must have 1000\+ daily users/);
    assert.match(await ok(["kktu", "вино"]), new RegExp(`${KKTU.third} +1.1.1 +ВИНО`));
    assert.deepEqual((await json(["kktu"])).items.map(({ code }) => code), ["1.1.1", "1.1.2", "1.2.1"]);
  });

  it("pixel", async () => {
    const account = ["--account", ACCOUNT];
    assert.match(await ok(["pixel", "types"]), /page_view +Page View/);
    const { id, tg_event_id } = await json(["pixel", "create", "--title", "Lead", "--type", "custom", ...account]);
    assert.match(await ok(["pixel", "list", ...account]), new RegExp(`${id} +${tg_event_id} +Lead +custom +inactive`));
    await ok(["pixel", "rename", id, "--title", "Заявка", ...account]);
    assert.equal(adstat.events.at(-1).title, "Заявка");
    assert.match(await ok(["pixel", "snippet", ...account]), /^The pixel's id is pxACC0000222\..*tgp\("init","pxACC0000222"\)/s);
    await ok(["pixel", "delete", id, ...account]);
    assert.equal(adstat.events.length, 2);
    await fails(["pixel", "delete", id, ...account], /AdStat: 404 Event or account not found/);
    await fails(["pixel", "create", "--title", "x", "--type", "lead", ...account], /AdStat: 422 Unsupported event type/);
    await fails(["pixel", "create", "--title", "x", ...account], /type: missing/);
  });

  it("audience", async () => {
    const account = ["--account", ACCOUNT];
    await ok(["audience", "create", await file("vip.csv", numbers(1_000)), ...account]);
    assert.match(await ok(["audience", "list", ...account]), /1 +vip/);
    await fails(["audience", "create", await file("few.csv", numbers(999)), "--title", "Few", ...account], /audience: expected 1000 numbers at least, found 999/);
    await fails(["audience", "create", await file("vip.csv", numbers(1_000)), "--account", OTHER_ACCOUNT], /AdStat: 403 Audiences are available/);
  });

  it("stats goes through all pages", async () => {
    adstat.stats = Array.from({ length: 700 }, (_, ad) => ({ at_ms: Date.parse("2026-09-01"), account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "t.me/x", ad_id: ad + 1, impressions: 1000, clicks: 10, goals: 1, spent: 0.123456 }));
    const asked = ["stats", "--from", "2026-09-01", "--to", "2026-09-01"];
    assert.equal((await json(asked)).items.length, 700);
    assert.deepEqual([(await json([...asked, "--limit", "10"])).items.length, (await json([...asked, "--limit", "600"])).items.length], [10, 600]);
    assert.match(await ok([...asked, "--by", "cabinet", "--currency", "TON"]), /period +account_id .*\n2026-09-01 +ACC0000222 +700000 +7000 +700 +86.4192 .*TON/);
    assert.match(await ok([...asked, "--account", OTHER_ACCOUNT]), /none/);
    await fails(["stats", "--from", "2026-09-01"], /period_to: missing/);
    await fails([...asked, "--unit", "hour"], /period_from: with the unit hour/);
    const answer = (cursor) => adstat.misbehave({ call: "stats", body: JSON.stringify({ items: [{ period: "2026-09-01", spent: 1 }], cursor }) });
    answer("");
    assert.equal((await json(asked)).items.length, 1, "an empty cursor is none");
    for (const _ of [1, 2]) answer(Buffer.from("after:0").toString("base64url"));
    await fails(asked, /the same cursor twice/);
  });

  it("list shows titles whole, and obeys none", async () => {
    await bought({ title: "\u001b[31mred\u202E" });
    Object.assign(adstat.ads[0], { title: `${"👨‍👩‍👧".repeat(50)}` });
    await bought({ title: "Плюс \u001b[31mred\u202E" });
    const [, family, plain] = (await ok(["list"])).split("\n");
    assert.match(family, / (👨‍👩‍👧){43}… {2}Spring/u);
    assert.match(plain, / Плюс \[31mred +Spring/);
  });

  it("report sets what ads cost beside what they brought", async () => {
    const ad = await bought({ title: "Spring" });
    const at_ms = adstat.nowMs();
    const today = new Date(at_ms).toISOString().slice(0, 10);
    adstat.stats = [{ at_ms, account_id: ACCOUNT, campaign_id: CAMPAIGN, ad_object: "x", ad_id: ad, impressions: 1000, clicks: 10, goals: 1, spent: 1.25 }];
    await shop.edge.strike();
    const head = /^ad +impressions +clicks +spend EUR +visits +taps +joins +leaves +purchases +revenue EUR +cost\/join +ROAS\n/;
    const out = await ok(["report"]);
    assert.match(out, head);
    assert.match(out, /\nSpring +1000 +10 +1\.25 +0 +0 +0 +0 +0 +0\.00 +0\.00\ntotal +1000 +10 +1\.25 /);
    const { rows, from, to } = await json(["report", "--by", "day", "--from", today, "--to", today]);
    assert.deepEqual([only(rows).key, only(rows).spend, to - from], [today, 1.25, 86_400_000], "both days are meant");
    await shop.edge.rows("INSERT INTO ad_days SELECT day, ad_id + 1, campaign_id, 0, 0, 8000000, 'RUB' FROM ad_days");
    assert.match(await ok(["report", "--by", "campaign"]), /not counted, as REPORT_RATES has no RUB: 8 of spend, 0 of revenue/);
    await fails(["report", "--by", "hour"], /INVALID_PAYLOAD, by:/);
    for (const day of ["soon", "2026-11-31", "2026-9-1"]) await fails(["report", "--to", day], /INVALID_PAYLOAD, to:/);
  });

  it("says what is wrong with the call itself", async () => {
    for (const words of [[], ["--help"], ["create", "-h"]]) assert.match(await ok(words), /^npm run ads -- COMMAND/);
    const all = "npm run ads -- --help lists all commands.\n";
    for (const [words, problem, usage] of [
      [["show"], "ads show: a word is missing.", "  show AD\n\n"], [["show", "1", "2"], "ads show: 2 is not expected.", "  show AD\n\n"],
      [["orders", "1"], "ads orders: 1 is not expected.", "  orders\n\n"], [["buy"], "There is no command buy.", ""], [["list", "--nope"], "Unknown option '--nope'", ""],
      [["list", "--dry-run"], "ads list takes no --dry-run.", "  list [--period P] [--title T] [--campaign C] [--deleted] [--limit N] [--offset N]\n\n"],
      [["edit", "1"], "ads edit: say what is to change, by --set FIELD=VALUE or --from FILE.", "  edit AD [--from edit.json] [--set FIELD=VALUE]… [--dry-run] [--no-utm] [--key KEY] [--yes]\n\n"],
    ]) assert.deepEqual(await run(words), { code: 1, out: "", err: `${problem}\n${usage}${all}` });
    await fails(["pixel"], /^ads pixel: a word is missing\.\n  pixel list \| /);
    await fails(["pixel", "rename"], /^ads pixel rename: a word is missing\.\n  pixel list \| /);
    await fails(["pixel", "buy"], /^There is no command pixel buy\.\n  pixel list \| /);
    await fails(["create", "--from", path.join(folder, "nothing.json")], /nothing\.json: there is no such file\n$/);
    await fails(["upload", folder], /: it is a folder\n$/);
    await fails(["list", "--what"], /--what/);
    await fails(["create"], /--from/);
    await fails(["create", "--from", await file("bad.json", "{")], /bad.json: /);
    await fails(["create", "--from", await file("list.json", "[]")], /expected a JSON object/);
    await fails(["edit", "1", "--set", "cpm"], /--set cpm: expected FIELD=VALUE/);
    await fails(["accounts"], /401 INVALID_KEY/, { env: { OPERATOR_KEY: "x".repeat(32) } });
    await fails(["accounts"], /no answer/, { env: { EDGEWAY_URL: "http://127.0.0.1:9" } });
  });

  it("passes the edge's warning on", async () => {
    await ok(["accounts"]);
    await shop.advance(28 * 86_400_000);
    const { err } = await run(["accounts"]);
    assert.match(err, /AdStat's refresh token dies in \d+ h/);
  });
});
