// Links of a click's own, from outside: the worker and its pools in workerd, and Telegram's Bot API as a stand-in.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEdge } from "./harness/edge.mjs";
import { never, sleep, until } from "./harness/wait.mjs";
import { OPERATOR_KEY } from "./harness/api.mjs";
import { only } from "./harness/world.mjs";
import { BOT, CHANNEL, WEBHOOK_SECRET, person, startBotApi } from "./standins/botapi.mjs";

const WEBSITE = "atid_shop";
const SHARED = "https://t.me/+SharedFallback1";
const CLICK_ID = /^[0-9a-f]{32}$/;
const HOUR = 3_600_000;
const SIZE = 4;

/** Starts a Bot API and an edge with one channel; `channel` over its settings, `bot` over the bot's. */
async function start({ channel = {}, bot = {}, ...rest } = {}) {
  const api = await startBotApi();
  const made = { mode: "personal", poolSize: SIZE, linkHours: 24, ...channel };
  const edge = await restart({ api, channel: made, bot, ...rest });
  return { api, edge, channel: made };
}

/** A click waits for a pool no longer than a visitor may, but where a test is about that: a machine may stall for longer. */
const PATIENT = { haste: 0.1 };

async function restart({ api, channel, bot = {}, vars, ...rest }) {
  const edge = await startEdge({
    ...rest,
    vars: {
      OPERATOR_KEY,
      TELEGRAM_API_BASE: api.url,
      TELEGRAM_BOTS: JSON.stringify([{ username: BOT.username, token: BOT.token, webhookSecret: WEBHOOK_SECRET, ...bot }]),
      SITES: JSON.stringify([{ websiteId: WEBSITE, domains: ["shop.test"], channels: [{ slug: "main", invite: SHARED, telegramId: CHANNEL.id, ...channel }] }]),
      ...vars,
    },
  });
  await edge.fail(PATIENT);
  return edge;
}

/** Ends a world of `start`. */
const stop = ({ api, edge }) => Promise.all([edge.close(), api.close()]);

const click = (edge, eventId = randomUUID(), options) =>
  edge.request(`/e/invite?websiteId=${WEBSITE}&tempId=${randomUUID()}&eventId=${eventId}`, { ip: "203.0.113.7", ...options });
const pool = async (edge) => only(only((await edge.request("/healthz")).json().sites).channels).pool;
const filled = (edge, size = SIZE) => until(async () => ((seen) => seen?.ready === size && seen)(await pool(edge)), `a pool of ${size}`);
const clicks = async (edge) => {
  await edge.drained();
  return edge.rows("SELECT click_id, invite_link, personal FROM clicks ORDER BY at_ms, rowid");
};
const askPool = (edge, method, argument) => edge.askPool(`${BOT.username}:${CHANNEL.id}`, method, argument);
/** The first click finds no pool yet, and has it filled. */
async function fill(edge, size = SIZE) {
  const answer = await click(edge);
  assert.equal(answer.location, SHARED);
  return filled(edge, size);
}

/** Takes links until the pool is filled again, so that it is full. */
async function topUp(edge, size = SIZE) {
  for (let taken = 0; taken <= size / 2 && (await pool(edge)).ready < size; taken++) await click(edge);
  return filled(edge, size);
}

