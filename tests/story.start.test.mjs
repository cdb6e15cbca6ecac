// `npm start`, as somebody meets it who has just cloned the project: what it prints is what they open, tap and look up.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";
import { chromium } from "playwright-core";
import { findChromium } from "../tools/browsers.mjs";
import { ROOT } from "./harness/edge.mjs";
import { until } from "./harness/wait.mjs";

const SECRETS = join(ROOT, ".dev.vars");
/** Somebody's own, with which the edge would act elsewhere than here. */
const own = existsSync(SECRETS) && Object.keys(parseEnv(readFileSync(SECRETS, "utf8"))).some((name) => name !== "OPERATOR_KEY");

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts it; `printed()` is what it has said so far, `stop()` is Ctrl-C; `ended()` and `stop()` give the exit code. */
function start(port) {
  const child = spawn("node", ["tools/start.mjs"], { cwd: ROOT, env: { ...process.env, PORT: String(port) } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (words) => (text += words));
  const end = once(child, "exit");
  const ended = async () => (await end)[0];
  return {
    ended,
    printed: () => text,
    async up() {
      await until(() => /Edgeway is up/.test(text) || child.exitCode !== null, "the edge is up", 240_000);
      assert.match(text, /Edgeway is up/);
    },
    stop() {
      child.kill("SIGINT");
      return ended();
    },
  };
}

describe("npm start", { skip: own && ".dev.vars holds more than OPERATOR_KEY" }, () => {
  const hadKey = existsSync(SECRETS);
  let port;
  let edge;
  let browser;
  before(async () => {
    port = await freePort();
    browser = await chromium.launch({
      executablePath: findChromium(), chromiumSandbox: false,
      // Telegram is not part of the test.
      args: ["--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
    });
  });
  after(async () => {
    await browser?.close();
    await edge?.stop();
    rmSync(join(ROOT, `.wrangler/state-${port}`), { recursive: true, force: true });
    if (!hadKey) rmSync(SECRETS, { force: true });
  });

  /** The first row of that in the local ledger, once it is there, by the command that is printed. */
  async function row(sql) {
    const [program, ...words] = /npx wrangler d1 execute .*(?= --command)/.exec(edge.printed())[0].split(" ");
    const look = async () => {
      const { stdout } = await promisify(execFile)(program, [...words, "--json", "--command", sql], { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } });
      return JSON.parse(stdout)[0].results[0];
    };
    return until(look, sql);
  }

  it("names a setting that is wrong, and ends when it is asked to", { skip: hadKey && ".dev.vars is there" }, async () => {
    writeFileSync(SECRETS, 'CHANNEL_EVENT = "Rejoice!"\n');
    edge = start(port);
    await edge.up();
    assert.match(edge.printed(), /Settings are wrong; mend them in wrangler\.toml or \.dev\.vars, and start again:\n  CHANNEL_EVENT: \S/);
    assert.equal(await edge.stop(), 0);
    assert.match(readFileSync(SECRETS, "utf8"), /^CHANNEL_EVENT = "Rejoice!"\nOPERATOR_KEY="[0-9a-f]{48}"\n$/, "the key is added");
    writeFileSync(SECRETS, "");
  });

  it("ends with a page whose visit, late _fbp and tap are in the debugger and the ledger", async () => {
    edge = start(port);
    await edge.up();
    assert.doesNotMatch(edge.printed(), /Settings are wrong/);
    const [address] = new RegExp(`http://localhost:${port}/\\?\\S+`).exec(edge.printed());
    const tab = await browser.newPage();
    await tab.goto(address);
    const panel = tab.locator("edgeway-panel aside");
    await until(async () => /Recorded/.test(await panel.textContent()), "the debugger shows the visit");
    const fbp = `fb.0.${Date.now()}.1098765432`;
    await tab.evaluate((value) => void (document.cookie = `_fbp=${value}; path=/`), fbp);
    await until(async () => (await panel.textContent()).includes(fbp), "the debugger shows the late _fbp");
    const led = tab.waitForResponse((response) => response.status() === 302);
    await tab.click("a.join").catch(() => {});
    assert.equal((await led).headers().location, "https://t.me/edgeway_demo");

    const visit = await row("SELECT * FROM visits WHERE fbp IS NOT NULL");
    assert.equal(visit.href, address);
    assert.equal(visit.fbp, fbp);
    assert.equal((await row("SELECT * FROM clicks")).visit_id, visit.visit_id);
  });

  it("says that its port is taken", async () => {
    const second = start(port);
    assert.equal(await second.ended(), 1);
    assert.match(second.printed(), new RegExp(`port ${port} is taken, maybe by another Edgeway: PORT=8788 npm start takes another`));
  });
});
