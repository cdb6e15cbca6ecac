// Telegram Ads' pixel at the edge, from outside: what is taken, what Telegram hears of it, what is refused, and what becomes of a call that
// Telegram does not take.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { earlyInAMinute, until } from "./harness/wait.mjs";
import { BROWSER, only, startWorld } from "./harness/world.mjs";

const EVENT = "aGnVh4yo-ilGRYPNJ";
const PAGE = "https://www.shop.test/offer";
const NOW = "1790000000000";
const CALL = { e: EVENT, value: "9.99", currency: "EUR", t: NOW, l: PAGE };
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";
const HOUR = 3_600_000;

let world;
const start = (options) => async () => void (world = await startWorld(options));
const end = () => world.close();
const reset = () => world.reset();

/** A call as the tracker makes it; a field given as undefined is left out. */
function post(fields = {}, { path = "/e/mark", headers = {}, ...options } = {}) {
  const form = new URLSearchParams(Object.entries({ ...CALL, ...fields }).filter(([, value]) => value !== undefined));
  return world.edge.request(path, {
    method: "POST", body: String(form), ip: "203.0.113.7", ...options,
    headers: { "content-type": FORM, origin: "https://www.shop.test", referer: "https://www.shop.test/", "user-agent": BROWSER, ...headers },
  });
}

/** What Telegram was told, once it was told so much. */
async function told(count = 1) {
  await until(() => world.telegram.pixel.length >= count, `${count} calls at Telegram`);
  await world.edge.drained();
  assert.deepEqual(world.telegram.violations, []);
  return world.telegram.pixel;
}

/** Asserts that Telegram hears nothing: a later call comes alone. */
async function untold() {
  assert.equal((await post({ e: "aGnVh4yo-TheNext1" })).status, 204);
  assert.equal(only(await told()).e, "aGnVh4yo-TheNext1");
}