describe("a personal link", () => {
  let world, api, edge;
  before(async () => ({ api, edge } = world = await start()));
  after(() => stop(world));

  it("is not there for the very first click, which gets the channel's own and is kept", async () => {
    const eventId = randomUUID();
    assert.equal((await click(edge, eventId)).location, SHARED);
    assert.deepEqual({ ...only(await clicks(edge)) }, { click_id: eventId.replaceAll("-", ""), invite_link: SHARED, personal: 0 });
    await filled(edge);
    for (const { name, expire_date, member_limit, creates_join_request } of api.alive()) {
      assert.match(name, CLICK_ID);
      assert.equal(member_limit, 1);
      assert.equal(creates_join_request, false);
      assert.ok(expire_date * 1_000 > Date.now() + 24 * HOUR, "it outlives its wait and its life");
    }
  });

  it("is one a click, bears the click's id as its name, and is kept with the click", async () => {
    const [one, two] = (await Promise.all([click(edge), click(edge)])).map(({ location }) => location);
    assert.ok(one !== two && one !== SHARED && two !== SHARED, `${one} ${two}`);
    const rows = (await clicks(edge)).filter(({ personal }) => personal);
    for (const link of [one, two]) assert.equal(only(rows.filter(({ invite_link }) => invite_link === link)).click_id, api.links.get(link).name);
  });

  it("is handed out on a channel's short link, too", async () => {
    await topUp(edge);
    const { location } = await edge.request("/c/main?start=promo");
    assert.equal(only((await clicks(edge)).filter(({ invite_link }) => invite_link === location)).click_id, api.links.get(location).name);
  });

  it("is the same for a click that is told again, and the click is one", async () => {
    await topUp(edge);
    const eventId = randomUUID();
    const links = [await click(edge, eventId), ...(await Promise.all([click(edge, eventId), click(edge, eventId)]))].map(({ location }) => location);
    assert.notEqual(links[0], SHARED);
    assert.equal(new Set(links).size, 1);
    only((await clicks(edge)).filter(({ invite_link }) => invite_link === links[0]));
  });

  it("is never taken by a HEAD, a preview, a script or a browser that prepares", async () => {
    const earlier = await topUp(edge);
    for (const options of [{ method: "HEAD" }, { headers: { "user-agent": "TelegramBot (like TwitterBot)" } }]) {
      assert.equal((await click(edge, undefined, options)).location, SHARED);
      assert.equal((await edge.request("/c/main", options)).location, SHARED);
    }
    for (const options of [{ headers: { "sec-purpose": "prefetch" } }, { headers: { "sec-purpose": "prefetch;prerender" } }, { headers: { "x-moz": "prefetch" } }, { headers: { accept: "*/*", "sec-fetch-dest": "empty" } }]) {
      assert.equal((await click(edge, undefined, options)).status, 503);
      assert.equal((await edge.request("/c/main", options)).status, 503);
    }
    assert.deepEqual(await pool(edge), earlier);
  });

  it("goes to no more clicks than there are links; the rest get the channel's own and are kept", async () => {
    await topUp(edge);
    api.misbehave({ method: "createChatInviteLink", delay: 6_000, times: Infinity });
    const earlier = (await clicks(edge)).length;
    const answers = await Promise.all(Array.from({ length: SIZE + 5 }, () => click(edge)));
    api.behave();
    const own = answers.map(({ location }) => location).filter((link) => link !== SHARED);
    assert.equal(new Set(own).size, SIZE, "each link once");
    assert.equal(own.length, SIZE);
    const kept = (await clicks(edge)).slice(earlier);
    assert.equal(kept.length, SIZE + 5);
    assert.equal(kept.filter(({ personal }) => personal).length, SIZE);
  });

  it("is shown by /healthz, without a secret", async () => {
    await topUp(edge);
    const health = await edge.request("/healthz");
    assert.equal(health.status, 200, health.text);
    const { mode, pool: shown } = only(only(health.json().sites).channels);
    assert.equal(mode, "personal");
    assert.ok(shown.handedOut > 0);
    assert.deepEqual({ ...shown, handedOut: 0 }, { ready: SIZE, handedOut: 0, pausedUntil: null, lastError: null });
    assert.ok(!health.text.includes(BOT.token) && !health.text.includes(WEBHOOK_SECRET));
  });

  it("keeps its distance: no more than ten calls a second", () => {
    // When they arrive is told by a machine that stalls.
    const times = api.calls.map(({ at }) => at);
    for (const [place, at] of times.entries()) if (place >= 10) assert.ok(at - times[place - 10] >= 500, `ten calls within ${at - times[place - 10]} ms`);
    assert.ok(times.length > 10);
  });
});

