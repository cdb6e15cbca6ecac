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
    execFile(process.execPath, [`tools/${tool}.mjs`, ...words], { cwd: ROOT, env: settings }, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
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
    await fails(/^npm run keys/, "keys", "revoke");
    await fails(/^npm run sends/, "sends", "show");
  });

  it("alone say how they are used, and when asked", async () => {
    for (const words of [[], ["--help"], ["list", "-h"]]) {
      assert.match(await ok("keys", ...words), /^npm run keys -- create NAME/);
      assert.match(await ok("sends", ...words), /^npm run sends -- list/);
    }
    for (const tool of ["selftest", "telegram", "bench"]) assert.match(await ok(tool, "--help"), new RegExp(`^npm run ${tool}`));
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
