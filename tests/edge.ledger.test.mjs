// The ledger itself: what it forgets, and how it goes over several databases.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { startApi } from "./harness/api.mjs";
import { CLUB, clickId, startChats } from "./harness/chats.mjs";
import { ROOT } from "./harness/edge.mjs";
import { AHEAD } from "./harness/season.mjs";
import { until } from "./harness/wait.mjs";
import { CHANNELS, page, SITES, startWorld, WEBSITE } from "./harness/world.mjs";

const DAY = 86_400_000;

describe("the ledger's memory", () => {
  let world;
  before(async () => {
    const [shop, ...others] = SITES;
    const [main, ...channels] = shop.channels;
    // A year, and the 7 days that a link may wait in its pool.
    const sites = [{ ...shop, channels: [{ ...main, linkHours: 8_760 }, ...channels] }, ...others];
    world = await startWorld({ vars: { RETENTION_DAYS: "30", SITES: JSON.stringify(sites) } });
  });
  after(() => world.close());
  beforeEach(() => world.reset());

  /** Makes every row of a table that many days older. */
  const age = (table, column, days) => world.edge.rows(`UPDATE ${table} SET ${column} = ${column} - ${days * DAY}`);
  const count = async (table) => (await world.edge.rows(`SELECT count(*) AS n FROM ${table}`))[0].n;

  it("keeps visits, visitors and clicks for the days that are set, and no longer", async () => {
    const tempId = randomUUID();
    await world.init({ tempId });
    await world.invite({ tempId });
    assert.equal((await world.clicks()).length, 1);
    await age("visits", "at_ms", 31);
    await age("clicks", "at_ms", 31);
    await age("visitors", "last_seen_ms", 31);
    await world.init();
    await world.visits();
    await world.edge.strike();
    assert.deepEqual([await count("visits"), await count("clicks"), await count("visitors")], [1, 0, 1]);
  });

  it("keeps no visitor whom no visit leads to any more", async () => {
    // The last that can be: any part of the table that is looked into reaches to it.
    const tempId = "ffffffff-ffff-4fff-bfff-ffffffffffff";
    const fbp = { websiteId: WEBSITE, tempId, fbp: "fb.1.1795231938971.1" };
    await world.init(JSON.stringify(fbp), { path: "/e/update-fbp" });
    await world.edge.drained();
    await age("visitors", "last_seen_ms", 29);
    await world.edge.strike();
    assert.equal(await count("visitors"), 1);
    await age("visitors", "last_seen_ms", 2);
    await world.edge.strike();
    assert.equal(await count("visitors"), 0);
  });

  it("forgets what tells repetitions once nothing repeats any more", async () => {
    const now = Date.now();
    await world.edge.rows(`INSERT INTO telegram_updates SELECT 'shop_bot', value, ${now} - value * ${DAY} FROM json_each('[1, 6, 8]')`);
    await world.edge.rows(`INSERT INTO idempotency SELECT 'abcdefgh', value, '', ${now} - value * ${DAY / 24}, 0, 200, '{}' FROM json_each('[1, 23, 25]')`);
    await world.edge.strike();
    assert.deepEqual(await world.edge.rows("SELECT update_id FROM telegram_updates ORDER BY 1"), [{ update_id: 1 }, { update_id: 6 }]);
    assert.deepEqual(await world.edge.rows("SELECT idempotency_key FROM idempotency ORDER BY 1"), [{ idempotency_key: "1" }, { idempotency_key: "23" }]);
  });

  it("keeps whose click an invite link stands for as long as the link can be used", async () => {
    const now = Date.now();
    await world.edge.rows(`INSERT INTO invite_names (name, click_id, at_ms) SELECT value, 'x', ${now} - value * ${DAY} FROM json_each('[1, 31, 371, 373]')`);
    await world.edge.strike();
    assert.deepEqual((await world.edge.rows("SELECT name FROM invite_names ORDER BY at_ms DESC")).map(({ name }) => Number(name)), [1, 31, 371]);
  });

  it("goes on the next time when a database fails", async () => {
    await world.init();
    await world.visits();
    await age("visits", "at_ms", 31);
    await world.edge.fail({ d1: "fail" });
    await world.edge.strike();
    await until(() => world.logged("sweeping DB"), "a line in the log");
    await world.edge.fail({ d1: null });
    await world.edge.strike();
    assert.equal(await count("visits"), 0);
  });
});

describe("a ledger over two databases", () => {
  const OTHER = { websiteId: "atid_other", domains: ["other.test"], database: "DB_OTHER", channels: [{ slug: "o", invite: "https://t.me/+Other" }] };
  let world;
  before(async () => (world = await startWorld({ databases: ["DB_OTHER"], vars: { SITES: JSON.stringify([...SITES, OTHER]) } })));
  after(() => world.close());
  beforeEach(() => world.reset());

  it("keeps each site whole in its own", async () => {
    const tempId = randomUUID();
    const other = { origin: "https://other.test", referer: "https://other.test/" };
    await Promise.all([
      world.init(),
      world.init({ websiteId: OTHER.websiteId, href: "https://other.test/?gclid=G", tempId }, { headers: other }),
      world.invite({ websiteId: OTHER.websiteId, tempId }, { headers: other }),
    ]);
    await world.edge.request("/e/update-fbp", {
      method: "POST", headers: { "content-type": "text/plain", ...other }, body: { websiteId: OTHER.websiteId, tempId, fbp: "fb.1.1795231938971.1" },
    });
    await world.edge.drained();
    assert.deepEqual(await world.edge.rows("SELECT website_id FROM visits"), [{ website_id: WEBSITE }]);
    assert.deepEqual(await world.edge.rowsOf("DB_OTHER", "SELECT website_id, gclid, fbp FROM visits"), [
      { website_id: OTHER.websiteId, gclid: "G", fbp: "fb.1.1795231938971.1" },
    ]);
    assert.deepEqual(await world.edge.rows("SELECT * FROM clicks"), []);
    assert.equal((await world.edge.rowsOf("DB_OTHER", "SELECT * FROM clicks")).length, 1);
  });

  it("that has one out of reach says so, and keeps the others' records", async () => {
    const lost = await startWorld({ vars: { SITES: JSON.stringify([...SITES, OTHER]) } });
    try {
      assert.equal((await lost.edge.request("/healthz")).status, 503);
      await lost.init(page());
      await lost.init({ websiteId: OTHER.websiteId, href: "https://other.test/" }, { headers: { origin: "https://other.test" } });
      await lost.edge.drained();
      assert.equal((await lost.edge.rows("SELECT * FROM visits")).length, 1);
      await until(() => lost.logged("DB_OTHER is not bound"), "a line in the log");
      assert.equal(lost.edge.deadLetters.length, 1);
    } finally {
      await lost.close();
    }
  });
});