describe("the end of a link", () => {
  let world, api, edge;
  beforeEach(async () => {
    ({ api, edge } = world = await start());
    await fill(edge);
  });
  afterEach(() => stop(world));

  const advance = async (ms) => {
    api.advance(ms);
    await edge.advance(ms);
  };

  it("comes when its life is over: Telegram is asked to revoke it, and it alone", async () => {
    const { location } = await click(edge);
    assert.notEqual(location, SHARED);
    await advance(23 * HOUR);
    await never(() => api.links.get(location).is_revoked, "revoked too early");
    await advance(HOUR + 1_000);
    await until(() => api.links.get(location).is_revoked, "revoked");
    await until(async () => (await pool(edge)).handedOut === 0, "it is forgotten");
    assert.equal(api.callsOf("revokeChatInviteLink").length, 1);
  });

  it("comes when it waited for a week, and others take its place", async () => {
    const old = [...api.links.keys()];
    await advance(7 * 24 * HOUR + 1_000);
    await until(() => old.every((url) => api.links.get(url).is_revoked), "the old ones are revoked");
    await filled(edge);
    const { location } = await click(edge);
    assert.ok(!old.includes(location) && location !== SHARED);
    assert.ok(api.links.get(location).expire_date * 1_000 - api.nowMs() > 24 * HOUR, "what is handed out has its whole life before it");
  });

  it("needs no call where Telegram has ended it itself", async () => {
    await click(edge);
    await advance(9 * 24 * HOUR);
    await until(async () => ((seen) => seen.handedOut === 0 && seen.ready === SIZE)(await pool(edge)), "replaced");
    assert.deepEqual(api.callsOf("revokeChatInviteLink"), []);
  });

  it("is tried again after a failure, and holds up nothing when Telegram refuses it", async () => {
    const { location } = await click(edge);
    api.misbehave({ method: "revokeChatInviteLink", status: 502, times: 1 });
    await advance(24 * HOUR + 1_000);
    await until(() => api.links.get(location).is_revoked, "revoked at the second try");

    const second = (await click(edge)).location;
    api.misbehave({ method: "revokeChatInviteLink", status: 400, description: "Bad Request: CHAT_ADMIN_REQUIRED", times: 1 });
    await advance(24 * HOUR + 1_000);
    await until(() => edge.logs.some(({ level, message }) => level === "error" && message.includes("CHAT_ADMIN_REQUIRED")), "refused, and a line in the log");
    for (let taken = 0; taken < SIZE; taken++) await click(edge);
    const { lastError, pausedUntil } = await filled(edge);
    assert.deepEqual([lastError, pausedUntil, api.links.get(second).is_revoked], [null, null, false], "links are made as before");
    await advance(HOUR);
    await until(() => api.links.get(second).is_revoked, "revoked in the end");
  });
});

describe("a link that asks to join", () => {
  let world, api, edge;
  before(async () => ({ api, edge } = world = await start({ channel: { mode: "request" } })));
  after(() => stop(world));

  it("is a click's own, has no limit, and names the click in Telegram's update", async () => {
    await fill(edge);
    const { location } = await click(edge);
    const link = api.links.get(location);
    assert.equal(link.creates_join_request, true);
    assert.equal(link.member_limit, undefined);
    const row = only((await clicks(edge)).filter(({ personal }) => personal));
    assert.equal(row.invite_link, location);
    assert.equal(api.requestToJoin(location, person(11)).chat_join_request.invite_link.name, row.click_id);
  });

  it("lives on when somebody joined by it: they may come back, or pass it on", async () => {
    const tell = async (update) =>
      assert.equal((await api.deliver(update, { url: `${edge.url}/hooks/telegram/${BOT.username}`, secret: WEBHOOK_SECRET })).status, 200);
    await topUp(edge);
    const { location } = await click(edge);
    const before = await pool(edge);
    for (const who of [person(31), person(32)]) {
      await tell(api.requestToJoin(location, who));
      await tell(api.join(location, who, { viaJoinRequest: true }));
    }
    assert.deepEqual((await edge.rows("SELECT click_id IS NOT NULL AS is_a_clicks FROM members ORDER BY telegram_user_id")).map((row) => row.is_a_clicks), [1, 0], "the first is the click's");
    assert.equal(api.callsOf("approveChatJoinRequest").length, 2);
    await never(() => api.links.get(location).is_revoked, "revoked", 600);
    await tell(api.leave(person(31)));
    await tell(api.requestToJoin(location, person(31)));
    assert.equal((await pool(edge)).handedOut, before.handedOut);
    api.advance(24 * HOUR + 1_000);
    await edge.advance(24 * HOUR + 1_000);
    await until(() => api.links.get(location).is_revoked, "its life is over");
  });
});

