// The form of what a platform takes, as tables: a type tells `report(path, kind, text, more)` what is wrong with a value.
// Kinds: missing, type, form, hash, range, unknown.
import { isIP } from "node:net";

const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Marks a field as one that must be there. */
export const required = (type) => Object.assign((...words) => type(...words), { required: true });

const typed = (name, holds) => (value, path, report) => holds(value) || (report(path, "type", name), false);
const isString = typed("a string", (value) => typeof value === "string");

/** A string that is not empty; `pattern` is what it looks like. */
export const string = (value, path, report) => isString(value, path, report) && value.trim() === "" && report(path, "form", "is empty");
export const matching = (pattern, what) => (value, path, report) =>
  isString(value, path, report) && !pattern.test(value) && report(path, "form", `is not ${what}`);
export const number = typed("a number", (value) => typeof value === "number" && Number.isFinite(value));
export const integer = typed("an integer", Number.isSafeInteger);
export const boolean = typed("a boolean", (value) => typeof value === "boolean");
export const anything = () => {};
export const oneOf = (...values) => (value, path, report) => values.includes(value) || report(path, "form", `is none of ${values.join(", ")}`);
export const url = (value, path, report) =>
  isString(value, path, report) && !(URL.canParse(value) && /^https?:/.test(value)) && report(path, "form", "is no http URL");
export const ip = (value, path, report) => isString(value, path, report) && !isIP(value) && report(path, "form", "is no IP address");
/** ISO 4217, in capitals unless `anyCase`. */
export const currency = ({ anyCase = false } = {}) => (value, path, report) =>
  isString(value, path, report) && !CURRENCIES.has(anyCase ? value.toUpperCase() : value) && report(path, "form", "is no ISO 4217 currency code", { currency: true });

/** SHA-256 as 64 lower-case hex digits, of something. */
export function sha256(value, path, report) {
  if (!isString(value, path, report)) return;
  if (/^[0-9a-f]{64}$/.test(value)) return value === EMPTY_SHA256 && report(path, "hash", "is the hash of nothing");
  report(path, "hash", /^[0-9a-f]{64}$/i.test(value) ? "is a hash in capitals" : "is not hashed");
}

/** One, or a list of them that is not empty. */
export const oneOrMore = (type) => (value, path, report) => (Array.isArray(value) ? list(type)(value, path, report) : type(value, path, report));
export const list = (type, { min = 1, max = Infinity } = {}) => (value, path, report) => {
  if (!Array.isArray(value)) return report(path, "type", "an array");
  if (value.length < min || value.length > max) report(path, "range", `has ${value.length} elements`, { length: value.length });
  value.forEach((each, index) => type(each, [...path, index], report));
};

/** An object with these fields and no others, unless `open`. */
export const object = (fields, { open = false } = {}) => (value, path, report) => {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return report(path, "type", "an object");
  for (const [name, type] of Object.entries(fields)) {
    if (value[name] !== undefined) type(value[name], [...path, name], report);
    else if (type.required) report([...path, name], "missing", "is required");
  }
  if (!open) for (const name of Object.keys(value)) if (!(name in fields)) report([...path, name], "unknown", "is no documented field");
};

/** A type with rules on what holds between its fields: `rules(value, path, report)` sees objects alone. */
export const also = (type, rules) => (value, path, report) => {
  type(value, path, report);
  if (value !== null && typeof value === "object") rules(value, path, report);
};
/** A type whose faults are only noted (those of the kind `only`, if given): the documents know better, the platform lets them pass. */
export const noted = (type, only) => {
  const quiet = (value, path, report) => type(value, path, (where, kind, text, more) => report(where, kind, text, { ...more, ...((!only || kind === only) && { soft: true }) }));
  return type.required ? required(quiet) : quiet;
};

/** What is wrong with a value: `{path, kind, text, …}` of each. `soft`: a fault of the sender's, which the platform lets pass. */
export function problems(type, value, path = []) {
  const found = [];
  type(value, path, (where, kind, text, more) => found.push({ path: where, kind, text, ...more }));
  return found;
}

/** A path as `data[0].event_time`. */
export const written = (path) => path.map((word, index) => (typeof word === "number" ? `[${word}]` : `${index ? "." : ""}${word}`)).join("");
