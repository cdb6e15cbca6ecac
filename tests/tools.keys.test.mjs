// `npm run keys` and `npm run sends`, run as a person runs them, against an edge on which nothing has happened yet.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { OPERATOR_KEY, startApi } from "./harness/api.mjs";
import { ROOT } from "./harness/edge.mjs";
import { listen, shut } from "./harness/http.mjs";

/** Runs one of the tools; gives its exit code and what it printed. */
const run = (edge, tool, words, env = {}) =>
  new Promise((resolve) => {
    const settings = { ...process.env, NO_COLOR: "1", EDGEWAY_URL: edge.url, OPERATOR_KEY, ...env };
    execFile(process.execPath, [`tools/${tool}.mjs`, ...words], { cwd: ROOT, env: settings, timeout: 120_000 }, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });

describe("npm run keys, npm run sends", () => {
  let api;
  before(async () => (api = await startApi()));
  after(() => api.close());
  const ok = async (tool, ...words) => {
    const { code, out, err } = await run(api.edge, tool, words);
    assert.equal(code, 0, out + err);
    return out;
  };
  const fails = async (expected, tool, ...words) => {
    const { code, err } = await run(api.edge, tool, words);
    assert.equal(code, 1, err);
    assert.match(err, expected);
  };

  it("say that nothing is there yet", async () => {
    assert.equal(await ok("keys", "list"), "There is no key yet: npm run keys -- create NAME makes one.\n");
    assert.equal(await ok("sends", "list", "--state", "dead"), "There is no such send.\n");
    assert.deepEqual(JSON.parse(await ok("sends", "list", "--json")), []);
  });

  it("make, list and revoke a key", async () => {
    const [, key, prefix] = /^(atk_live_(\w{8})_\w{32})\n/.exec(await ok("keys", "create", "crm"));
    assert.equal((await api.get("channels", { key })).status, 200);
    assert.match(await ok("keys", "list"), new RegExp(`${prefix}.*crm`));
    assert.equal(await ok("keys", "revoke", prefix), `${prefix} is revoked.\n`);
    assert.equal((await api.get("channels", { key })).status, 401);
  });

  it("revoke a key that is given whole, and do not show it", async () => {
    const [, key, prefix] = /^(atk_live_(\w{8})_\w{32})\n/.exec(await ok("keys", "create", "shop"));
    assert.equal(await ok("keys", "revoke", key), `${prefix} is revoked.\n`);
    assert.equal((await api.get("channels", { key })).status, 401);
  });

  it("say what is wrong with the call itself", async () => {
    await fails(/^No key has the prefix nope: npm run keys -- list shows those there are\.\n$/, "keys", "revoke", "nope");
    for (const [words, problem] of [
      ["keys revoke", "keys revoke: PREFIX is missing."], ["keys create a b", "keys create: b is one word too many; a name with spaces takes quotes."],
      ["keys list --site x", "keys list takes no --site."], ["keys make", "There is no command make."], ["keys list --nope", "Unknown option '--nope'"],
      ["sends show", "There is no command show."], ["sends list dead", "sends list: dead is not expected; --state dead, --platform, --site or --conversion?"],
      ["sends replay", "sends replay: say which, by SEND_ID or --state; npm run sends -- list shows them."], ["sends replay x --limit 3", "sends replay takes no --limit."],
      ["selftest meta", "meta: not expected"], ["telegram setup https://x.test", "telegram setup: https://x.test is not expected; --url https://x.test?"],
      ["telegram status --url x", "telegram status takes no --url."], ["bench --only all", "--only: edge, invites, outbox or tracker, not all"],
    ]) {
      const [tool, ...typed] = words.split(" ");
      const { code, err } = await run(api.edge, tool, typed);
      assert.deepEqual([code, ...err.split("\n").slice(0, 2).map((line, at) => (at ? line.slice(0, 8 + tool.length) : line))], [1, problem, `npm run ${tool}`]);
    }
  });

  it("name the sites there are where one is asked for that is not, and say which sends can go out again", async () => {
    const { sites } = (await api.edge.request("/healthz")).json();
    for (const [tool, ...words] of [["keys", "create", "crm"], ["sends", "list"], ["sends", "list", "--json"], ["sends", "replay", "--state", "dead"], ["ads", "report"]]) {
      const { code, out, err } = await run(api.edge, tool, [...words, "--site", "atid_nowhere"]);
      assert.deepEqual([code, out, err], [1, "", `--site: ${api.edge.url} has no site atid_nowhere; it has ${sites.map(({ websiteId }) => websiteId).join(", ")}\n`]);
    }
    assert.equal(await ok("sends", "list", "--site", sites[0].websiteId), "There is no such send.\n");
    assert.equal(await ok("sends", "replay", "--state", "dead"), "There is no such send.\n");
    await fails(/^It is not one that can go out again: npm run sends -- list --state skipped, rejected or dead shows those, and the code PARTLY_REFUSED\n$/, "sends", "replay", "nope");
  });

  it("alone say how they are used, and when asked", async () => {
    for (const words of [[], ["--help"], ["list", "-h"]]) {
      assert.match(await ok("keys", ...words), /^npm run keys -- create NAME/);
      assert.match(await ok("sends", ...words), /^npm run sends -- list/);
    }
    for (const tool of ["selftest", "telegram", "bench"]) assert.match(await ok(tool, "--help"), new RegExp(`^npm run ${tool}`));
    for (const tool of ["keys", "sends", "selftest", "ads"]) assert.match(await ok(tool, "--help"), /\nAsks the edge at EDGEWAY_URL, .* OPERATOR_KEY/);
  });

  it("say what to do where no edge answers, or the key is another edge's", async () => {
    const nobody = createServer();
    const url = await listen(nobody);
    await shut(nobody);
    for (const [tool, ...words] of [["keys", "list"], ["sends", "list"], ["selftest"], ["ads", "report"], ["ads", "orders"]]) {
      const { code, err } = await run({ url }, tool, words);
      assert.equal(code, 1);
      assert.match(err, /^http:\S+: no answer: .*\. Is the edge running\? npm start serves one at http:\/\/localhost:8787; EDGEWAY_URL names another\n$/);
      const refused = await run(api.edge, tool, words, { OPERATOR_KEY: "x".repeat(32) });
      assert.equal(refused.code, 1);
      assert.match(refused.err, /^http:\S+: 401 INVALID_KEY[,\n] +the key is not this edge's: set OPERATOR_KEY to the edge's secret of that name; EDGEWAY_URL says which edge is asked\n$/);
    }
  });

  it("say that what answers is no edge, and that a key can't be one", async () => {
    const server = createServer((_, answer) => answer.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    const url = await listen(server);
    try {
      for (const [tool, ...words] of [["keys", "list"], ["keys", "create", "crm"], ["sends", "list"], ["selftest"], ["ads", "report"]]) {
        const { code, out, err } = await run({ url }, tool, words);
        assert.deepEqual([code, out, err], [1, "", `${url}: 200, and no JSON of Edgeway's: is this an Edgeway edge?\n`], tool);
      }
    } finally {
      await shut(server);
    }
    const guarded = createServer((_, answer) => answer.writeHead(403, { "content-type": "text/html", "cf-mitigated": "challenge" }).end("<html>"));
    const behind = await listen(guarded);
    try {
      for (const [tool, ...typed] of [["keys", "list"], ["ads", "accounts"]]) {
        const { code, err } = await run({ url: behind }, tool, typed);
        assert.deepEqual([code, err], [1, `${behind}: Cloudflare's guards stop this call, as they may Telegram's and your shop's; docs/operate.md says what to set\n`]);
      }
    } finally {
      await shut(guarded);
    }
    // As a zone does that wants https, and as Cloudflare Access does.
    for (const [to, words] of [["https://edge.example.com/x", "leads on to https://edge.example.com: set EDGEWAY_URL to where the edge is"], ["https://team.cloudflareaccess.com/login", "stands behind Cloudflare Access: set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET to a service token of its policy"]]) {
      const redirecting = createServer((_, answer) => answer.writeHead(302, { location: to }).end());
      const at = await listen(redirecting);
      try {
        for (const [tool, ...typed] of [["keys", "create", "crm"], ["ads", "accounts"]]) {
          const { code, out, err } = await run({ url: at }, tool, typed);
          assert.deepEqual([code, out, err], [1, "", `${at} ${words}\n`]);
        }
      } finally {
        await shut(redirecting);
      }
    }
    for (const tool of ["keys", "ads"]) {
      const { code, err } = await run(api.edge, tool, [tool === "ads" ? "orders" : "list"], { OPERATOR_KEY: "ключ" });
      assert.deepEqual([code, err], [1, "OPERATOR_KEY: a key is letters, digits and signs, without spaces\n"]);
    }
  });
});

describe("npm start", () => {
  it("says how it is used, and what is wrong with how it was called", async () => {
    const [help, foreign, port] = await Promise.all([run({}, "start", ["--help"]), run({}, "start", ["--port", "9000"]), run({}, "start", [], { PORT: "web" })]);
    assert.deepEqual([help.code, foreign.code, port.code], [0, 1, 1]);
    assert.match(help.out, /PORT=8788 npm start/);
    assert.match(foreign.err, /^Unknown option '--port'\nnpm start .*\nPORT=8788 npm start/);
    assert.equal(port.err, "PORT: expected a port such as 8788, not web\n");
  });
});

describe("npm run keys, where OPERATOR_KEY is too short", () => {
  it("says so, and how long it has to be", async () => {
    const api = await startApi({ vars: { OPERATOR_KEY: "too-short" } });
    try {
      const { code, err } = await run(api.edge, "keys", ["list"], { OPERATOR_KEY: "too-short" });
      assert.equal(code, 1, err);
      assert.match(err, /503 API_DISABLED, .*OPERATOR_KEY, and the one that is set is too short: it takes 32 characters or more/);
    } finally {
      await api.close();
    }
  });
});
