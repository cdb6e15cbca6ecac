// `npm run sends -- list | replay`: deliveries to ad platforms, and what became of them, of the edge at EDGEWAY_URL.

import { WHERE, call, time } from "./edge.mjs";
import { fail, misused, typed } from "./prerequisites.mjs";
import { records } from "./table.mjs";

const USAGE = `npm run sends -- list [--state STATE] [--platform NAME] [--site ID] [--conversion ID] [--before TIME] [--limit N] [--json]
    shows the latest: a line for each conversion and ad platform. STATE is pending, sent, skipped, rejected or dead
npm run sends -- replay SEND_ID… | --state skipped|rejected|dead|sent [--platform NAME] [--site ID]
    sends them again; of what is sent, that with the code PARTLY_REFUSED

${WHERE}`;

/** How many are listed unless told. */
const PAGE = 50;

const COMMANDS = {
  async list(_, { json, conversion, site, ...filter }) {
    const query = new URLSearchParams({ ...filter, ...(conversion && { conversionId: conversion }), ...(site && { websiteId: site }) });
    const { sends } = await call("GET", `sends?${query}`);
    if (json) return console.log(JSON.stringify(sends, null, 2));
    if (!sends.length) return console.log("There is no such send.");
    const at = { made: ({ madeAt }) => time(madeAt), changed: ({ changedAt }) => time(changedAt) };
    records(sends, { send: "sendId", state: "state", attempts: "attempts", ...at, code: "code", message: "message" }, { longest: 80 });
    if (sends.length < (query.get("limit") ?? PAGE)) return;
    // A page ends with the last of its ms, so what is older begins before that.
    const before = sends.at(-1).madeAt;
    query.set("before", before);
    query.set("limit", 1);
    const { sends: older } = await call("GET", `sends?${query}`);
    if (older.length) console.log(`There are older ones: add --before ${before} to see them, --limit N for up to 200 at once.`);
  },
  async replay(sendIds, { state, platform, site }) {
    if (!sendIds.length && !state) misused("sends replay: say which, by SEND_ID or --state; npm run sends -- list shows them.", USAGE);
    const { replayed } = await call("POST", "sends/replay", { ...(sendIds.length && { sendIds }), state, platform, websiteId: site });
    if (replayed) return console.log(`${replayed} ${replayed === 1 ? "send goes" : "sends go"} out again.`);
    if (state) return console.log("There is no such send.");
    fail(`${sendIds.length === 1 ? "It is" : "None of them is"} not one that can go out again: npm run sends -- list --state skipped, rejected or dead shows those, and the code PARTLY_REFUSED`);
  },
};

const text = { type: "string" };
const { values, positionals: [command, ...words] } = typed(USAGE, { state: text, platform: text, site: text, conversion: text, before: text, limit: text, json: { type: "boolean" } });
if (!Object.hasOwn(COMMANDS, command)) misused(`There is no command ${command}.`, USAGE);
if (command === "list" && words.length) misused(`sends list: ${words[0]} is not expected; --state ${words[0]}, --platform, --site or --conversion?`, USAGE);
const foreign = command === "replay" && Object.keys(values).find((option) => !["state", "platform", "site"].includes(option));
if (foreign) misused(`sends replay takes no --${foreign}.`, USAGE);
await COMMANDS[command](words, values);
