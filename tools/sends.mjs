// `npm run sends -- list | replay`: deliveries to ad platforms, and what became of them, of the edge at EDGEWAY_URL.

import { call, time } from "./edge.mjs";
import { fail, typed } from "./prerequisites.mjs";

const USAGE = `npm run sends -- list [--state STATE] [--platform NAME] [--site ID] [--conversion ID] [--before TIME] [--limit N] [--json]
npm run sends -- replay SEND_ID… | --state skipped|rejected|dead [--platform NAME] [--site ID]`;

/** How many are listed unless told. */
const PAGE = 50;

const COMMANDS = {
  async list(_, { json, conversion, site, ...filter }) {
    const query = new URLSearchParams({ ...filter, ...(conversion && { conversionId: conversion }), ...(site && { websiteId: site }) });
    const { sends } = await call("GET", `sends?${query}`);
    if (json) return console.log(JSON.stringify(sends, null, 2));
    if (!sends.length) return console.log("There is no such send.");
    console.table(sends.map(({ sendId, state, attempts, madeAt, changedAt, code, message = "" }) => ({
      send: sendId, state, attempts, made: time(madeAt), changed: time(changedAt), code, message: message.slice(0, 80),
    })));
    if (sends.length < (query.get("limit") ?? PAGE)) return;
    // A page ends with the last of its ms, so what is older begins before that.
    const before = sends.at(-1).madeAt;
    query.set("before", before);
    query.set("limit", 1);
    const { sends: older } = await call("GET", `sends?${query}`);
    if (older.length) console.log(`There are older ones: add --before ${before} to see them, --limit N for up to 200 at once.`);
  },
  async replay(sendIds, { state, platform, site }) {
    if (!sendIds.length && !state) fail(USAGE);
    const { replayed } = await call("POST", "sends/replay", { ...(sendIds.length && { sendIds }), state, platform, websiteId: site });
    console.log(`${replayed} ${replayed === 1 ? "send is" : "sends are"} owed anew.`);
  },
};

const text = { type: "string" };
const { values, positionals: [command, ...words] } = typed(USAGE, { state: text, platform: text, site: text, conversion: text, before: text, limit: text, json: { type: "boolean" } });
if (!Object.hasOwn(COMMANDS, command)) fail(USAGE);
await COMMANDS[command](words, values);
