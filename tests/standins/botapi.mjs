// A stand-in for Telegram's Bot API on loopback: its documented wire (https://core.telegram.org/bots/api), state one can look at,
// misbehaviour on demand, and updates as Telegram sends them. `node tests/standins/botapi.mjs [port]` runs it by itself.
import { randomBytes } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { pathToFileURL } from "node:url";
import { readBody, request, standIn } from "../harness/http.mjs";
import { answerWith, misbehaving } from "./faults.mjs";

/** The default bot, a channel where it is an admin, and what a worker has to know of both. */
export const BOT = { id: 7_000_000_001, username: "shop_gate_bot", token: "7000000001:AAF-stand_in-token-0123456789abcdefg" };
export const CHANNEL = { id: -1_001_234_567_890, type: "channel", title: "Shop News" };
export const WEBHOOK_SECRET = "hook-secret_0123456789";
/** The kinds of updates that the edge needs. */
export const UPDATES = ["message", "chat_member", "chat_join_request", "my_chat_member"];

const ADMIN_RIGHTS = {
  can_be_edited: false, can_manage_chat: true, can_change_info: false, can_post_messages: true, can_edit_messages: false,
  can_delete_messages: false, can_invite_users: true, can_restrict_members: false, can_promote_members: false, can_manage_video_chats: false,
  can_post_stories: false, can_edit_stories: false, can_delete_stories: false, is_anonymous: false, can_manage_voice_chats: false,
};
/** Who made the bot an admin, and lets people in by hand. */
const OWNER = { id: 100_000_001, is_bot: false, first_name: "Olga", username: "shop_owner", language_code: "en" };
/** What Telegram sends when a webhook names nothing. */
const QUIET_UPDATES = ["chat_member", "message_reaction", "message_reaction_count"];

/** A refusal in Telegram's own form. */
class Refusal extends Error {
  constructor(code, description, parameters) {
    super(description);
    Object.assign(this, { code, parameters });
  }
}
const bad = (words) => new Refusal(400, `Bad Request: ${words}`);
const forbidden = (words) => new Refusal(403, `Forbidden: ${words}`);

/** Someone at Telegram. */
export const person = (id, more = {}) => ({ id, is_bot: false, first_name: `Person ${id}`, language_code: "en", ...more });

/**
 * Starts the stand-in. `bots` as `BOT`, `chats` as `CHANNEL` (`username` makes it public); every bot is an admin of every chat.
 *
 * State: `calls` ({bot, method, parameters, at, status}), `links` (a Map from the URL to {…ChatInviteLink, chat_id, joined, …}),
 * `chats` (each with `members`, a Map from the user's id to its ChatMember, and `requests`, a Map from the user's id to the link's URL),
 * `messages`, `webhooks` (by username), `started` (ids of users that a bot may write to).
 * `misbehave({method, times, …})` makes the next calls fail, see [`misbehaving`]; one with `status` says its `description`. `advance(ms)` moves its clock. `reset()` forgets all.
 * The updates (`join` and so on) change the state, return the whole Update, and are posted by `deliver(update, {url, secret, at})`.
 */