describe("a link over the bot", () => {
  let world, api, edge;
  before(async () => {
    ({ api, edge } = world = await start({ channel: { mode: "bot" } }));
    // No click waits for a pool here, but a bot for its turn.
    await edge.fail({ haste: 1 });
  });
  after(() => stop(world));

  it("tells the bot the click, at the very first click, with no pool on the way", async () => {
    await edge.fail({ invites: "fail" });
    const eventId = randomUUID();
    const id = eventId.replaceAll("-", "");
    const { location } = await click(edge, eventId);
    assert.equal(location, `https://t.me/${BOT.username}?start=${id}`);
    assert.deepEqual({ ...only(await clicks(edge)) }, { click_id: id, invite_link: location, personal: 1 });
    await edge.fail({ invites: null });
  });

  it("leads to a link of the click's own: from the pool or made at once, the same for the same click", async () => {
    const [one, two] = [randomUUID(), randomUUID()].map((id) => id.replaceAll("-", ""));
    const made = await askPool(edge, "make", one);
    const [name, url] = made.split("\n");
    assert.equal(api.links.get(url).name, name);
    assert.equal(api.links.get(url).member_limit, 1);
    assert.equal(await askPool(edge, "make", one), made);
    assert.notEqual(await askPool(edge, "make", two), made);
  });

  it("has none when Telegram makes none, and asks no more than it may", async () => {
    await until(async () => (await pool(edge)).ready === SIZE, "full");
    for (let taken = 0; taken < SIZE; taken++) {
      api.misbehave({ method: "createChatInviteLink", status: 429, retryAfter: 60, times: Infinity });
      assert.match(await askPool(edge, "make", randomUUID()), /https/);
    }
    const before = api.calls.length;
    assert.equal(await askPool(edge, "make", randomUUID()), "");
    assert.equal(await askPool(edge, "make", randomUUID()), "");
    await sleep(300);
    assert.ok(api.calls.length - before <= 1, `${api.calls.length - before} calls`);
  });
});

describe("a join", () => {
  let world, api, edge;
  before(async () => ({ api, edge } = world = await start()));
  after(() => stop(world));

  it("has the link revoked, so that its seat is not free again", async () => {
    await fill(edge);
    const { location } = await click(edge);
    const { name } = api.join(location, person(21)).chat_member.invite_link;
    await askPool(edge, "joined", name);
    await until(() => api.links.get(location).is_revoked, "revoked");
    api.leave(person(21));
    assert.throws(() => api.join(location, person(22)));
    await askPool(edge, "joined", name);
    await askPool(edge, "joined", "0".repeat(32));
    assert.equal(api.callsOf("revokeChatInviteLink").length, 1);
  });
});

