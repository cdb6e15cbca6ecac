// A click answered from the pool beside one that calls the Bot API for its link, and a thousand at once: the built worker in workerd as the
// tests run it, and the Bot API's stand-in, which takes as long as Telegram's.

import http from "node:http";
import { randomUUID } from "node:crypto";
import { startEdge } from "../tests/harness/edge.mjs";
import { until } from "../tests/harness/wait.mjs";
import { BOT, CHANNEL, WEBHOOK_SECRET, startBotApi } from "../tests/standins/botapi.mjs";

const WEBSITE = "atid_bench";
const SHARED = "https://t.me/+SharedFallback1";
/** How long the Bot API takes for a link, in ms. */
const BOT_API_MS = 150;

/**
 * Measures and prints nothing. `pool_ms`, `call_ms`: `{p50, p99}` of clicks one after another, from the pool, and each with its own call as
 * Edgeway would make it on the click; `ratio` of the medians. `burst`: `clicks` at once on a pool of as many: `own` links handed out,
 * `twice` those that went to two, and how long the whole took (`ms`).
 */
export async function inviteFigures({ clicks = 200, burst = 1_000 } = {}) {
  const api = await startBotApi();
  const edge = await startEdge({
    vars: {
      TELEGRAM_API_BASE: api.url,
      TELEGRAM_BOTS: JSON.stringify([{ username: BOT.username, token: BOT.token, webhookSecret: WEBHOOK_SECRET }]),
      SITES: JSON.stringify([{ websiteId: WEBSITE, domains: ["shop.test"], channels: [{ slug: "main", invite: SHARED, telegramId: CHANNEL.id, mode: "personal", poolSize: burst }] }]),
    },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const click = (eventId) => location(agent, edge.url, `/e/invite?websiteId=${WEBSITE}&tempId=${randomUUID()}&eventId=${eventId}`);
  const channel = `${BOT.username}:${CHANNEL.id}`;
  const ready = async () => (await (await edge.request("/healthz")).json()).sites[0].channels[0].pool?.ready;
  const fill = async () => {
    await edge.askPool(channel, "warm");
    await until(async () => (await ready()) === burst, "the pool is full", 300_000);
  };
  try {
    // The pool fills without its sleeps; the clicks are measured with a Bot API as slow as Telegram's.
    await edge.hurry(1_000);
    await click(randomUUID());
    await fill();
    const at_once = await burstOf(burst, click);
    await fill();
    await edge.hurry(0);
    api.misbehave({ method: "createChatInviteLink", delay: BOT_API_MS, times: Infinity });
    const pool = await timed(clicks, async () => {
      if ((await click(randomUUID())) === SHARED) throw new Error("a click got the channel's own link");
    });
    const call = await timed(Math.min(clicks, 50), () => create(agent, api.url));
    return { clicks, pool_ms: pool, call_ms: call, ratio: call.p50 / pool.p50, burst: at_once };
  } finally {
    agent.destroy();
    await Promise.all([edge.close(), api.close()]);
  }
}

async function burstOf(count, click) {
  const started = performance.now();
  const links = await Promise.all(Array.from({ length: count }, () => click(randomUUID())));
  const own = links.filter((link) => link !== SHARED);
  return { clicks: count, own: own.length, twice: own.length - new Set(own).size, ms: performance.now() - started };
}

async function timed(count, run) {
  const times = [];
  for (let done = 0; done < count; done++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(count - 1, Math.floor(count * share))];
  return { p50: at(0.5), p99: at(0.99) };
}

/** Where a click leads. */
const location = (agent, base, path) =>
  new Promise((resolve, reject) => {
    const headers = { host: "edge.shop.test", "cf-connecting-ip": "203.0.113.7" };
    const call = http.get(`${base}${path}`, { agent, headers }, (answer) => {
      answer.resume().on("end", () => resolve(answer.headers.location));
    });
    call.on("error", reject);
  });

/** A link made by a call on the click: what a click without a pool waits for at the least. */
const create = (agent, base) =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = http.request(`${base}/bot${BOT.token}/createChatInviteLink`, { agent, method: "POST", headers }, (answer) => {
      answer.resume().on("end", resolve);
    });
    call.on("error", reject);
    call.end(JSON.stringify({ chat_id: CHANNEL.id, name: randomUUID().replaceAll("-", ""), member_limit: 1 }));
  });
