// What AdStat answers, for people.

import { characters, table } from "../table.mjs";

const LONGEST = 44;
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** A value as a cell. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && !Number.isInteger(value)) return String(Math.round(value * 10_000) / 10_000);
  const text = line(value);
  const all = characters(text);
  return all.length > LONGEST ? `${all.slice(0, LONGEST - 1).join("")}…` : text;
}

/** Prints records as a table: `columns` are `heading: field` or `heading: (record) => value`. */
export function records(list, columns) {
  if (!list.length) return console.log("none");
  const headings = Object.keys(columns);
  const of = (record, column) => cell(typeof column === "function" ? column(record) : record[column]);
  table([headings, ...list.map((record) => headings.map((heading) => of(record, columns[heading])))]);
}

/** Prints a record, a line a field; what is empty is left out. */
export function fields(record) {
  const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && !value.length);
  const rows = Object.entries(record).filter(([, value]) => !isEmpty(value)).map(([name, value]) => [name, name === "schedule" ? schedule(value) : line(value)]);
  table(rows);
}

/** A value in full, on one line, without what a terminal would obey. */
const line = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value)).replace(/[\s\p{Cc}\u2028-\u202E\u2066-\u2069]+/gu, " ");

/** `mon-fri 9-17, sat 10` */
export function schedule(days) {
  const spans = DAYS.map((day) => [day, ranges(days[day] ?? [])]);
  const groups = [];
  for (const [day, hours] of spans) {
    const last = groups.at(-1);
    if (last?.hours === hours) last.to = day;
    else groups.push({ from: day, to: day, hours });
  }
  return groups.map(({ from, to, hours }) => `${from === to ? from : `${from}-${to}`} ${hours || "never"}`).join(", ");
}

/** `0-5,9` */
function ranges(hours) {
  const found = [];
  for (const hour of [...hours].sort((one, other) => one - other)) {
    const last = found.at(-1);
    if (last?.[1] === hour - 1) last[1] = hour;
    else found.push([hour, hour]);
  }
  return found.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",");
}
