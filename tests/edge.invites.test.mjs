// Links of a click's own, from outside: the worker and its pools in workerd, and Telegram's Bot API as a stand-in.
import { after, afterEach, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEdge } from "./harness/edge.mjs";
import { never, sleep, until } from "./harness/wait.mjs";
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

const restart = ({ api, channel, bot = {}, ...rest }) =>
  startEdge({
    ...rest,
    vars: {
      TELEGRAM_API_BASE: api.url,
      TELEGRAM_BOTS: JSON.stringify([{ username: BOT.username, token: BOT.token, webhookSecret: WEBHOOK_SECRET, ...bot }]),
      SITES: JSON.stringify([{ websiteId: WEBSITE, domains: ["shop.test"], channels: [{ slug: "main", invite: SHARED, telegramId: CHANNEL.id, ...channel }] }]),
    },
  });

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
/** The first click finds no pool yet, and has it filled. */
async function fill(edge, size = SIZE) {
  const answer = await click(edge);
  assert.equal(answer.location, SHARED);
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
    assert.deepEqual(api.violations, []);
    for (const { name, expire_date, member_limit, creates_join_request } of api.alive()) {
      assert.match(name, CLICK_ID);
      assert.equal(member_limit, 1);
      assert.equal(creates_join_request, false);
      assert.ok(expire_date * 1_000 > Date.now() + 24 * HOUR, "it outlives its wait and its life");
    }
  });

  it("is one a click, bears the click's id as its name, and is kept with the click", async () => {
    const answers = await Promise.all([click(edge), click(edge)]);
    const [one, two] = answers.map(({ location }) => location);
    assert.ok(one !== two && one !== SHARED && two !== SHARED, `${one} ${two}`);
    const rows = (await clicks(edge)).filter(({ personal }) => personal);
    for (const link of [one, two]) {
      const row = only(rows.filter(({ invite_link }) => invite_link === link));
      assert.equal(row.click_id, api.links.get(link).name);
    }
    await filled(edge);
  });

  it("is the same for a click that is told again", async () => {
    const eventId = randomUUID();
    const [first, ...others] = [await click(edge, eventId), await click(edge, eventId), await click(edge, eventId)].map(({ location }) => location);
    assert.ok(first !== SHARED);
    assert.deepEqual(others, [first, first]);
    only((await clicks(edge)).filter(({ invite_link }) => invite_link === first));
    await filled(edge);
  });

  it("is never taken by a HEAD, a preview or a browser that prepares", async () => {
    const { ready, handedOut } = await pool(edge);
    for (const options of [{ method: "HEAD" }, { headers: { "sec-purpose": "prefetch" } }, { headers: { "sec-purpose": "prefetch;prerender" } }, { headers: { "x-moz": "prefetch" } }]) {
      assert.equal((await click(edge, undefined, options)).status, 503);
      assert.equal((await edge.request("/c/main", options)).status, 503);
    }
    assert.deepEqual([(await pool(edge)).ready, (await pool(edge)).handedOut], [ready, handedOut]);
  });

  it("goes to no more clicks than there are links; the rest get the channel's own and are kept", async () => {
    api.misbehave({ method: "createChatInviteLink", delay: 400, times: Infinity });
    const earlier = (await clicks(edge)).length;
    const answers = await Promise.all(Array.from({ length: SIZE + 5 }, () => click(edge)));
    api.behave();
    const own = answers.map(({ location }) => location).filter((link) => link !== SHARED);
    assert.equal(own.length, SIZE);
    assert.equal(new Set(own).size, SIZE, "none twice");
    const kept = (await clicks(edge)).slice(earlier);
    assert.equal(kept.length, SIZE + 5);
    assert.equal(kept.filter(({ personal }) => personal).length, SIZE);
    await filled(edge);
  });

  it("is shown by /healthz, without a secret", async () => {
    const health = await edge.request("/healthz");
    assert.equal(health.status, 200, health.text);
    const { mode, pool: shown } = only(only(health.json().sites).channels);
    assert.equal(mode, "personal");
    assert.deepEqual(Object.keys(shown).sort(), ["handedOut", "lastError", "pausedUntil", "ready"]);
    assert.equal(shown.lastError, null);
    assert.ok(!health.text.includes(BOT.token) && !health.text.includes(WEBHOOK_SECRET));
  });

  it("ends when its life does: Telegram is asked to revoke it", async () => {
    const { location } = await click(edge);
    assert.notEqual(location, SHARED);
    await edge.advance(23 * HOUR);
    await never(() => api.links.get(location).is_revoked, "revoked too early");
    await edge.advance(HOUR + 1_000);
    await until(() => api.links.get(location).is_revoked, "revoked");
    await until(async () => (await pool(edge)).handedOut === 0, "all of them are over");
  });

  it("that waited for a week in the pool is replaced", async () => {
    await edge.advance(1);
    const old = (await filled(edge), api.alive().map(({ name }) => name));
    await edge.advance(7 * 24 * HOUR);
    await sleep(1500); console.log(await pool(edge), api.calls.slice(-12).map(c=>[c.method,c.status]), edge.logs, old, api.alive());
    await until(() => api.alive().every(({ name }) => !old.includes(name)), "the old ones are revoked");
    await filled(edge);
    const { location } = await click(edge);
    const life = api.links.get(location).expire_date * 1_000 - (Date.now() + 8 * 24 * HOUR);
    assert.ok(life > 24 * HOUR, "what is handed out still has its whole life");
  });
});
