// `npm run telegram -- setup [--url https://edge.example.com]` tells Telegram where each bot's updates go, and looks whether the bots may do
// in their channels what they have to. `npm run telegram -- status` shows how the updates go. Settings are the worker's own: the
// environment, then .dev.vars (secrets), then wrangler.toml.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEnv } from "node:util";
import { unstable_readConfig } from "wrangler";
import { ROOT, fail, misused, step, typed } from "./prerequisites.mjs";
import { table } from "./table.mjs";

const USAGE = `npm run telegram -- setup [--url https://edge.example.com]   leads each bot's updates to the edge, and says what a bot lacks in its channels
npm run telegram -- status                                   shows how the updates go

Settings are those of this folder: the environment, then .dev.vars, then wrangler.toml. The bots' secrets have to be there, too.`;
/** What the worker acts on. Telegram sends `chat_member` and `chat_join_request` only when they are named. */
const UPDATES = ["message", "chat_member", "chat_join_request", "my_chat_member"];
const TIMEOUT_MS = 20_000;
const ATTEMPTS = 3;

const { values, positionals: [command, ...rest] } = typed(USAGE, { url: { type: "string" } });
if (!["setup", "status"].includes(command)) misused(`There is no command ${command}.`, USAGE);
if (rest.length) misused(`telegram ${command}: ${rest[0]} is not expected${command === "setup" ? `; --url ${rest[0]}?` : "."}`, USAGE);
if (values.url !== undefined && command !== "setup") misused(`telegram ${command} takes no --url.`, USAGE);
const setting = settings();
const base = (setting("TELEGRAM_API_BASE") ?? "https://api.telegram.org").replace(/\/$/, "");
const bots = readBots();
const channels = readChannels();

if (!bots.length) fail("no bot is configured: set TELEGRAM_BOT_USERNAME, TELEGRAM_BOT_TOKEN and TELEGRAM_WEBHOOK_SECRET, or TELEGRAM_BOTS; README.md says where, under \"Run without AdTarget\"");
process.exitCode = (await (command === "setup" ? setup() : status())) ? 0 : 1;

/** From a setting's name to its value; undefined when it is not set or blank. */
function settings() {
  const file = join(ROOT, ".dev.vars");
  const secrets = existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
  const { vars } = unstable_readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
  // What is no text in wrangler.toml (an id, a table) is JSON to the worker, too.
  const text = (value) => (value === undefined || typeof value === "string" ? value : JSON.stringify(value));
  return (name) => [process.env[name], secrets[name], vars[name]].map((value) => text(value)?.trim()).find(Boolean);
}

/** A setting that is a list. */
function list(name) {
  if (!setting(name)) return null;
  const whole = [];
  for (let part = 1, its = name; setting(its); its = `${name}_${(part += 1)}`) {
    try {
      whole.push(JSON.parse(setting(its)));
    } catch {
      // What is wrong may stand beside a secret.
      return fail(`${its} is not JSON`);
    }
    if (!Array.isArray(whole.at(-1))) return fail(`${its} is not a list`);
  }
  return whole.flat();
}

/** `{username, token, webhookSecret}` each. */
function readBots() {
  const single = { username: setting("TELEGRAM_BOT_USERNAME"), token: setting("TELEGRAM_BOT_TOKEN"), webhookSecret: setting("TELEGRAM_WEBHOOK_SECRET") };
  const listed = list("TELEGRAM_BOTS") ?? (Object.values(single).some(Boolean) ? [single] : []);
  for (const { username, token, webhookSecret } of listed) {
    if (!username || !token || !webhookSecret) fail(`a bot needs a username, a token and a webhook secret: ${username ?? "one has no username"}`);
  }
  return listed;
}

/** `{website, slug, id, bot}` each; `id` is Telegram's. */
function readChannels() {
  const single = { websiteId: setting("ADTARGET_WEBSITE_ID"), channels: [{ slug: setting("CHANNEL_SLUG") ?? "telegram", telegramId: setting("TELEGRAM_CHAT_ID") }] };
  const sites = list("SITES") ?? [single];
  return sites.flatMap(({ websiteId, channels = [] }) =>
    channels.map(({ slug, telegramId, bot }) => ({
      website: websiteId, slug, id: telegramId && String(telegramId),
      bot: bot ? bots.find(({ username }) => username.toLowerCase() === bot.toLowerCase()) : bots[0],
    })),
  );
}

