// `npm run keys -- create NAME [--site ID] | list | revoke PREFIX`: API keys of the edge at EDGEWAY_URL, with its OPERATOR_KEY.

import { call, time } from "./edge.mjs";
import { fail, typed } from "./prerequisites.mjs";

const USAGE = "npm run keys -- create NAME [--site ID] | list | revoke PREFIX";

const COMMANDS = {
  async create([name], { site }) {
    const made = await call("POST", "keys", { name, websiteId: site });
    console.log(`${made.key}\n\nIt is shown this once. Calls bear it as Authorization: Bearer <key>.`);
  },
  async list() {
    const { keys } = await call("GET", "keys");
    if (!keys.length) return console.log("There is no key yet: npm run keys -- create NAME makes one.");
    console.table(keys.map(({ prefix, name, websiteId = "all", ...at }) => ({
      prefix, name, site: websiteId, created: time(at.createdAt), "last used": time(at.lastUsedAt), revoked: time(at.revokedAt),
    })));
  },
  async revoke([key]) {
    // Of a whole key nothing but its prefix is told or shown.
    const prefix = /^atk_live_(\w{8})_\w{32}$/.exec(key)?.[1] ?? key;
    await call("DELETE", `keys/${encodeURIComponent(prefix)}`, undefined, { KEY_NOT_FOUND: `No key has the prefix ${prefix}: npm run keys -- list shows those there are.` });
    console.log(`${prefix} is revoked.`);
  },
};
const WORDS = { create: 1, list: 0, revoke: 1 };

const { values, positionals: [command, ...words] } = typed(USAGE, { site: { type: "string" } });
if (!Object.hasOwn(COMMANDS, command) || words.length !== WORDS[command]) fail(USAGE);
await COMMANDS[command](words, values);
