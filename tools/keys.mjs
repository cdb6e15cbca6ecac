// `npm run keys -- create NAME [--site ID] | list | revoke PREFIX`: API keys of the edge at EDGEWAY_URL, with its OPERATOR_KEY.

import { parseArgs } from "node:util";
import { fail } from "./prerequisites.mjs";
import { operatorKey } from "./secrets.mjs";

const USAGE = "npm run keys -- create NAME [--site ID] | list | revoke PREFIX";
const edge = process.env.EDGEWAY_URL || "http://localhost:8787";

const COMMANDS = {
  async create([name], { site }) {
    const made = await call("POST", "keys", { name, websiteId: site });
    console.log(`${made.key}\n\nIt is shown this once. Calls bear it as Authorization: Bearer <key>.`);
  },
  async list() {
    const { keys } = await call("GET", "keys");
    const day = (ms) => (ms ? new Date(ms).toISOString().slice(0, 16).replace("T", " ") : "");
    console.table(keys.map(({ prefix, name, websiteId = "all", ...at }) => ({
      prefix, name, site: websiteId, created: day(at.createdAt), "last used": day(at.lastUsedAt), revoked: day(at.revokedAt),
    })));
  },
  async revoke([prefix]) {
    await call("DELETE", `keys/${encodeURIComponent(prefix)}`);
    console.log(`${prefix} is revoked.`);
  },
};
const WORDS = { create: 1, list: 0, revoke: 1 };

let parsed;
try {
  parsed = parseArgs({ allowPositionals: true, options: { site: { type: "string" } } });
} catch (error) {
  fail(`${error.message}\n${USAGE}`);
}
const [command, ...words] = parsed.positionals;
if (!Object.hasOwn(COMMANDS, command ?? "") || words.length !== WORDS[command]) fail(USAGE);
await COMMANDS[command](words, parsed.values);

async function call(method, path, body) {
  const key = operatorKey();
  if (!key) fail("OPERATOR_KEY is set neither in the environment nor in .dev.vars: `npm start` makes one for the local edge");
  const headers = { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(new URL(`/api/v1/${path}`, edge), { method, headers, body: body && JSON.stringify(body) }).catch((error) =>
    fail(`${edge} does not answer: ${error.cause?.message ?? error.message}`),
  );
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) fail(`${edge}: ${answer.status} ${told.error ? `${told.error.code}, ${told.error.message}` : ""}`);
  return told;
}