/** Calls the Bot API; waits as long as it says. The token is in no error. */
async function call(bot, method, parameters = {}) {
  for (let attempt = 1; ; attempt += 1) {
    let answer;
    try {
      const response = await fetch(`${base}/bot${bot.token}/${method}`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(parameters), signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      answer = await response.json();
    } catch (error) {
      if (attempt < ATTEMPTS) continue;
      throw new Error(`${method}: ${String(error.cause?.message ?? error.message).replaceAll(bot.token, "[token]")}`);
    }
    if (answer.ok) return answer.result;
    const wait = answer.parameters?.retry_after;
    const moved = answer.parameters?.migrate_to_chat_id;
    if (wait === undefined || attempt === ATTEMPTS) throw new Error(`${method}: ${answer.description}${moved ? `: its id is ${moved} now` : ""}`);
    await sleep(wait * 1000);
  }
}

/** `work`'s own result, or what went wrong in words. */
function tried(work) {
  return work().catch((error) => error.message);
}

async function setup() {
  const rows = [];
  for (const bot of bots) {
    step(`@${bot.username}`);
    const me = await tried(() => introduce(bot));
    rows.push({ what: `@${bot.username}`, where: "Bot API", missing: typeof me === "string" ? me : "" });
    if (typeof me === "string") continue;
    rows.push({ what: `@${bot.username}`, where: "webhook", missing: (await tried(() => setWebhook(bot))) ?? "" });
    for (const channel of channels.filter((each) => each.bot === bot)) rows.push(await look(bot, me, channel));
  }
  for (const { website, slug } of channels.filter((each) => !each.bot)) rows.push({ what: `${website} /c/${slug}`, where: "settings", missing: "its bot is not among those configured" });
  table(rows.map(({ what, where, missing, note }) => [missing ? "missing" : "ok", what, where, missing || note || ""]));
  return rows.every(({ missing }) => !missing);
}

async function introduce(bot) {
  const me = await call(bot, "getMe");
  if (me.username.toLowerCase() !== bot.username.toLowerCase()) throw new Error(`the token is that of @${me.username}`);
  return me;
}

async function setWebhook(bot) {
  const known = values.url ?? originOf((await call(bot, "getWebhookInfo")).url);
  if (!known) throw new Error("no webhook is set yet: say where the worker is, --url https://edge.example.com");
  if (!URL.canParse(known) || new URL(known).protocol !== "https:") throw new Error(`--url ${known}: Telegram takes https alone`);
  const url = new URL(`/hooks/telegram/${bot.username}`, known).href;
  await call(bot, "setWebhook", { url, secret_token: bot.webhookSecret, allowed_updates: UPDATES });
  console.log(`  updates go to ${url}`);
}

function originOf(url) {
  return url ? new URL(url).origin : undefined;
}

/** What a bot finds in its channel. */
async function look(bot, me, { website, slug, id }) {
  const row = { what: `${website} /c/${slug}`, where: id ?? "settings" };
  if (!id) return { ...row, missing: "its id at Telegram is not set (telegramId, TELEGRAM_CHAT_ID)" };
  const chat = await tried(() => call(bot, "getChat", { chat_id: id }));
  if (typeof chat === "string") return { ...row, missing: `${chat}: is @${bot.username} in there?` };
  row.where = `${chat.title} (${id})`;
  const member = await tried(() => call(bot, "getChatMember", { chat_id: id, user_id: me.id }));
  if (typeof member === "string") return { ...row, missing: member };
  if (!["administrator", "creator"].includes(member.status)) return { ...row, missing: `@${bot.username} is no admin (${member.status})` };
  if (member.status === "administrator" && !member.can_invite_users) return { ...row, missing: `@${bot.username} may not invite users (can_invite_users)` };
  return { ...row, missing: "", note: chat.username ? "public: Telegram seldom names the link that someone joined by; a private channel or mode bot is reliable" : "" };
}

async function status() {
  const rows = [];
  for (const bot of bots) {
    const info = await tried(() => call(bot, "getWebhookInfo"));
    if (typeof info === "string") {
      rows.push(["failing", `@${bot.username}`, "", info]);
      continue;
    }
    const unasked = UPDATES.filter((kind) => !info.allowed_updates?.includes(kind));
    const words = [
      !info.url && "no webhook is set: npm run telegram -- setup",
      info.url && unasked.length && `not asked for: ${unasked.join(", ")}`,
      info.last_error_date && `last error ${new Date(info.last_error_date * 1000).toISOString()}: ${info.last_error_message}`,
    ].filter(Boolean);
    rows.push([info.url && !unasked.length ? "ok" : "missing", `@${bot.username}`, `${info.pending_update_count} waiting`, [info.url, ...words].filter(Boolean).join("; ")]);
  }
  table(rows);
  return rows.every(([is]) => is === "ok");
}
