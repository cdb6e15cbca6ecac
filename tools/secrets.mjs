// The secrets of a local edge, in .dev.vars, which wrangler reads and git does not keep.

import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { ROOT } from "./prerequisites.mjs";

const FILE = join(ROOT, ".dev.vars");

const local = () => (existsSync(FILE) ? parseEnv(readFileSync(FILE, "utf8")) : {});

/** The key that API keys are managed with: the environment's, else the local edge's. */
export const operatorKey = () => process.env.OPERATOR_KEY || local().OPERATOR_KEY;

/** Makes the local edge's key where there is none. */
export function ensureOperatorKey() {
  if (local().OPERATOR_KEY) return;
  const text = existsSync(FILE) ? readFileSync(FILE, "utf8") : "";
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  appendFileSync(FILE, `${separator}OPERATOR_KEY="${randomBytes(24).toString("hex")}"\n`, { mode: 0o600 });
}