describe("what the ledger writes, as Cloudflare bills it", () => {
  let api, telegram;
  before(async () => ([api, telegram] = await Promise.all([startApi(), startChats()])));
  after(() => Promise.all([api.close(), telegram.close()]));

  /** How many rows and entries of indexes an edge writes for what happens. */
  async function rowsOf(edge, happens) {
    await edge.drained();
    await edge.fail({ forget: true });
    await happens();
    await edge.drained();
    return (await edge.queue()).rowsWritten;
  }

  it("is as few rows as the README says", async () => {
    await api.reset();
    // All on one day, and no use of the key is written down.
    telegram.botapi.advance(AHEAD);
    await Promise.all([api, telegram].map(({ edge }) => edge.advance(AHEAD)));
    await api.edge.rows("UPDATE api_keys SET last_used_ms = ?", Date.now() + DAY);
    const tempId = randomUUID();
    const { world } = api;
    const link = await telegram.link(clickId());
    const asked = telegram.botapi.requestToJoin(await telegram.link(clickId(), { chat: CLUB, creates_join_request: true }), 901);
    const lead = { telegramUserId: 77, channelId: CHANNELS[0], eventType: "Lead" };
    const written = {
      visit: await rowsOf(api.edge, () => world.init({ tempId })),
      lateFbp: await rowsOf(api.edge, () =>
        api.edge.request("/e/update-fbp", { method: "POST", headers: { "content-type": "text/plain" }, body: { websiteId: WEBSITE, tempId, fbp: "fb.1.1795231938971.1" } })),
      click: await rowsOf(api.edge, () => world.invite({ tempId })),
      join: await rowsOf(telegram.edge, () => telegram.tell(telegram.botapi.join(link, 900))),
      request: await rowsOf(telegram.edge, () => telegram.tell(asked)),
      start: await rowsOf(telegram.edge, () => telegram.tell(telegram.botapi.start(902, clickId()))),
      conversion: await rowsOf(api.edge, () => api.post("events/conversion", lead)),
      purchase: await rowsOf(api.edge, () => api.post("events/conversion", { ...lead, eventType: "Purchase", value: 19.9, currency: "EUR" })),
      conversionWithKey: await rowsOf(api.edge, () => api.post("events/conversion", { ...lead, telegramUserId: 78 }, { idempotencyKey: "a" })),
    };
    await api.edge.advance(100 * DAY);
    // A visit, its visitor, a click and an Idempotency-Key.
    written.forgotten = await rowsOf(api.edge, () => api.edge.strike());
    const readme = (await readFile(join(ROOT, "README.md"), "utf8")).replace(/\s+/g, " ");
    const said = /(\d+) for a visit, (\d+) for a late `_fbp`, (\d+) for a click .*?, (\d+) for a join .*?, (\d+) for a request to join or a Start .*?, (\d+) for a conversion by API \((\d+) with an Idempotency-Key/;
    const [visit, lateFbp, click, joined, asks, conversion, conversionWithKey] = said.exec(readme).slice(1).map(Number);
    assert.deepEqual(written, { visit, lateFbp, click, join: joined, request: asks, start: asks, conversion, purchase: conversion + 1, conversionWithKey, forgotten: 4 });
  });
});

describe("the ledger's SQL", () => {
  /** How many arguments each call of a function in `sql` has. */
  function calls(sql) {
    const [found, open] = [[], []];
    const tokens = sql.replace(/--.*/g, "").matchAll(/'(?:[^']|'')*'|(\w*)\s*\(|\)|,/g);
    for (const [token, name] of tokens) {
      if (token === ",") open.length && (open.at(-1).arguments += 1);
      else if (token === ")") found.push(open.pop());
      else if (name !== undefined) open.push({ name, arguments: 1 });
    }
    return found;
  }

  it("gives no function more than the 32 arguments that D1 documents: the one at hand takes 127", async () => {
    assert.deepEqual(calls("SELECT f(1, g(2, 'a, b'), (3))"), [{ name: "g", arguments: 2 }, { name: "", arguments: 1 }, { name: "f", arguments: 3 }]);
    let most = 0;
    for (const folder of ["migrations", "worker/src"]) {
      for (const file of (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith(".sql"))) {
        // Lists of columns and of values are no function's.
        const ofFunctions = calls(await readFile(join(ROOT, folder, file), "utf8")).filter(({ name }) => /^(json|coalesce|iif|min|max|printf|concat)/i.test(name));
        for (const { name, arguments: count } of ofFunctions) {
          assert.ok(count <= 32, `${file}: ${name} of ${count}`);
          most = Math.max(most, count);
        }
      }
    }
    assert.ok(most > 10, "they are read");
  });
});
