// Numbers, times and files, as people read them.

export const DAY_MS = 86_400_000;
const NONE = "–";
const LANGUAGE = "en-GB";

const WHOLE = new Intl.NumberFormat(LANGUAGE);
const PERCENT = new Intl.NumberFormat(LANGUAGE, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const RATIO = new Intl.NumberFormat(LANGUAGE, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const PLAIN = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 });

const known = (value) => typeof value === "number" && Number.isFinite(value);

export const count = (value) => (known(value) ? WHOLE.format(value) : NONE);
export const short = (value) => (known(value) ? SHORT.format(value) : NONE);
export const ratio = (value) => (known(value) ? `${RATIO.format(value)}×` : NONE);
/** `part` of `whole`, as a percentage. */
export const rate = (part, whole) => (known(part) && known(whole) && whole > 0 ? PERCENT.format(part / whole) : NONE);

/** An amount in units of `currency`. */
export function money(value, currency) {
  if (!known(value)) return NONE;
  try {
    return new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).format(value);
  } catch {
    return `${RATIO.format(value)} ${currency ?? ""}`.trim();
  }
}

/** The same with its code, which a symbol may share with others: `5,000 RUB`. */
export const coded = (value, currency) => `${PLAIN.format(value)} ${currency}`;

const pad = (number, size = 2) => String(number).padStart(size, "0");
/** The local date of a Unix time in ms: `2026-01-31`. */
const date = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
/** Local time to the second, with the date where that is not today's. */
export function time(ms) {
  if (!known(ms)) return NONE;
  const at = new Date(ms);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => pad(part)).join(":");
  return date(at) === date(new Date()) ? clock : `${date(at)} ${clock}`;
}
export const iso = (ms) => (known(ms) ? new Date(ms).toISOString() : undefined);

/** A span in words: `4 s`, `12 min`, `3 h 5 min`, `2 d 1 h`. */
export function span(ms) {
  const steps = [["d", DAY_MS], ["h", 3_600_000], ["min", 60_000], ["s", 1_000]];
  const at = steps.findIndex(([, size]) => ms >= size);
  if (at < 0) return `${Math.max(0, Math.round(ms))} ms`;
  const parts = [];
  for (const [unit, size] of steps.slice(at, at + (steps[at][0] === "s" || steps[at][0] === "min" ? 1 : 2))) {
    const many = Math.floor(ms / size);
    ms -= many * size;
    if (many) parts.push(`${many} ${unit}`);
  }
  return parts.join(" ");
}

/** The UTC day of a Unix time in ms: `2026-01-31`. Reports count by it. */
export const utcDay = (ms) => new Date(ms).toISOString().slice(0, 10);

/** Hands a text file's bytes to the browser as a download; their mark of UTF-8 is for spreadsheets, which guess at another encoding without. */
export function download(name, blob) {
  const marked = new Blob(["\ufeff", blob], { type: blob.type });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(marked), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

/** `telegramUserId` as words: `telegram user id`. */
export const apart = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
