// Whatever breaks, each conversion ends at each platform exactly once, after the platform's deduplication, or among the dead letters; none is lost.
// DELIVERY_RUNS says how many conversions (1,000), DELIVERY_SEED with which chance (1; a failure names the seed that repeats its round alone).
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ACCOUNTS, LEAD, startDeliveries } from "./harness/deliveries.mjs";
import { numbers } from "./harness/numbers.mjs";
import { sleep } from "./harness/wait.mjs";
import { startBotApi } from "./standins/botapi.mjs";
import { startPlatforms } from "./standins/platforms.mjs";

const RUNS = Number(process.env.DELIVERY_RUNS ?? 1_000);
const SEED = Number(process.env.DELIVERY_SEED ?? 1);
/** How many conversions share an outage. */
const TOGETHER = 40;
/** In every so many rounds the worker is killed, and in every so many one platform is away for two days. */
const [KILLED, AWAY] = [8, 7];
const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
/** How many times shorter the worker's patience with a platform is: 200 ms instead of 20 s. */
const HASTE = 100;

/** The platforms that know a copy by its event id, and where in an event that is. */
const ID = {
  meta: (event) => event.event_id, tiktok: (event) => event.event_id, snapchat: (event) => event.event_id, google: (event) => event.transactionId,
  ga4: (event) => event.params.transaction_id,
};
const NAMES = Object.keys(ID);

/** What may befall a request: whether it was taken or not, no answer, a late one, or a bad one. */
const FAULTS = [
  { kind: "throttled" }, { kind: "throttled", retryAfter: 600 }, { kind: "status", status: 500 }, { kind: "status", status: 503 }, { kind: "status", status: 503, taken: true },
  { kind: "cut", at: "before" }, { kind: "cut", at: "after" }, { kind: "cut", at: "body" }, { kind: "slow", ms: 300 }, { kind: "slow", ms: 150 },
  { kind: "html", status: 502 }, { kind: "html", status: 504, taken: true },
];
/** How often one strikes. */
const TIMES = [1, 1, 1, 2, 2, 3, 5, 8];

const pick = (random, list) => list[Math.floor(random() * list.length)];

/** Draws the faults of a round, and lets the platforms have them. */
function strike(random, platforms) {
  for (const name of NAMES) {
    for (let nth = Math.floor(random() * 4); nth > 0; nth -= 1) platforms[name].misbehave({ ...pick(random, FAULTS), times: pick(random, TIMES) });
  }
  if (random() < 0.2) platforms.oauth.misbehave({ ...pick(random, [{ kind: "status", status: 503 }, { kind: "cut", at: "after" }, { kind: "throttled" }]), times: 2 });
  if (random() < 0.2) platforms.oauth.expire();
}

/** Lets time pass by leaps, with the queue's messages lost, late or twice, until nothing is pending. What is under way sees it leap, unless `quietly`. */
async function pass(random, shop, how) {
  const sweeps = [];
  for (let leaps = 0; ; leaps += 1) {
    const { deliveries } = shop;
    const { edge } = deliveries;
    if (leaps === 8) await edge.fail({ d1Chance: null, queue: null });
    const [{ pending }] = await edge.rows("SELECT count(*) AS pending FROM sends WHERE state = 'pending'");
    if (!pending) return Promise.all(sweeps);
    if (leaps === 1_000) {
      const left = await edge.rows("SELECT *, due_ms - ?1 AS due_in FROM sends WHERE state = 'pending' LIMIT 3", Date.now() + deliveries.ahead);
      assert.fail(`${pending} are still pending: ${JSON.stringify(left)}`);
    }
    // The clock strikes while the queue is at work.
    if (random() < 0.15) sweeps.push(edge.strike());
    await Promise.all(Array.from({ length: Math.floor(random() * 4) }, () => deliveries.ring()));
    await sleep(10 + random() * 30);
    // What fails for long is tried an hour apart.
    await deliveries.advance(Math.round(leaps > 20 ? HOUR_MS : random() * (random() < 0.5 ? 60 * SECOND_MS : HOUR_MS)), how);
  }
}

