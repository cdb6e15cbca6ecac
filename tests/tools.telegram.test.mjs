// `npm run telegram`, run as a person runs it, against the Bot API's stand-in.
import { after, before, beforeEach, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BOT, CHANNEL, WEBHOOK_SECRET, startBotApi } from "./standins/botapi.mjs";
import { ROOT } from "./harness/edge.mjs";

const OTHER = { id: 7_000_000_002, username: "other_bot", token: "7000000002:BBG-another-token" };
const VIP = { id: -1_001_000_000_004, type: "channel", title: "Shop VIP" };
const EDGE = "https://edge.shop.test";

describe("npm run telegram", () => {
  let botapi;
  before(async () => (botapi = await startBotApi({ bots: [BOT, OTHER], chats: [CHANNEL, VIP] })));
  after(() => botapi.close());
  beforeEach(() => {
    botapi.behave();
    botapi.reset();
  });

  const bot = ({ username, token }, webhookSecret) => ({ username, token, webhookSecret });
  const SITES = [{ websiteId: "atid_shop", channels: [{ slug: "news", telegramId: CHANNEL.id }, { slug: "vip", telegramId: String(VIP.id), bot: "Other_Bot" }] }];
  /** Runs it; gives its exit code and all that it printed. */
  const run = (words, vars = {}, cwd = ROOT) =>
    new Promise((resolve) => {
      const env = {
        ...process.env, NO_COLOR: "1", TELEGRAM_API_BASE: botapi.url, SITES: JSON.stringify(SITES),
        TELEGRAM_BOTS: JSON.stringify([bot(BOT, WEBHOOK_SECRET), bot(OTHER, "another-secret_1")]), ...vars,
      };
      execFile(process.execPath, ["tools/telegram.mjs", ...words], { cwd, env }, (error, stdout, stderr) => {
        const printed = stdout + stderr;
        for (const secret of [BOT.token, OTHER.token, WEBHOOK_SECRET]) assert.ok(!printed.includes(secret), printed);
        resolve({ code: error?.code ?? 0, printed });
      });
    });
  const setup = (vars) => run(["setup", "--url", EDGE], vars);

  it("setup tells Telegram where each bot's updates go, and finds all in place", async () => {
    const { code, printed } = await setup();
    assert.equal(code, 0, printed);
    assert.doesNotMatch(printed, /missing/);
    const hook = botapi.webhooks.get(BOT.username);
    assert.equal(hook.url, `${EDGE}/hooks/telegram/${BOT.username}`);
    assert.equal(hook.secret_token, WEBHOOK_SECRET);
    assert.deepEqual(hook.allowed_updates, ["message", "chat_member", "chat_join_request", "my_chat_member"]);
    assert.equal(botapi.webhooks.get(OTHER.username).url, `${EDGE}/hooks/telegram/${OTHER.username}`);
  });

  it("setup again needs no --url", async () => {
    await setup();
    botapi.webhooks.get(BOT.username).allowed_updates = ["message"];
    const { code, printed } = await run(["setup"]);
    assert.equal(code, 0, printed);
    assert.equal(botapi.webhooks.get(BOT.username).allowed_updates.length, 4);
  });

  it("lists that go on in further settings are read whole", async () => {
    const [news, vip] = SITES[0].channels;
    const site = (websiteId, channel) => JSON.stringify([{ websiteId, channels: [channel] }]);
    const { code, printed } = await setup({
      SITES: site("atid_shop", news), SITES_2: site("atid_other", vip),
      TELEGRAM_BOTS: JSON.stringify([bot(BOT, WEBHOOK_SECRET)]), TELEGRAM_BOTS_2: JSON.stringify([bot(OTHER, "another-secret_1")]),
    });
    assert.equal(code, 0, printed);
    for (const slug of ["news", "vip"]) assert.match(printed, new RegExp(`/c/${slug}`));
    assert.equal(botapi.webhooks.get(OTHER.username).url, `${EDGE}/hooks/telegram/${OTHER.username}`);
  });

  it("one bot and channel by the simple settings", async () => {
    const vars = {
      TELEGRAM_BOTS: "", SITES: "", TELEGRAM_BOT_USERNAME: BOT.username, TELEGRAM_BOT_TOKEN: BOT.token, TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET,
      TELEGRAM_CHAT_ID: String(CHANNEL.id), CHANNEL_SLUG: "news",
    };
    const { code, printed } = await setup(vars);
    assert.equal(code, 0, printed);
    assert.match(printed, /ok +\w+ \/c\/news +Shop News/);
  });

  it("settings that stand in wrangler.toml as no text", async () => {
    const folder = await mkdtemp(join(tmpdir(), "edgeway-"));
    try {
      await cp(join(ROOT, "tools"), join(folder, "tools"), { recursive: true });
      await cp(join(ROOT, "package.json"), join(folder, "package.json"));
      await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
      const listed = SITES[0].channels.map(({ slug, telegramId, bot }) => `{ slug = "${slug}", telegramId = ${telegramId}${bot ? `, bot = "${bot}"` : ""} }`);
      const simple = `TELEGRAM_CHAT_ID = ${CHANNEL.id}\nCHANNEL_SLUG = "news"`;
      for (const vars of [`SITES = [{ websiteId = "atid_shop", channels = [${listed}] }]`, simple]) {
        await writeFile(join(folder, "wrangler.toml"), `name = "edgeway"\n[vars]\n${vars}\n`);
        const { code, printed } = await run(["setup", "--url", EDGE], { SITES: "" }, folder);
        assert.equal(code, 0, printed);
        assert.match(printed, /ok +\S+ \/c\/news +Shop News/);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("settings that are no lists", async () => {
    for (const name of ["SITES", "TELEGRAM_BOTS"]) {
      const { code, printed } = await setup({ [name]: '{"username":"x"}' });
      assert.deepEqual([code, printed], [1, `${name} is not a list\n`]);
    }
  });

  const missing = {
    "a bot that is no admin": [() => botapi.demoted({ status: "member" }), {}, /missing +atid_shop \/c\/news .*no admin \(member\)/],
    "a bot that is gone": [() => botapi.demoted(), {}, /missing +atid_shop \/c\/news .*no admin \(left\)/],
    "a bot that may not invite": [() => botapi.promoted({ rights: { can_invite_users: false } }), {}, /missing +atid_shop \/c\/news .*can_invite_users/],
    "a channel that is not there": [() => {}, { SITES: JSON.stringify([{ websiteId: "w", channels: [{ slug: "x", telegramId: -1009 }] }]) }, /missing +w \/c\/x +-1009 .*chat not found/],
    "a channel without an id": [() => {}, { SITES: JSON.stringify([{ websiteId: "w", channels: [{ slug: "x" }] }]) }, /missing +w \/c\/x .*telegramId/],
    "a channel of a bot that is none": [() => {}, { SITES: JSON.stringify([{ websiteId: "w", channels: [{ slug: "x", telegramId: -1, bot: "no_bot" }] }]) }, /missing +w \/c\/x .*not among/],
    "a token of another bot": [() => {}, { TELEGRAM_BOTS: JSON.stringify([bot({ ...BOT, token: OTHER.token }, "s")]) }, /missing +@shop_gate_bot .*that of @other_bot/],
    "a token that is dead": [() => {}, { TELEGRAM_BOTS: JSON.stringify([bot({ ...BOT, token: "1:dead" }, "s")]) }, /missing +@shop_gate_bot .*Unauthorized/],
    "a secret that Telegram refuses": [() => {}, { TELEGRAM_BOTS: JSON.stringify([bot(BOT, "no spaces")]) }, /missing +@shop_gate_bot +webhook .*unallowed/],
  };
  for (const [what, [change, vars, words]] of Object.entries(missing)) {
    it(`setup finds ${what}`, async () => {
      change();
      const { code, printed } = await setup(vars);
      assert.equal(code, 1, printed);
      assert.match(printed, words);
    });
  }

  it("setup says what is wrong with the call itself", async () => {
    const cases = [
      [["setup", "status"], {}, /^telegram setup: status is not expected; --url status\?\nnpm run telegram -- setup/],
      [["set"], {}, /^There is no command set\.\nnpm run telegram -- setup/],
      [["setup", "--to", "x"], {}, /--to/],
      [["setup", "--url", "http://edge.shop.test"], {}, /https alone/],
      [["setup"], {}, /no webhook is set yet/],
      [["setup"], { TELEGRAM_BOTS: "" }, /no bot is configured/],
      [["setup"], { TELEGRAM_BOTS: "[{" }, /TELEGRAM_BOTS is not JSON/],
      [["setup"], { TELEGRAM_BOTS: '[{"username":"x"}]' }, /a bot needs .*: x/],
    ];
    for (const [words, vars, expected] of cases) {
      const { code, printed } = await run(words, vars);
      assert.equal(code, 1, printed);
      assert.match(printed, expected);
    }
  });

  it("alone says how it is used", async () => {
    const { code, printed } = await run([]);
    assert.equal(code, 0, printed);
    assert.match(printed, /^npm run telegram -- setup/);
  });

  it("setup waits as long as Telegram says", async () => {
    botapi.misbehave({ method: "setWebhook", status: 429, retryAfter: 1 });
    botapi.misbehave({ method: "getChat", cut: "arrival" });
    const { code, printed } = await setup();
    assert.equal(code, 0, printed);
  });

  it("status shows how updates go", async () => {
    assert.match((await run(["status"])).printed, /no webhook is set/);
    await setup();
    Object.assign(botapi.webhooks.get(BOT.username), { pending_update_count: 3, last_error_date: 1_790_000_000, last_error_message: "Wrong response from the webhook: 500" });
    const { code, printed } = await run(["status"]);
    assert.equal(code, 0, printed);
    assert.match(printed, /ok +@shop_gate_bot +3 waiting +https:\/\/edge.shop.test\/hooks\/telegram\/shop_gate_bot; last error 2026-09-21T14:13:20.000Z: Wrong response from the webhook: 500/);
    botapi.webhooks.get(OTHER.username).allowed_updates = ["message"];
    const after = await run(["status"]);
    assert.equal(after.code, 1);
    assert.match(after.printed, /not asked for: chat_member, chat_join_request, my_chat_member/);
  });
});
