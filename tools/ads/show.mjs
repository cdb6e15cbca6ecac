// What AdStat answers, for people.

import { line, table } from "../table.mjs";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Prints a record, a line a field; what is empty is left out. */
export function fields(record) {
  const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && !value.length);
  const rows = Object.entries(record).filter(([, value]) => !isEmpty(value)).map(([name, value]) => [name, name === "schedule" ? schedule(value) : line(value)]);
  table(rows);
}

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