/** Tells of a Purchase until it is taken; told again, it is the same. */
async function tell(shop, fields) {
  for (let times = 1; times < 500; times += 1) {
    const answer = await shop.deliveries.post("events/conversion", { ...LEAD, ...fields }).catch(() => ({ status: 0 }));
    if (answer.status === 200) return answer.json().conversionId;
    assert.ok([0, 401, 500, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    await sleep(20);
  }
  return assert.fail("it was never taken");
}

describe("each conversion", () => {
  let folder, shop;
  const start = async (running = {}) => {
    const deliveries = await startDeliveries({ ...running, persist: folder, retries: 100, accounts: NAMES.map((name) => ACCOUNTS[name]) });
    await deliveries.edge.fail({ haste: HASTE });
    return deliveries;
  };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "edgeway-deliveries-"));
    const [platforms, botapi] = await Promise.all([startPlatforms(), startBotApi()]);
    shop = { platforms, botapi, deliveries: await start({ platforms, botapi }) };
    await shop.deliveries.newKey();
    const { d1 } = shop.deliveries.edge;
    // What a send came to is its end: whoever comes late with another answer has no say.
    await d1.prepare("CREATE TABLE undone (conversion_id TEXT, destination TEXT, was TEXT, became TEXT)").run();
    await d1.prepare("CREATE TRIGGER ends_are_final AFTER UPDATE ON sends WHEN old.state <> 'pending' AND new.state <> old.state BEGIN INSERT INTO undone VALUES (new.conversion_id, new.destination, old.state, new.state); END").run();
  });
  after(async () => {
    await shop.deliveries.edge.close();
    await Promise.all([shop.platforms.close(), shop.botapi.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** As a power cut: what was under way is lost, the queue's messages with it, and the clock of the next one stands where this one's did. */
  async function killAndRestart() {
    const { key, ahead, edge } = shop.deliveries;
    await edge.kill();
    const deliveries = await start({ platforms: shop.platforms, botapi: shop.botapi });
    await deliveries.edge.advance(ahead);
    shop.deliveries = Object.assign(deliveries, { key, ahead });
  }

  async function round(seed) {
    const random = numbers(seed);
    const { platforms } = shop;
    for (const name of NAMES) platforms[name].reset();
    platforms.oauth.behave();
    strike(random, platforms);
    // GA4 hears of one conversion at a time: two days of each would take as long.
    const away = pick(random, NAMES.filter((name) => name !== "ga4"));
    if (seed % AWAY === 1) platforms[away].misbehave({ ...pick(random, FAULTS.filter(({ kind }) => kind !== "slow")), times: Infinity });
    const share = () => pick(random, [0, 0, 0.05, 0.2]);
    await shop.deliveries.edge.fail({ d1Chance: { seed, before: { share: share() }, after: { share: share() } }, queue: random() < 0.15 ? "fail" : null });
    const people = Array.from({ length: TOGETHER }, (_, nth) => 7_100_000_000 + seed * 1_000 + nth);
    const telling = Promise.all(people.map((telegramUserId) => tell(shop, { telegramUserId })));
    if (seed % KILLED === 2) {
      await sleep(random() * 300);
      await killAndRestart();
    }
    const ids = await telling;
    await pass(random, shop);

    const { edge } = shop.deliveries;
    const rows = await edge.rows("SELECT conversion_id, destination, state, attempts, code FROM sends");
    assert.equal(rows.length, TOGETHER * NAMES.length, "a row a conversion and platform");
    for (const name of NAMES) {
      const times = new Map();
      for (const event of platforms[name].events) times.set(ID[name](event), (times.get(ID[name](event)) ?? 0) + 1);
      for (const id of ids) {
        const { state, attempts, code } = rows.find((row) => row.conversion_id === id && row.destination === name) ?? {};
        const had = times.get(`adtarget_${id}`) ?? 0;
        const what = `${name} has ${id} ${had} times, and it is ${state} ${code} after ${attempts} attempts`;
        assert.ok(state === "sent" ? had === 1 && ["OK", "TAKEN"].includes(code) : state === "dead" && had <= 1, what);
      }
      assert.ok(times.size <= ids.length, `${name} has nothing else`);
    }
    assert.deepEqual(await edge.rows("SELECT * FROM undone"), []);
    assert.deepEqual(platforms.violations(), []);
    assert.ok(!edge.logs.some(({ message }) => /panicked|"lost"/.test(message)));
    edge.logs.length = 0;
    await edge.d1.batch(["sends", "conversions", "leads", "circuits"].map((table) => edge.d1.prepare(`DELETE FROM ${table}`)));
    return { dead: rows.filter(({ state }) => state === "dead").length, attempts: rows.reduce((sum, row) => sum + row.attempts, 0), copies: NAMES.reduce((sum, name) => sum + platforms[name].received - platforms[name].events.length, 0) };
  }

  it(`of ${RUNS} ends at each platform exactly once, or dead, whatever breaks`, async (t) => {
    const rounds = Math.ceil(RUNS / TOGETHER);
    const sums = { dead: 0, attempts: 0, copies: 0 };
    for (let nth = 0; nth < rounds; nth += 1) {
      const seed = SEED + nth;
      const seen = await round(seed).catch((error) => {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      });
      for (const name of Object.keys(sums)) sums[name] += seen[name];
    }
    t.diagnostic(`${RUNS * NAMES.length} sends: ${sums.attempts} attempts, ${sums.copies} copies that platforms knew, ${sums.dead} dead`);
    // Otherwise nothing was tried.
    if (RUNS >= 500) assert.ok(sums.attempts > RUNS * NAMES.length && sums.copies > 0 && sums.dead > 0, JSON.stringify(sums));
  });
});

describe("Telegram Ads, which knows no copy,", () => {
  const MANY = 40;
  let deliveries;
  before(async () => (deliveries = await startDeliveries({ retries: 100, accounts: [ACCOUNTS.telegram] })));
  after(() => deliveries.close());

  /** Faults of the platform and of D1, and whether time leaps past what is under way. */
  const OUTAGES = {
    "exactly once, where no answer gets lost": {
      faults: FAULTS.filter(({ kind, at, taken }) => at === "before" || (["throttled", "status", "html"].includes(kind) && !taken)),
      // What was claimed and not sent is claimed again; what was written down stands.
      d1Chance: { seed: SEED, before: { share: 0.2, of: "UPDATE sends SET claim" }, after: { share: 0.2 } },
      how: { quietly: true },
      // Nothing is slow, but the machine may be.
      haste: 1,
      most: 1,
    },
    "at least once, whatever breaks": { faults: FAULTS, d1Chance: { seed: SEED, before: { share: 0.2 }, after: { share: 0.2 } }, haste: HASTE, most: Infinity },
  };
  for (const [what, { faults, d1Chance, how, haste, most }] of Object.entries(OUTAGES)) {
    it(`has each of ${MANY} ${what}`, async () => {
      await deliveries.reset();
      const { edge, platforms } = deliveries;
      const random = numbers(SEED);
      // Whoever came by its ad once buys again and again.
      const who = await deliveries.visitor();
      await edge.drained();
      await deliveries.join(who);
      await deliveries.settled();
      platforms.telegram.reset();
      const start = Date.now() + deliveries.ahead;
      for (let nth = 0; nth < 8; nth += 1) platforms.telegram.misbehave({ ...pick(random, faults), times: pick(random, TIMES), after: Math.floor(random() * 10) });
      await edge.fail({ d1Chance, haste });
      const bought = (nth) => ({ telegramUserId: who.id, value: 1 + nth, eventTime: start - nth });
      await Promise.all(Array.from({ length: MANY }, (_, nth) => tell({ deliveries }, bought(nth))));
      await pass(random, { deliveries }, how);
      const states = await edge.rows("SELECT state, count(*) AS n FROM sends GROUP BY state");
      assert.deepEqual(states, [{ state: "sent", n: MANY + 1 }], `seed ${SEED}`);
      const ids = platforms.telegram.ids();
      assert.equal(ids.length, MANY, `seed ${SEED}`);
      for (const id of ids) assert.ok(platforms.telegram.copies(id) <= most, `seed ${SEED}: ${id} came ${platforms.telegram.copies(id)} times`);
      assert.ok(platforms.telegram.requests.length > MANY, "something broke");
      if (most > 1) assert.ok(platforms.telegram.received > MANY, "some came twice");
      assert.deepEqual(platforms.violations(), []);
    });
  }
});
