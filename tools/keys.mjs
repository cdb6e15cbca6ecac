// `npm run keys -- create NAME [--site ID] | list | revoke PREFIX`: API keys of the edge at EDGEWAY_URL, with its OPERATOR_KEY.

import { WHERE, call, time } from "./edge.mjs";
import { misused, typed } from "./prerequisites.mjs";
import { records } from "./table.mjs";

const USAGE = `npm run keys -- create NAME [--site ID]   makes an API key, for one site or for all, and shows it this once
npm run keys -- list                      shows each key's prefix, name and site, and when it was last used
npm run keys -- revoke PREFIX             ends a key at once

${WHERE}`;

const COMMANDS = {
  async create([name], { site }) {
    const made = await call("POST", "keys", { name, websiteId: site });
    console.log(`${made.key}\n\nIt is shown this once. Calls bear it as Authorization: Bearer <key>.`);
  },
  async list() {
    const { keys } = await call("GET", "keys");
    if (!keys.length) return console.log("There is no key yet: npm run keys -- create NAME makes one.");
    records(keys, {
      prefix: "prefix", name: "name", site: ({ websiteId = "all" }) => websiteId, created: ({ createdAt }) => time(createdAt), "last used": ({ lastUsedAt }) => time(lastUsedAt),
      revoked: ({ revokedAt }) => time(revokedAt),
    });
  },
  async revoke([key]) {
    // Of a whole key nothing but its prefix is told or shown.
    const prefix = /^atk_live_(\w{8})_\w{32}$/.exec(key)?.[1] ?? key;
    await call("DELETE", `keys/${encodeURIComponent(prefix)}`, undefined, { KEY_NOT_FOUND: `No key has the prefix ${prefix}: npm run keys -- list shows those there are.` });
    console.log(`${prefix} is revoked.`);
  },
};
const WORDS = { create: ["NAME"], list: [], revoke: ["PREFIX"] };

const { values, positionals: [command, ...words] } = typed(USAGE, { site: { type: "string" } });
if (!Object.hasOwn(COMMANDS, command)) misused(`There is no command ${command}.`, USAGE);
const [missing] = WORDS[command].slice(words.length);
if (missing) misused(`keys ${command}: ${missing} is missing.`, USAGE);
if (words.length > WORDS[command].length) misused(`keys ${command}: ${words.at(-1)} is one word too many; a name with spaces takes quotes.`, USAGE);
if (values.site && command !== "create") misused(`keys ${command} takes no --site.`, USAGE);
await COMMANDS[command](words, values);
