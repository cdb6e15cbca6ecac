// The API keeps to its own description: schemathesis makes calls of it, good and bad, and looks at what comes back.
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureSchemathesis, hasPython, schemathesis } from "../tools/schemathesis.mjs";
import { done, OPERATOR_KEY, startApi } from "./harness/api.mjs";
import { ROOT } from "./harness/edge.mjs";
import { CHANNELS, WEBSITE } from "./harness/world.mjs";

const CHECKS = [
  "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance",
  "ignored_auth", "unsupported_method",
];

const WEBHOOKS = [
  {
    source: "shop", scheme: "hmac", secret: "HOOK_SECRET", websiteId: WEBSITE, channelId: CHANNELS[0], hmac: { signatureHeader: "X-Signature", encoding: "hex" },
    map: { telegramUserId: "/user", eventType: { const: "Purchase" }, value: "/total", currency: "/currency" },
  },
];

/** Errors of pages' calls, of Telegram's and of webhooks, and of who stands before Cloudflare Access. */
const OF_OTHERS = ["FORBIDDEN_DOMAIN", "WRONG_SECRET", "INVALID_SIGNATURE", "ACCESS_DENIED"];

describe("the API's description", () => {
  let api;
  before(async () => (api = await startApi({ vars: { WEBHOOKS: JSON.stringify(WEBHOOKS), HOOK_SECRET: "of-no-matter" } })));
  after(() => api.close());

  it("is served to anybody, and names every error the API knows", async () => {
    const description = done(await api.get("openapi.json", { key: "" }));
    assert.equal(description.openapi, "3.1.0");
    const known = [...(await readFile(join(ROOT, "worker/src/error.rs"), "utf8")).matchAll(/=> "([A-Z_]+)"/g)].map(([, code]) => code);
    const { enum: named } = description.components.schemas.Error.properties.error.properties.code;
    assert.deepEqual([...named].sort(), known.filter((code) => !OF_OTHERS.includes(code)).sort());
    for (const [path, methods] of Object.entries(description.paths)) for (const method of ["get", "post", "delete"]) {
      const asked = await api.call(method.toUpperCase(), path.slice(1).replace(/\{\w+\}/g, "5"), { key: "", body: method === "post" ? {} : undefined });
      assert.equal(asked.status === 405, !(method in methods), `${method} ${path}: ${asked.status}`);
    }
  });

  it("is true", { skip: !hasPython() && "schemathesis needs Python 3.10 or later" }, async (test) => {
    try {
      ensureSchemathesis();
    } catch (error) {
      if (process.env.CI) throw error;
      return test.skip(`schemathesis can't be installed: ${error.message.trim().split("\n").at(-1)}`);
    }
    await api.reset();
    await api.edge.rows(`INSERT INTO webhook_events (source, event_id, at_ms, status, reason, conversion_id, payload) VALUES
      ('shop', 'msg_1', 1, 'failed', 'of old', NULL, '{"user":5,"total":5,"currency":"USD"}'), ('shop', 'msg_2', 2, 'converted', NULL, 'c', NULL), ('shop', 'msg_3', 3, 'failed', 'body: not JSON', NULL, NULL)`);
    const operations = { "^/(?!keys)": api.key, "^/keys": OPERATOR_KEY };
    const runs = Object.entries(operations).map(([paths, key]) =>
      schemathesis([
        "run", `${api.edge.url}/api/v1/openapi.json`, "--url", `${api.edge.url}/api/v1`, "--include-path-regex", paths,
        "--header", `Authorization: Bearer ${key}`, "--checks", CHECKS.join(","), "--phases", "examples,coverage,fuzzing",
        "--max-examples", "25", "--seed", "1", "--generation-deterministic", "--workers", "2", "--continue-on-failure",
      ]),
    );
    for (const { code, said } of await Promise.all(runs)) assert.equal(code, 0, said);
    assert.ok(!api.edge.logs.some(({ level }) => level === "error"), JSON.stringify(api.edge.logs));
  });
});