describe("a call of the pixel", () => {
  before(start());
  after(end);
  afterEach(reset);

  for (const path of ["/pxl", "/e/pxl", "/e/mark"]) {
    it(`goes on to Telegram from ${path} as the visitor's own`, async () => {
      const answer = await post({ c: "click-1" }, { path, headers: { "x-forwarded-for": "198.51.100.1", "x-real-ip": "198.51.100.1", forwarded: "for=198.51.100.1", authorization: "Bearer x", cookie: "sid=secret" } });
      assert.deepEqual([answer.status, answer.text], [204, ""]);
      assert.equal(answer.headers["access-control-allow-origin"], "https://www.shop.test");
      const { headers, ...fields } = only(await told());
      assert.deepEqual(fields, { ...CALL, c: "click-1" });
      assert.equal(headers["x-forwarded-for"], "203.0.113.7");
      assert.equal(headers["x-real-ip"], "203.0.113.7");
      assert.equal(headers["user-agent"], BROWSER);
      assert.equal(headers.origin, "https://www.shop.test");
      assert.equal(headers.referer, "https://www.shop.test/");
      assert.deepEqual([headers.authorization, headers.cookie, headers.forwarded], [undefined, undefined, undefined]);
    });
  }

  it("is taken from an image", async () => {
    const answer = await world.edge.request(`/pxl?${new URLSearchParams({ p: "aGnVh4yo", t: NOW, l: PAGE, "é &": "a+b" })}`, { headers: { referer: PAGE, "user-agent": BROWSER }, ip: "203.0.113.7" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "image/gif");
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.bytes.subarray(0, 6).toString(), "GIF89a");
    const { headers, ...fields } = only(await told());
    assert.deepEqual(fields, { p: "aGnVh4yo", t: NOW, l: PAGE, "é &": "a+b" });
    assert.equal(headers["x-forwarded-for"], "203.0.113.7");
  });

  it("keeps the visitor waiting for nothing", async () => {
    let release;
    world.telegram.misbehave(new Promise((resolve) => (release = resolve)));
    assert.equal((await post()).status, 204);
    await until(() => world.telegram.tried.length, "the call at Telegram");
    assert.equal(world.telegram.pixel.length, 0);
    release();
    await told();
  });

  it("gets what it leaves out: the time, the page", async () => {
    const before = Date.now();
    assert.equal((await post({ t: undefined, l: "" })).status, 204);
    const { t, l } = only(await told());
    assert.ok(t >= before - 1_000 && t <= Date.now() + 1_000);
    assert.equal(l, "https://www.shop.test/");
  });

  const touch = (at, click) => `at=${at}&tgclid=${click}&page=https://www.shop.test/`;
  for (const [where, fields, cookie, click] of [
    ["the page's address", { l: `${PAGE}?tgclid=of%2Bl` }, "_tgclid=other", "of+l"],
    ["the cookie of Telegram's script, wherever it stands", {}, "a=b; _tgclid=of%2Bcookie; c=d", "of+cookie"],
    ["the visitor's last touch", {}, `edgeway_touch=${touch(Date.now() - HOUR, "first")}|${touch(Date.now(), "last")}`, "last"],
    ["the visitor's first touch", {}, `edgeway_touch=${touch(Date.now() - HOUR, "first")}|at=${Date.now()}&fbclid=x`, "first"],
    ["nothing, where the touch is older than 30 days", {}, `edgeway_touch=${touch(Date.now() - 31 * 24 * HOUR, "old")}`, undefined],
    ["nothing, where nothing is known", {}, "_tgclid=; x=y", undefined],
    ["what it says itself", { c: "said" }, "_tgclid=cookie", "said"],
  ]) {
    it(`names the click by ${where}`, async () => {
      assert.equal((await post(fields, { headers: { cookie } })).status, 204);
      assert.equal(only(await told()).c, click);
    });
  }

  it("is answered to a page that asks ahead", async () => {
    const answer = await world.edge.request("/e/mark", { method: "OPTIONS", headers: { origin: "https://www.shop.test", "access-control-request-method": "POST" } });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers["access-control-allow-origin"], "https://www.shop.test");
  });

  const refused = (what, call, status, code, word) =>
    it(`is refused ${what}`, async () => {
      const answer = await call();
      assert.equal(answer.status, status, answer.text);
      const { error } = answer.json();
      assert.equal(error.code, code);
      assert.ok(error.message.startsWith(word), error.message);
      await untold();
    });
  const raw = (body, headers = {}) => post({}, { body, headers });
  refused("without an id", () => post({ e: undefined }), 400, "INVALID_PAYLOAD", "p: missing");
  refused("with an event that is none", () => post({ e: "a b" }), 400, "INVALID_PAYLOAD", "e: expected");
  refused("with a pixel that is none", () => post({ e: undefined, p: "<script>" }), 400, "INVALID_PAYLOAD", "p: expected");
  refused("with two events", () => raw(`e=a&e=b&l=${PAGE}`), 400, "INVALID_PAYLOAD", "e: given twice");
  refused("with a time that is none", () => post({ t: "yesterday" }), 400, "INVALID_PAYLOAD", "t: expected");
  refused("with a click id of other bytes", () => post({ c: "a\r\nb" }), 400, "INVALID_PAYLOAD", "c: expected");
  refused("with a click id of 1,025 bytes", () => post({ c: "c".repeat(1_025) }), 400, "INVALID_PAYLOAD", "c: expected");
  refused("with a page that is none", () => post({ l: "javascript:alert(1)" }), 400, "INVALID_PAYLOAD", "l: ");
  refused("without a page", () => post({ l: undefined }, { headers: { referer: "" } }), 400, "INVALID_PAYLOAD", "l: missing");
  refused("from another site's page", () => post({ l: "https://evil.test/?www.shop.test" }), 403, "FORBIDDEN_DOMAIN", "evil.test");
  refused("from another site's script", () => post({}, { headers: { origin: "https://evil.test" } }), 403, "FORBIDDEN_DOMAIN", "evil.test");
  refused("as JSON", () => raw(JSON.stringify(CALL), { "content-type": "application/json" }), 400, "INVALID_PAYLOAD", "content-type");
  refused("as bytes that are no text", () => raw(Buffer.from([0x65, 0x3d, 0xff, 0xfe])), 400, "INVALID_PAYLOAD", "the body is not UTF-8");
  refused("with more than 16 KB", () => post({ much: "x".repeat(17_000) }), 413, "PAYLOAD_TOO_LARGE", "the body");
  refused("with more than 16 KB in the address", () => world.edge.request(`/pxl?p=a&l=${PAGE}&much=${"x".repeat(17_000)}`), 413, "PAYLOAD_TOO_LARGE", "the body");
  refused("by PUT", () => world.edge.request("/pxl", { method: "PUT", body: "p=a" }), 405, "METHOD_NOT_ALLOWED", "this path takes GET, POST");
});