describe("Telegram's Bot API", () => {
  let world, api, edge;
  beforeEach(async () => ({ api, edge } = world = await start()));
  afterEach(() => stop(world));

  const creations = () => api.callsOf("createChatInviteLink").length;

  it("says 429: no call is made before its time, then the pool fills", async () => {
    api.misbehave({ method: "createChatInviteLink", status: 429, retryAfter: 6 });
    assert.equal((await click(edge)).location, SHARED);
    const paused = await until(async () => ((seen) => seen.pausedUntil && seen)(await pool(edge)), "paused");
    assert.match(paused.lastError, /wait 6 s/);
    for (let more = 0; more < 5; more++) assert.equal((await click(edge)).location, SHARED);
    await filled(edge);
    const [first, second] = api.calls;
    assert.ok(second.at - first.at >= 6_000, `${second.at - first.at} ms`);
    assert.deepEqual({ ...(await pool(edge)), ready: 0 }, { ready: 0, handedOut: 0, pausedUntil: null, lastError: null });
  });

  it("fails: waits grow", async () => {
    api.misbehave({ method: "createChatInviteLink", status: 500, times: 2 });
    await click(edge);
    await filled(edge);
    const [first, second, third] = api.calls;
    assert.ok(second.at - first.at >= 1_000 && third.at - second.at >= 2_000, "1 s, then 2 s");
  });

  for (const [what, fault] of Object.entries({
    "answers 500": { status: 500 },
    "answers 502": { status: 502 },
    "cuts the line on arrival": { cut: "arrival" },
    "cuts the line before its answer": { cut: "headers" },
    "cuts the line within its answer": { cut: "body" },
    "answers HTML": { body: "<!doctype html>" },
    "answers half a JSON": { body: '{"ok":true,"result":{"invite_' },
    "answers another result": { body: '{"ok":true,"result":true}' },
  })) {
    it(`${what}: clicks get the channel's own link, it is shown, then the pool fills`, async () => {
      api.misbehave({ method: "createChatInviteLink", times: Infinity, ...fault });
      assert.equal((await click(edge)).location, SHARED);
      await until(async () => (await pool(edge)).lastError, "the failure is shown");
      assert.equal((await click(edge)).location, SHARED);
      api.behave();
      await edge.hurry(60_000);
      await edge.advance(10_000);
      await filled(edge);
      assert.equal((await pool(edge)).lastError, null);
      assert.ok(!JSON.stringify(edge.logs).includes(BOT.token), "no token in the log");
      assert.equal((await clicks(edge)).length, 2);
    });
  }

  it("is slow: no visitor waits for it", async () => {
    api.misbehave({ method: "createChatInviteLink", delay: 9_000, times: Infinity });
    assert.equal((await click(edge)).location, SHARED);
    await until(() => creations() === 1, "the pool asks");
    for (let taken = 0; taken < 3; taken++) assert.equal((await click(edge)).location, SHARED);
    assert.equal(only(api.calls).status, undefined, "one call, and it is not answered yet");
  });

  it("refuses, as the bot is no admin: it is said in the log and in /healthz, and tried again after five minutes", async () => {
    api.demoted();
    assert.equal((await click(edge)).location, SHARED);
    const { lastError } = await until(async () => ((seen) => seen.lastError && seen)(await pool(edge)), "refused");
    assert.match(lastError, /403 Forbidden: bot is not a member of the channel chat/);
    await until(() => edge.logs.some(({ level, message }) => level === "error" && message.includes("not a member")), "a line in the log");
    api.promoted();
    await edge.advance(290_000);
    await never(() => creations() > 1, "asked again too early", 600);
    await edge.advance(11_000);
    await filled(edge);
  });

  it("is no longer an admin, and says so: no click gets a link whose join nobody would hear of; made one again, the pool fills at once", async () => {
    const tell = async (update) =>
      assert.equal((await api.deliver(update, { url: `${edge.url}/hooks/telegram/${BOT.username}`, secret: WEBHOOK_SECRET })).status, 200);
    await fill(edge);
    const ready = api.alive().map((link) => link.invite_link);
    await tell(api.demoted({ status: "kicked" }));
    await until(async () => (await pool(edge)).lastError, "refused");
    assert.equal((await click(edge)).location, SHARED);
    await tell(api.promoted());
    await filled(edge);
    const { location } = await click(edge);
    assert.notEqual(location, SHARED);
    assert.ok(!ready.includes(location), "a link from before may have ended with the bot's rights");
  });

  it("fails, in words that begin as a refusal's: being made an admin cuts no such pause short", async () => {
    api.misbehave({ method: "createChatInviteLink", status: 500, times: Infinity });
    await click(edge);
    await until(async () => (await pool(edge)).lastError, "it failed");
    await askPool(edge, "query", `UPDATE pool SET error = '502 of a proxy', resume_ms = ${Date.now() + 300_000}`);
    const made = creations();
    api.behave();
    await api.deliver(api.promoted(), { url: `${edge.url}/hooks/telegram/${BOT.username}`, secret: WEBHOOK_SECRET });
    await never(() => creations() > made, "asked too early", 1_500);
  });

  it("says 429: being made an admin cuts no such pause short", async () => {
    api.misbehave({ method: "createChatInviteLink", status: 429, retryAfter: 60 });
    await click(edge);
    await until(async () => (await pool(edge)).pausedUntil, "paused");
    const made = creations();
    await api.deliver(api.promoted(), { url: `${edge.url}/hooks/telegram/${BOT.username}`, secret: WEBHOOK_SECRET });
    await never(() => creations() > made, "asked too early", 600);
  });

  it("takes no such token: clicks go on", async () => {
    await stop(world);
    ({ api, edge } = world = await start({ bot: { token: "7000000001:wrong" } }));
    assert.equal((await click(edge)).location, SHARED);
    const { lastError } = await until(async () => ((seen) => seen.lastError && seen)(await pool(edge)), "refused");
    assert.match(lastError, /401 Unauthorized/);
    assert.ok(!JSON.stringify(edge.logs).includes("7000000001:wrong"));
  });
});

