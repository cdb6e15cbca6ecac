// The secrets of a local edge, in .dev.vars, which wrangler reads and git does not keep.

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
// Whole, so that an older Node comes to where it is told that it is too old.
import * as util from "node:util";
import { ROOT, fail } from "./prerequisites.mjs";

const FILE = join(ROOT, ".dev.vars");

const local = () => (existsSync(FILE) ? util.parseEnv(readFileSync(FILE, "utf8")) : {});

/** The operator's key: the environment's, else the local edge's. Ends where there is none. */
export function operatorKey() {
  const key = process.env.OPERATOR_KEY || local().OPERATOR_KEY;
  if (!key) fail("OPERATOR_KEY is set neither in the environment nor in .dev.vars: `npm start` makes one for the local edge");
  // No header can hold anything else.
  if (!/^[\x21-\x7e]+$/.test(key)) fail("OPERATOR_KEY: a key is letters, digits and signs, without spaces");
  return key;
}

/** Makes the local edge's key where there is none. */
export function ensureOperatorKey() {
  if (local().OPERATOR_KEY) return;
  const text = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  appendFileSync(FILE, `${separator}OPERATOR_KEY="${randomBytes(24).toString("hex")}"\n`, { mode: 0o600 });
}
