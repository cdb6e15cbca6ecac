// Tables for people.

const GRAPHEMES = new Intl.Segmenter();
/** What a terminal gives two columns: emoji, and the scripts of East Asia (Unicode, UAX #11). */
const WIDE = /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/u;

/** What people read as one character each. */
const characters = (text) => [...GRAPHEMES.segment(text)].map(({ segment }) => segment);
const width = (text) => characters(text).reduce((sum, each) => sum + (WIDE.test(each) ? 2 : 1), 0);

/** A value in full, on one line, without what a terminal would obey. */
export const line = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value)).replace(/[\s\p{Cc}\u2028-\u202E\u2066-\u2069]+/gu, " ");

/** A value as a cell. */
function cell(value, longest) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" && !Number.isInteger(value)) return String(Math.round(value * 10_000) / 10_000);
  const text = line(value);
  const all = characters(text);
  return all.length > longest ? `${all.slice(0, longest - 1).join("")}…` : text;
}

/** Prints records as a table, cells no longer than `longest`: `columns` are `heading: field` or `heading: (record) => value`. */
export function records(list, columns, { longest = 44 } = {}) {
  if (!list.length) return console.log("none");
  const headings = Object.keys(columns);
  const of = (record, column) => cell(typeof column === "function" ? column(record) : record[column], longest);
  table([headings, ...list.map((record) => headings.map((heading) => of(record, columns[heading])))]);
}

/** Prints rows of texts, columns as wide as what is in them. */
export function table(rows) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => width(row[column]))));
  for (const row of rows) console.log(row.map((cell, column) => cell + " ".repeat(widths[column] - width(cell))).join("  ").trimEnd());
}
