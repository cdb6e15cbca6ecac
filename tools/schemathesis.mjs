// Schemathesis, which tests an API by its own description: in a Python environment of its own under target/, made when it is first
// asked for.

import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./prerequisites.mjs";

const VERSION = "4.32.5";
const HOME = join(ROOT, "target", `schemathesis-${VERSION}`);
const PROGRAM = join(HOME, "bin", "schemathesis");

/** Whether there is a Python to run it with. */
export const hasPython = () => spawnSync("python3", ["-c", "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))"], { stdio: "ignore" }).status === 0;

/** Installs it where it is not; throws what went wrong. */
export function ensureSchemathesis() {
  if (existsSync(PROGRAM)) return;
  for (const [program, ...words] of [
    ["python3", "-m", "venv", "--clear", HOME],
    [join(HOME, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", `schemathesis==${VERSION}`],
  ]) {
    const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  }
}

/** Runs it; resolves to its exit code and what it said. */
export function schemathesis(words) {
  return new Promise((resolve, reject) => {
    const run = spawn(PROGRAM, words, { cwd: HOME, env: { ...process.env, NO_COLOR: "1" } });
    let said = "";
    for (const stream of [run.stdout, run.stderr]) stream.on("data", (text) => (said += text));
    run.on("error", reject);
    run.on("exit", (code) => resolve({ code, said }));
  });
}