describe("a call of the pixel that Telegram does not take", () => {
  before(start());
  after(end);
  afterEach(reset);

  for (const [what, how] of [["answers 500", { status: 500 }], ["cuts the connection", "cut"], ["answers 429", { status: 429 }]]) {
    it(`is made again, the same, where it ${what}`, async () => {
      world.telegram.misbehave(how, 3);
      assert.equal((await post()).status, 204);
      const { headers, ...fields } = only(await told());
      assert.deepEqual(fields, CALL);
      assert.equal(headers["x-forwarded-for"], "203.0.113.7");
      assert.equal(headers["user-agent"], BROWSER);
      const { tried } = world.telegram;
      assert.equal(tried.length, 4);
      assert.equal(new Set(tried).size, 1);
    });
  }

  it("waits as long as Telegram says", async () => {
    world.telegram.misbehave({ status: 429, retryAfter: 37 });
    await post();
    await told();
    assert.deepEqual((await world.edge.queue()).delays, [37]);
  });

  it("is let go where Telegram will have none of it", async () => {
    world.telegram.misbehave({ status: 403 });
    await post();
    await until(() => world.logged("Telegram refused a call of the pixel", "403"), "a line in the log");
    await world.edge.drained();
    assert.deepEqual([world.telegram.tried.length, world.telegram.pixel.length], [1, 0]);
  });

  const queued = (atMs) => JSON.stringify({ pixel: { form: String(new URLSearchParams(CALL)), atMs, ip: "203.0.113.7", userAgent: BROWSER, origin: "", referer: "" } });
  it("is tried for two days, and then dropped with a line in the log", async () => {
    await world.edge.enqueue(queued(Date.now() - 47 * HOUR));
    await told();
    await world.edge.enqueue(queued(Date.now() - 49 * HOUR));
    await until(() => world.logged("has not taken", "dropped", EVENT), "a line in the log");
    await world.edge.drained();
    assert.equal(world.telegram.tried.length, 1);
    assert.deepEqual(world.edge.deadLetters, []);
  });

  it("is hung up on when its time is over: no more than six are on the line, as Cloudflare lets an invocation have", async () => {
    await world.edge.fail({ haste: 10 });
    let release;
    world.telegram.misbehave(new Promise((resolve) => (release = resolve)), 30);
    await Promise.all(Array.from({ length: 30 }, () => world.edge.enqueue(queued(Date.now()))));
    await until(() => world.telegram.tried.length >= 60, "each is made again");
    // Six more may be about to be hung up on.
    assert.ok(world.telegram.mostAtOnce <= 12, `${world.telegram.mostAtOnce} at once`);
    release();
    await world.edge.fail({ haste: 1 });
    await world.edge.drained();
  });

  it("is in the log where the queue fails, too", async () => {
    world.telegram.misbehave({ status: 500 });
    await world.edge.fail({ queue: "fail" });
    await post();
    await until(() => world.logged("lost", EVENT), "a line in the log");
  });
});

describe("the pixel's settings", () => {
  afterEach(end);

  it("heed a browser that objects, where they are to", async () => {
    await start({ vars: { RESPECT_GPC: "on", RESPECT_DNT: "on" } })();
    assert.equal((await post({}, { headers: { "sec-gpc": "1" } })).status, 204);
    assert.equal((await world.edge.request(`/pxl?p=a&l=${PAGE}`, { headers: { dnt: "1" } })).status, 200);
    await untold();
  });

  it("count the calls of a visitor and of an address", async () => {
    await start({ limits: { RATE_LIMIT_VISITOR: 2, RATE_LIMIT_ADDRESS: 4 } })();
    await earlyInAMinute();
    const cookie = `adtarget_temp_id=${randomUUID()}`;
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push((await post({}, { headers: { cookie } })).status);
    for (let call = 0; call < 2; call++) statuses.push((await post()).status);
    assert.deepEqual(statuses, [204, 204, 429, 204, 429]);
  });

  it("are named where they are wrong", async () => {
    await start({ vars: { TELEGRAM_ADS_BASE_URL: "telegram.org" } })();
    const { problems } = (await world.edge.request("/healthz")).json();
    assert.ok(problems.some(({ setting }) => setting === "TELEGRAM_ADS_BASE_URL"), JSON.stringify(problems));
  });
});
