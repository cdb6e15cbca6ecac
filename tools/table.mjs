// Tables for people.

const GRAPHEMES = new Intl.Segmenter();
/** What a terminal gives two columns: emoji, and the scripts of East Asia (Unicode, UAX #11). */
const WIDE = /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]/u;

/** What people read as one character each. */
export const characters = (text) => [...GRAPHEMES.segment(text)].map(({ segment }) => segment);
const width = (text) => characters(text).reduce((sum, each) => sum + (WIDE.test(each) ? 2 : 1), 0);

/** Prints rows of texts, columns as wide as what is in them. */
export function table(rows) {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => width(row[column]))));
  for (const row of rows) console.log(row.map((cell, column) => cell + " ".repeat(widths[column] - width(cell))).join("  ").trimEnd());
}
