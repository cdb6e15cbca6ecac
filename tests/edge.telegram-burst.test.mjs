// Ten thousand joins at once: shuffled, told up to three times, with the ledger down now and then, and the worker killed in between.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { BOT, WEBHOOK_SECRET, person, startBotApi } from "./standins/botapi.mjs";
import { NEWS, clickId, startChats } from "./harness/chats.mjs";
import { numbers } from "./harness/numbers.mjs";
import { sleep } from "./harness/wait.mjs";

const AT_ONCE = 200;

/**
 * Joins of `people` in their order in time, nine of ten by a click's link; every seventh leaves and comes back by another
 * link. Gives the updates and what has to come out: from each joiner by a known link to their click.
 */
function story(people) {
  const creator = { id: BOT.id, is_bot: true, first_name: "Gate", username: BOT.username };
  const chat = { id: NEWS.id, title: NEWS.title, type: "channel" };
  const [updates, clicks] = [[], new Map()];
  let updateId = 500_000_000;
  let date = 1_790_000_000;
  const link = (name) => ({ invite_link: `https://t.me/+${name.slice(0, 16)}`, creator, creates_join_request: false, is_primary: false, is_revoked: false, name });
  const move = (id, from, to, invite_link) => {
    const user = person(id);
    date += 1;
    updates.push({
      update_id: ++updateId,
      chat_member: { chat, from: user, date, old_chat_member: { user, status: from }, new_chat_member: { user, status: to }, ...(invite_link && { invite_link }) },
    });
  };
  for (let id = 1; id <= people; id += 1) {
    const click = clickId();
    const known = id % 10 !== 0;
    move(id, "left", "member", known ? link(click) : undefined);
    if (known) clicks.set(id, click);
    if (id % 7 === 0) {
      move(id, "member", "left");
      const second = clickId();
      move(id, "left", "member", link(second));
      if (!known) clicks.set(id, second);
    }
  }
  return { updates, clicks };
}

/** Each update one to three times, in no order. */
function shuffled(updates, random) {
  const told = updates.flatMap((update) => Array(1 + Math.floor(random() * 3)).fill(update));
  for (let at = told.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [told[at], told[other]] = [told[other], told[at]];
  }
  return told;
}

/** Posts as Telegram does: again and again until it is answered with 2xx, so many at once. `edge()` is where the edge is now. */
async function postAll(told, edge) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let [next, again] = [0, 0];
  const post = (body) =>
    new Promise((resolve) => {
      const { url, origin } = edge();
      const target = new URL(url);
      const where = `/hooks/telegram/${BOT.username}`;
      const call = http.request(
        {
          host: target.hostname, port: target.port, path: where, method: "POST", agent,
          headers: { "content-type": "application/json", "x-telegram-bot-api-secret-token": WEBHOOK_SECRET, "MF-Original-URL": origin + where },
        },
        (answer) => answer.resume().on("end", () => resolve(answer.statusCode)).on("error", () => resolve(0)),
      );
      call.on("error", () => resolve(0));
      call.end(body);
    });
  const worker = async () => {
    while (next < told.length) {
      const body = JSON.stringify(told[next++]);
      for (let status; (status = await post(body)) !== 200; again += 1) {
        assert.ok([0, 500, 503].includes(status), `answered with ${status}`);
        await sleep(20);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  agent.destroy();
  return again;
}

/** Asserts that every joiner by a known link has made one conversion, for the click of their first such join, and that all others are organic. */
async function check(chats, clicks, people) {
  const conversions = await chats.conversions();
  assert.equal(conversions.length, clicks.size, "conversions");
  for (const { telegram_user_id: id, click_id } of conversions) assert.equal(click_id, clicks.get(id), `of ${id}`);
  const members = await chats.members();
  assert.equal(members.length, people);
  for (const { telegram_user_id: id, click_id, joins, status } of members) {
    assert.deepEqual([click_id, joins, status], [clicks.get(id) ?? null, id % 7 === 0 ? 2 : 1, "member"], `of ${id}`);
  }
  const leads = await chats.leads();
  assert.equal(leads.filter((lead) => !lead.organic).length, clicks.size);
  assert.equal(leads.length, people);
}

describe("a burst", () => {
  it("of 10,000 joins, with the ledger down now and then: one conversion for each joiner by a known link", async () => {
    const people = 10_000;
    const chats = await startChats();
    try {
      const { updates, clicks } = story(people);
      const told = shuffled(updates, numbers(1));
      let over = false;
      const outages = (async () => {
        for (let round = 0; !over; round += 1) {
          await chats.edge.fail({ d1: round % 4 === 3 ? "fail" : null });
          await sleep(round % 4 === 3 ? 150 : 400);
        }
        await chats.edge.fail({ d1: null });
      })();
      const again = await postAll(told, () => chats.edge);
      over = true;
      await outages;
      assert.ok(again > 0, "some were refused and came again");
      await check(chats, clicks, people);
    } finally {
      await chats.close();
    }
  });
});

describe("killed in a burst", () => {
  let folder, botapi;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "edgeway-"));
    botapi = await startBotApi();
  });
  after(async () => {
    await botapi.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("and started again on the same data, the worker has lost nothing and doubled nothing", async () => {
    const people = 1_500;
    const start = () => startChats({ botapi, persist: folder });
    const { updates, clicks } = story(people);
    let chats = await start();
    try {
      let over = false;
      const kills = (async () => {
        for (let kill = 0; kill < 3 && !over; kill += 1) {
          await sleep(700);
          await chats.edge.kill();
          chats = await start();
        }
      })();
      const again = await postAll(shuffled(updates, numbers(2)), () => chats.edge);
      over = true;
      await kills;
      assert.ok(again > 0, "some were cut off and came again");
      await check(chats, clicks, people);
    } finally {
      await chats.edge.close();
    }
  });
});