describe("a pool", () => {
  let world, api, edge;
  beforeEach(async () => {
    ({ api, edge } = world = await start());
    await fill(edge);
  });
  afterEach(() => stop(world));

  it("that fails leaves clicks the channel's own link", async () => {
    await edge.fail({ invites: "fail" });
    assert.equal((await click(edge)).location, SHARED);
    const health = await edge.request("/healthz");
    assert.equal(health.status, 200);
    assert.equal(only(only(health.json().sites).channels).pool, null);
    await edge.fail({ invites: null });
    assert.notEqual((await click(edge)).location, SHARED);
    assert.deepEqual((await clicks(edge)).map(({ personal }) => personal), [0, 0, 1]);
  });

  it("that is full leads a click to a link of its own while D1 and the queue are down, and the log has the click", async () => {
    await edge.fail({ d1: "fail", queue: "fail" });
    const { location } = await click(edge);
    assert.ok(api.links.has(location), location);
    await until(() => edge.logs.some(({ message }) => message.includes(api.links.get(location).name)), "the click in the log");
    await edge.fail({ d1: null, queue: null });
    assert.deepEqual((await clicks(edge)).map(({ personal }) => personal), [0], "the one that filled it");
  });

  it("has no link that does not lead to Telegram, whatever the Bot API answers", async () => {
    api.misbehave({ method: "createChatInviteLink", times: Infinity, body: JSON.stringify({ ok: true, result: { invite_link: "https://evil.test/+AbC" } }) });
    for (let taken = 0; taken < SIZE; taken++) assert.ok(api.links.has((await click(edge)).location), "it was made before");
    await until(() => api.callsOf("createChatInviteLink").length > SIZE, "others are asked for");
    for (let taken = 0; taken < 3; taken++) assert.equal((await click(edge)).location, SHARED);
  });

  it("is made in the part of the world that OBJECT_LOCATION names, and near whoever asks first where that is none", async () => {
    const told = async () => new Set((await edge.queue()).locations);
    assert.deepEqual(await told(), new Set([null]));
    for (const [place, hint] of [["weur", "weur"], ["Europe", null]]) {
      const there = await start({ vars: { OBJECT_LOCATION: place } });
      await fill(there.edge);
      assert.deepEqual(new Set((await there.edge.queue()).locations), new Set([hint]), place);
      await stop(there);
    }
  });

  it("that a new version ends amid a click is asked once more, as Cloudflare suggests", async () => {
    await edge.fail({ objectEnds: 1 });
    assert.notEqual((await click(edge)).location, SHARED);
    // An object that has too much to do is left alone.
    await edge.fail({ objectEnds: 1, objectOverloaded: true });
    assert.equal((await click(edge)).location, SHARED);
  });

  for (const [what, fault] of [["fails", "fail"], ["is slow", 5_000]]) {
    it(`that ${what} is shown to the operator, and no other`, async () => {
      const health = async (key) => (await edge.request("/healthz", { headers: key ? { authorization: `Bearer ${key}` } : {} })).json();
      const aboutInvites = async () => (await health(OPERATOR_KEY)).cautions.filter(({ about }) => about === "invites");
      assert.deepEqual(await aboutInvites(), []);
      await edge.fail({ invites: fault, haste: 1 });
      const { why, ...caution } = only(await aboutInvites());
      assert.deepEqual(caution, { about: "invites", websiteId: WEBSITE, name: "main", state: "not known" });
      assert.match(why, /^its links can't be reached, clicks get the channel's own: ./);
      const { status, cautions } = await health();
      assert.deepEqual([status, cautions], ["ok", undefined]);
      assert.equal((await health(OPERATOR_KEY)).status, "degraded");
      await edge.fail({ invites: null, ...PATIENT });
      assert.deepEqual(await aboutInvites(), []);
    });
  }

  it("that is slow keeps no visitor waiting, and a click told again finds its link", async () => {
    await edge.fail({ invites: 5_000, haste: 1 });
    const eventId = randomUUID();
    const { location, ms } = await click(edge, eventId);
    assert.equal(location, SHARED);
    assert.ok(ms < 5_000, "the visitor did not wait for it");
    assert.equal((await edge.request("/healthz")).status, 200);
    await edge.fail({ invites: null, ...PATIENT });
    assert.notEqual((await click(edge, eventId)).location, SHARED);
  });

  it("that panics answers at once, loses nothing and hands out again", async () => {
    await edge.fail({ panic: "in the pool" });
    const { status, location } = await click(edge);
    // The instance is the worker's as well: the click that stands in it falls with it, or goes on to the channel.
    assert.ok(status === 500 || location === SHARED, `${status} ${location}`);
    await until(() => edge.logs.some(({ message }) => message.includes("panicked")), "the log says so");
    assert.equal((await pool(edge)).ready, SIZE);
    assert.notEqual((await click(edge)).location, SHARED);
  });

  it("whose alarm panics is filled all the same", async () => {
    await edge.fail({ panic: "in the alarm" });
    for (let taken = 0; taken < SIZE; taken++) assert.notEqual((await click(edge)).location, SHARED);
    await until(() => edge.logs.some(({ message }) => message.includes("panicked")), "it panicked");
    await until(async () => (await pool(edge)).ready === SIZE, "full");
  });
});

