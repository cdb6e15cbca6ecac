// Telegram's chats and the edge that hears of them: two bots, a channel a way of handing out links, and one that no setting names.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { BOT, CHANNEL, WEBHOOK_SECRET, startBotApi } from "../standins/botapi.mjs";
import { startEdge } from "./edge.mjs";
import { BROWSER } from "./world.mjs";

const ORIGIN = "https://edge.shop.test";
/** Another bot, which leads to a channel of its own. */
export const OTHER_BOT = { id: 7_000_000_002, username: "other_bot", token: "7000000002:BBG-another-token" };
export const OTHER_SECRET = "another-secret_1";

/** A channel a way of handing out links, and one that no setting names. */
export const NEWS = CHANNEL;
export const CLUB = { id: -1_001_000_000_002, type: "supergroup", title: "Shop Club" };
export const DOOR = { id: -1_001_000_000_003, type: "channel", title: "Behind the Door" };
export const VIP = { id: -1_001_000_000_004, type: "channel", title: "Shop VIP", username: "shop_vip" };
export const BACK = { id: -1_001_000_000_005, type: "channel", title: "At the Back" };
export const STRAY = { id: -4_503_599_627_370_495, type: "channel", title: "Stray" };

/** The SITES setting: one site with four channels, one with one. */
export const SITES = [
  {
    websiteId: "atid_shop",
    domains: ["shop.test"],
    channels: [
      { slug: "news", channelId: "chan_news", invite: "https://t.me/+NewsFallback01", telegramId: NEWS.id },
      {
        slug: "club", channelId: "chan_club", invite: "https://t.me/+ClubFallback01", telegramId: String(CLUB.id), mode: "request", poolSize: 1,
        eventType: "Custom", customEventName: "Joined Club", value: 2.5, currency: "EUR",
      },
      { slug: "door", invite: "https://t.me/+DoorFallback01", telegramId: DOOR.id, mode: "bot", poolSize: 1 },
      { slug: "back", invite: "https://t.me/+BackFallback01", telegramId: BACK.id, mode: "bot", bot: "Other_Bot", poolSize: 1 },
    ],
  },
  {
    websiteId: "atid_second",
    domains: ["second.test"],
    channels: [{ slug: "vip", channelId: "chan_vip", invite: "https://t.me/+VipFallback0001", telegramId: VIP.id, mode: "personal", poolSize: 2, eventType: "Subscribe" }],
  },
];

/**
 * Starts the Bot API and an edge that it tells; `botapi`: one that runs. Updates go in by `post` and `tell`, what the ledger makes of them comes out by
 * `members`, `conversions` and so on.
 */
export async function startChats({ vars = {}, botapi, ...options } = {}) {
  botapi ??= await startBotApi({ bots: [BOT, OTHER_BOT], chats: [NEWS, CLUB, DOOR, VIP, BACK, STRAY] });
  const edge = await startEdge({
    origin: ORIGIN,
    ...options,
    vars: {
      SITES: JSON.stringify(SITES),
      TELEGRAM_API_BASE: botapi.url,
      TELEGRAM_ADS_BASE_URL: botapi.url,
      TELEGRAM_BOTS: JSON.stringify([BOT, OTHER_BOT].map(({ username, token }) => ({ username, token, webhookSecret: username === BOT.username ? WEBHOOK_SECRET : OTHER_SECRET }))),
      ...vars,
    },
  });
  const telegram = { botapi, edge };

  /** Posts one update as it is, as Telegram does. */
  telegram.post = (body, { bot = BOT.username, secret = WEBHOOK_SECRET, ...rest } = {}) =>
    edge.request(`/hooks/telegram/${bot}`, {
      method: "POST", body, headers: { "content-type": "application/json", ...(secret !== null && { "x-telegram-bot-api-secret-token": secret }) }, ...rest,
    });
  /** Posts updates one after another; each is taken. */
  telegram.tell = async (...updates) => {
    for (const update of updates) {
      const answer = await telegram.post(update);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, "");
    }
  };
  /** A link that the bot made. */
  telegram.link = async (name, { chat = NEWS, bot = BOT, ...more } = { }) => {
    const answer = await fetch(`${botapi.url}/bot${bot.token}/createChatInviteLink`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ chat_id: chat.id, ...(name && { name }), ...more }),
    });
    const { result } = await answer.json();
    botapi.calls.length = 0;
    return result.invite_link;
  };
  /** A click that the ledger knows. */
  telegram.click = async (fields) => {
    await edge.enqueue(JSON.stringify({ keep: { click: clickRecord(fields) } }));
    await edge.drained();
  };
  telegram.members = (where = "1") => edge.rows(`SELECT * FROM members WHERE ${where} ORDER BY chat_id, telegram_user_id`);
  telegram.conversions = () => edge.rows("SELECT * FROM conversions ORDER BY event_ms, telegram_user_id");
  telegram.leads = () => edge.rows("SELECT * FROM leads ORDER BY telegram_user_id");
  telegram.updates = () => edge.rows("SELECT * FROM telegram_updates");
  telegram.channels = () => edge.rows("SELECT * FROM telegram_channels ORDER BY chat_id");
  telegram.reset = async () => {
    await edge.calm();
    botapi.behave();
    await edge.drained();
    await edge.fail({ forget: true });
    // The pools go on with the links they have.
    const links = [...botapi.links];
    botapi.reset();
    for (const [url, link] of links) botapi.links.set(url, link);
    edge.logs.length = 0;
    edge.deadLetters.length = 0;
    await edge.clear();
  };
  telegram.close = () => Promise.all([edge.close(), botapi.close()]);
  return telegram;
}

/** A click's id, as a link bears it. */
export const clickId = () => randomUUID().replaceAll("-", "");

/** A click as the queue carries it. */
function clickRecord(fields) {
  return {
    clickId: clickId(), atMs: Date.now(), websiteId: "atid_shop", tempId: randomUUID(), clientSessionId: randomUUID(), visitId: null, channel: "news",
    inviteLink: null, personal: false, attribution: {}, client: { ip: "203.0.113.7", userAgent: BROWSER }, ...fields,
  };
}