export async function startBotApi({ port = 0, bots = [BOT], chats = [CHANNEL] } = {}) {
  const state = { url: "", bots, calls: [], links: new Map(), chats: new Map(), messages: [], webhooks: new Map(), started: new Set(), violations: [] };
  let updateId = 900_000_000 + (randomBytes(2).readUInt16BE() << 4);
  let messageId = 0;
  let ahead = 0;
  state.nowMs = () => Date.now() + ahead;
  const nowS = () => Math.floor(state.nowMs() / 1000);
  state.advance = (ms) => (ahead += ms);

  misbehaving(state, "method");
  state.reset = () => {
    state.behave();
    for (const list of [state.calls, state.messages, state.violations]) list.length = 0;
    for (const map of [state.links, state.webhooks, state.started, state.chats]) map.clear();
    for (const chat of chats) {
      const admins = bots.map((bot) => [bot.id, { user: user(bot), status: "administrator", ...ADMIN_RIGHTS }]);
      state.chats.set(chat.id, { ...chat, members: new Map([[OWNER.id, { user: OWNER, status: "creator", is_anonymous: false }], ...admins]), requests: new Map(), joinedBy: new Map(), approvedBy: new Map() });
    }
  };
  /** The calls of one method. */
  state.callsOf = (method) => state.calls.filter((call) => call.method === method);
  /** The links that can be used now. */
  state.alive = () => [...state.links.values()].filter(isAlive);

  function user({ id, username }) {
    return { id, is_bot: true, first_name: username, username };
  }

  const isAlive = (link) => !link.is_revoked && !(link.expire_date && link.expire_date <= nowS());

  /** Without what is the stand-in's own. */
  const shown = ({ chat_id, joined, made_ms, ...link }) => link;

  function chatOf({ chat_id }) {
    if (chat_id === undefined || chat_id === "") throw bad("chat_id is empty");
    const named = (chat) => String(chat.id) === String(chat_id) || (chat.username && `@${chat.username}` === chat_id);
    const found = [...state.chats.values()].find(named);
    if (!found) throw bad("chat not found");
    return found;
  }

  function chatToInvite(bot, parameters) {
    const chat = chatOf(parameters);
    const member = chat.members.get(bot.id);
    if (!member || ["left", "kicked"].includes(member.status)) throw forbidden(`bot is not a member of the ${chat.type} chat`);
    if (!member.can_invite_users) throw bad("not enough rights to manage chat invite link");
    return chat;
  }

  const integer = (value, name) => {
    if (value === undefined) return 0;
    if (!/^-?\d+$/.test(String(value))) throw bad(`parameter "${name}" must be an integer`);
    return Number(value);
  };

  /** The rules of createChatInviteLink and editChatInviteLink, as the changed fields of a link. */
  function terms({ name = "", expire_date, member_limit, creates_join_request = false }) {
    if ([...name].length > 32) throw bad("invite link name is too long");
    const limit = integer(member_limit, "member_limit");
    if (limit < 0 || limit > 99_999) throw bad("USAGE_LIMIT_INVALID");
    if (creates_join_request && limit) throw bad("member limit can't be specified for links requiring administrator approval");
    const expires = integer(expire_date, "expire_date");
    if (expires && expires <= nowS()) throw bad("EXPIRE_DATE_INVALID");
    return {
      ...(name && { name }),
      ...(expires && { expire_date: expires }),
      ...(limit && { member_limit: limit }),
      creates_join_request: Boolean(creates_join_request),
    };
  }

  function ownLink(bot, chat, { invite_link }) {
    if (!invite_link) throw bad("invite_link is empty");
    const link = state.links.get(invite_link);
    if (!link || link.chat_id !== chat.id) throw bad("INVITE_HASH_EXPIRED");
    if (link.creator.id !== bot.id) throw bad("CHAT_ADMIN_REQUIRED");
    return link;
  }

  const methods = {
    getMe: (bot) => ({ ...user(bot), can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false, can_connect_to_business: false, has_main_web_app: false }),
    getChat: (_, parameters) => chatInfo(chatOf(parameters)),
    getChatMember(_, parameters) {
      const chat = chatOf(parameters);
      const id = integer(parameters.user_id, "user_id");
      if (!id) throw bad("invalid user_id specified");
      const member = chat.members.get(id);
      if (!member) throw bad("member not found");
      return member;
    },
    getWebhookInfo: (bot) => ({ url: "", has_custom_certificate: false, pending_update_count: 0, ...state.webhooks.get(bot.username), secret_token: undefined }),
    setWebhook(bot, { url = "", secret_token, allowed_updates, max_connections = 40, drop_pending_updates }) {
      if (!url) return methods.deleteWebhook(bot);
      if (!URL.canParse(url) || new URL(url).protocol !== "https:") throw bad("bad webhook: An HTTPS URL must be provided for webhook");
      if (secret_token !== undefined && !/^[A-Za-z0-9_-]{1,256}$/.test(secret_token)) throw bad("secret token contains unallowed characters");
      state.webhooks.set(bot.username, { url, secret_token, allowed_updates, max_connections, ip_address: "203.0.113.80", drop_pending_updates: undefined });
      return true;
    },
    deleteWebhook(bot) {
      state.webhooks.delete(bot.username);
      return true;
    },
    createChatInviteLink(bot, parameters) {
      const chat = chatToInvite(bot, parameters);
      const link = {
        invite_link: `https://t.me/+${randomBytes(12).toString("base64url").slice(0, 16)}`,
        creator: user(bot), is_primary: false, is_revoked: false, ...terms(parameters), chat_id: chat.id, joined: 0, made_ms: state.nowMs(),
      };
      state.links.set(link.invite_link, link);
      return shown(link);
    },
    editChatInviteLink(bot, parameters) {
      const link = ownLink(bot, chatToInvite(bot, parameters), parameters);
      if (link.is_revoked) throw bad("INVITE_HASH_EXPIRED");
      const changed = terms(parameters);
      for (const name of ["name", "expire_date", "member_limit"]) delete link[name];
      return shown(Object.assign(link, changed));
    },
    revokeChatInviteLink(bot, parameters) {
      const link = ownLink(bot, chatToInvite(bot, parameters), parameters);
      link.is_revoked = true;
      return shown(link);
    },
    approveChatJoinRequest: (bot, parameters) => answerRequest(bot, parameters, true),
    declineChatJoinRequest: (bot, parameters) => answerRequest(bot, parameters, false),
    sendMessage(bot, parameters) {
      if (!parameters.text) throw bad("message text is empty");
      if ([...parameters.text].length > 4096) throw bad("message is too long");
      const id = Number(parameters.chat_id);
      const chat = state.chats.get(id);
      if (!chat && !state.started.has(id)) throw forbidden("bot can't initiate conversation with a user");
      const message = {
        message_id: ++messageId, from: user(bot), chat: chat ? chatBrief(chat) : privateChat(person(id)), date: nowS(), text: parameters.text,
        ...(parameters.reply_markup && { reply_markup: parameters.reply_markup }),
      };
      state.messages.push(message);
      return message;
    },
  };

  function answerRequest(bot, parameters, approved) {
    const chat = chatToInvite(bot, parameters);
    const id = integer(parameters.user_id, "user_id");
    if (chat.members.get(id)?.status === "member") throw bad("USER_ALREADY_PARTICIPANT");
    if (!chat.requests.has(id)) throw bad("HIDE_REQUESTER_MISSING");
    chat.requests.delete(id);
    // Telegram tells of the member in an update of its own, in which the bot let them in: `join` with `viaJoinRequest` makes it.
    if (approved) chat.approvedBy.set(id, user(bot));
    return true;
  }

  // ---- updates --------------------------------------------------------------------------------------------------------------

  const chatBrief = ({ id, title, type, username }) => ({ id, title, ...(username && { username }), type });
  const chatInfo = (chat) => ({ ...chatBrief(chat), accent_color_id: 0, max_reaction_count: 11, ...(chat.username && { active_usernames: [chat.username] }) });
  const privateChat = ({ id, first_name, username }) => ({ id, first_name, ...(username && { username }), type: "private" });
  const update = (kind, value) => ({ update_id: ++updateId, [kind]: value });
  const chatNamed = (chat) => state.chats.get(chat ?? state.chats.keys().next().value);
  const asUser = (who) => (typeof who === "object" ? who : person(who));

  function linkFor(text) {
    if (typeof text !== "string") return text;
    return state.links.get(text) ?? { invite_link: text, creator: OWNER, creates_join_request: false, is_primary: true, is_revoked: false };
  }

  /** How an update shows a link: that of another admin only in part. */
  function seen(link) {
    const whole = link.creator.is_bot && bots.some((bot) => bot.id === link.creator.id);
    return whole ? shown(link) : { ...shown(link), invite_link: `${link.invite_link.slice(0, -8)}…` };
  }

  function moved(kind, chat, from, next, more = {}) {
    const id = next.user.id;
    const old = chat.members.get(id) ?? { user: next.user, status: "left" };
    chat.members.set(id, next);
    return update(kind, { chat: chatBrief(chat), from, date: nowS(), old_chat_member: old, new_chat_member: next, ...more });
  }

  /**
   * Someone joins by a link (its URL, or a ChatInviteLink; none: by search, or added `by` an admin). `viaJoinRequest`: a request was
   * approved `by` someone. `hidden`: without the link, as Telegram does in public chats. Throws when the link can't be used, as Telegram
   * would not let anyone in.
   */
  state.join = (link, who, { chat, by, viaJoinRequest = false, hidden = false } = {}) => {
    const known = link && linkFor(link);
    const where = chatNamed(known?.chat_id ?? chat);
    const joiner = asUser(who);
    if (known && !viaJoinRequest) {
      if (!isAlive(known)) throw new Error(`expired: ${known.invite_link}`);
      if (known.creates_join_request) throw new Error(`asks first: ${known.invite_link}`);
      if (known.member_limit && known.joined >= known.member_limit) throw new Error(`full: ${known.invite_link}`);
    }
    if (known) known.joined = (known.joined ?? 0) + 1;
    if (known) where.joinedBy.set(joiner.id, known.invite_link);
    return moved("chat_member", where, by ?? where.approvedBy.get(joiner.id) ?? joiner, { user: joiner, status: "member" }, {
      ...(known && !hidden && { invite_link: seen(known) }),
      ...(viaJoinRequest && { via_join_request: true }),
    });
  };
  /** Someone leaves: a seat that the link limits is free again. */
  state.leave = (who, { chat } = {}) => gone(who, chat, (user) => ({ user, status: "left" }));
  /** An admin bans someone. */
  state.ban = (who, { chat, by = OWNER } = {}) => gone(who, chat, (user) => ({ user, status: "kicked", until_date: 0 }), by);
  function gone(who, chat, next, by) {
    const where = chatNamed(chat);
    const leaver = asUser(who);
    const link = state.links.get(where.joinedBy.get(leaver.id));
    if (link) link.joined -= 1;
    where.joinedBy.delete(leaver.id);
    return moved("chat_member", where, by ?? leaver, next(leaver));
  }
  /** Someone asks to join by a link that wants it. */
  state.requestToJoin = (link, who, { chat, hidden = false } = {}) => {
    const known = link && linkFor(link);
    const where = chatNamed(known?.chat_id ?? chat);
    const asker = asUser(who);
    if (known && !isAlive(known)) throw new Error(`expired: ${known.invite_link}`);
    where.requests.set(asker.id, known?.invite_link);
    // The bot may write to them for 5 minutes.
    state.started.add(asker.id);
    if (known) known.pending_join_request_count = (known.pending_join_request_count ?? 0) + 1;
    return update("chat_join_request", {
      chat: chatBrief(where), from: asker, user_chat_id: asker.id, date: nowS(), ...(known && !hidden && { invite_link: seen(known) }),
    });
  };
  /** Someone starts the bot, by a link with a payload or by hand. */
  state.start = (who, payload, { text } = {}) => {
    const starter = asUser(who);
    state.started.add(starter.id);
    return update("message", {
      message_id: ++messageId, from: starter, chat: privateChat(starter), date: nowS(), text: text ?? (payload === undefined ? "/start" : `/start ${payload}`),
      ...(text === undefined && { entities: [{ offset: 0, length: 6, type: "bot_command" }] }),
    });
  };
  /** The bot becomes an admin, with `rights` over the usual ones. */
  state.promoted = ({ chat, bot = bots[0], rights = {} } = {}) =>
    moved("my_chat_member", chatNamed(chat), OWNER, { user: user(bot), status: "administrator", ...ADMIN_RIGHTS, ...rights });
  /** The bot is an admin no longer: `status` left (channels know no bot that is no admin), member or kicked. */
  state.demoted = ({ chat, bot = bots[0], status = "left" } = {}) =>
    moved("my_chat_member", chatNamed(chat), OWNER, { user: user(bot), status, ...(status === "kicked" && { until_date: 0 }) });

  /**
   * Posts an update as Telegram does: to the webhook that `setWebhook` set, or to `url` with `secret`; `at` is the loopback address that
   * is really called. Undefined: the webhook does not want such updates.
   */
  state.deliver = async (sent, { bot = bots[0], url, secret, at, headers } = {}) => {
    const hook = state.webhooks.get(bot.username) ?? {};
    const kind = Object.keys(sent).find((name) => name !== "update_id");
    const wanted = hook.allowed_updates?.length ? hook.allowed_updates.includes(kind) : !QUIET_UPDATES.includes(kind);
    if (!url && !wanted) return undefined;
    const token = secret ?? hook.secret_token;
    const to = url ?? hook.url;
    return request(to, {
      at: at ?? to, method: "POST", body: sent,
      headers: { "content-type": "application/json", ...(token !== undefined && { "x-telegram-bot-api-secret-token": token }), ...headers },
    });
  };

  // ---- the wire -------------------------------------------------------------------------------------------------------------

  function parametersOf(incoming, url, text) {
    const query = Object.fromEntries(url.searchParams);
    if (!text) return query;
    const type = (incoming.headers["content-type"] ?? "").split(";")[0];
    if (type === "application/x-www-form-urlencoded") return { ...query, ...Object.fromEntries(new URLSearchParams(text)) };
    try {
      return { ...query, ...JSON.parse(text) };
    } catch {
      throw bad("can't parse JSON object");
    }
  }

  async function serve(incoming, outgoing) {
    const url = new URL(incoming.url, "http://botapi.test");
    const text = await readBody(incoming);
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
    const bot = bots.find((each) => each.token === token);
    const call = { at: state.nowMs(), bot: bot?.username, method, text };
    state.calls.push(call);
    const fault = state.takeFault(method);
    if (fault.cut === "arrival") return incoming.socket.destroy();
    let answer;
    try {
      if (fault.status === 429) throw new Refusal(429, `Too Many Requests: retry after ${fault.retryAfter ?? 1}`, { retry_after: fault.retryAfter ?? 1 });
      if (fault.status) throw new Refusal(fault.status, fault.description ?? STATUS_CODES[fault.status]);
      if (!token || !/^\d+:[A-Za-z0-9_-]+$/.test(token)) throw new Refusal(404, "Not Found");
      if (!bot) throw new Refusal(401, "Unauthorized");
      // Telegram's names of methods know no case.
      const name = Object.keys(methods).find((each) => each.toLowerCase() === method?.toLowerCase());
      if (!name) throw new Refusal(404, "Not Found: method not found");
      call.parameters = parametersOf(incoming, url, text);
      answer = { status: 200, body: { ok: true, result: methods[name](bot, call.parameters) } };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, parameters } = error;
      answer = { status: code, body: { ok: false, error_code: code, description: message, ...(parameters && { parameters }) } };
    }
    const wait = answer.body.parameters?.retry_after;
    const headers = wait === undefined ? {} : { "retry-after": String(wait) };
    const status = fault.body === undefined ? answer.status : 200;
    return answerWith(call, { ...answer, status, headers }, fault, outgoing);
  }

  state.reset();
  return standIn(state, serve, port);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const api = await startBotApi({ port: Number(process.argv[2] ?? 8798) });
  console.log(`The Bot API's stand-in answers at ${api.url}; its bot's token is ${BOT.token}`);
}