describe("a pool on a disk", () => {
  let folder, world;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "edgeway-invites-"));
    world = await start({ persist: folder });
  });
  afterEach(async () => {
    await stop(world);
    await rm(folder, { recursive: true, force: true });
  });

  for (const how of ["close", "kill"]) {
    it(`keeps its links and to whom they went, when the edge ends by ${how}`, async () => {
      await fill(world.edge);
      const eventId = randomUUID();
      const { location } = await click(world.edge, eventId);
      assert.notEqual(location, SHARED);
      await world.edge[how]();
      world.edge = await restart({ ...world, persist: folder });
      assert.equal((await click(world.edge, eventId)).location, location);
      const { location: other } = await click(world.edge);
      assert.ok(other !== location && world.api.links.has(other));
    });

    it(`keeps to retry_after, when the edge ends by ${how}, and wakes by itself`, async () => {
      world.api.misbehave({ method: "createChatInviteLink", status: 429, retryAfter: 5 });
      await click(world.edge);
      await until(async () => (await pool(world.edge)).pausedUntil, "paused");
      await world.edge[how]();
      world.edge = await restart({ ...world, persist: folder });
      // Nobody clicks: the alarm alone wakes it.
      await until(() => world.api.calls.length > 1, "a second call");
      const [first, second] = world.api.calls;
      assert.ok(second.at - first.at >= 5_000, `${second.at - first.at} ms`);
      await filled(world.edge);
    });
  }
});

describe("a pool of an earlier version", () => {
  it("goes on with its links, and fills at once when a bot that was refused is made an admin", async () => {
    const folder = await mkdtemp(join(tmpdir(), "edgeway-invites-"));
    const world = await start({ persist: folder });
    try {
      await fill(world.edge);
      await askPool(world.edge, "query", "DROP TABLE refusal");
      await world.edge.close();
      const { api } = world;
      const edge = (world.edge = await restart({ ...world, persist: folder }));
      const tell = async (update) => assert.equal((await api.deliver(update, { url: `${edge.url}/hooks/telegram/${BOT.username}`, secret: WEBHOOK_SECRET })).status, 200);
      const { location } = await click(edge);
      assert.ok(api.links.has(location), location);
      await tell(api.demoted({ status: "kicked" }));
      await until(async () => (await pool(edge)).lastError, "refused");
      await tell(api.promoted());
      await filled(edge);
    } finally {
      await stop(world);
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("a thousand clicks at once", () => {
  const MANY = 1_000;
  let world, api, edge;
  before(async () => ({ api, edge } = world = await start({ channel: { poolSize: MANY } })));
  after(() => stop(world));

  it("get a link of their own each, none twice", async () => {
    // The last of them stands behind all others.
    await edge.fail({ haste: 0.01 });
    await edge.hurry(1_000);
    await click(edge);
    await until(async () => (await pool(edge)).ready === MANY, "full", 120_000);
    const answers = await Promise.all(Array.from({ length: MANY }, () => click(edge, undefined, { timeout: 60_000 })));
    const links = answers.map(({ location }) => location);
    assert.equal(new Set(links).size, MANY, `${links.filter((link) => link === SHARED).length} got the channel's own`);
    assert.ok(links.every((link) => api.links.has(link)));
    const rows = (await clicks(edge)).filter(({ personal }) => personal);
    assert.equal(rows.length, MANY);
    assert.ok(rows.every(({ click_id, invite_link }) => api.links.get(invite_link).name === click_id));
  });
});
