// One Worker in a workerd process of its own, by a configuration written for the run, and its CPU time.

import { spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import workerd from "workerd";
import { ROOT } from "../tools/prerequisites.mjs";

const TICK_US = 10_000; // USER_HZ is 100 on Linux

/** What CPU time a process has used, in µs. */
export function cpuUsOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(stat[11]) + Number(stat[12])) * TICK_US;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Copies modules into `work` and says them in capnp, the first as the entry. */
function modules(work, files) {
  const kinds = { ".js": "esModule", ".wasm": "wasm" };
  return files.map((file) => {
    const name = basename(file);
    copyFileSync(file, join(work, name));
    return `(name = "./${name}", ${kinds[extname(name)]} = embed "${name}")`;
  });
}

/**
 * Starts a Worker of `files` (the entry first) with text settings `vars`; its queue RECORDS ends in a sink. `cpuUs()` is
 * what the process has used, `residentMb()` what it holds.
 */
export async function serve(files, vars = {}) {
  const port = await freePort();
  const work = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const bindings = Object.entries(vars).map(([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`);
  const worker = (modules, bindings) =>
    `(compatibilityDate = "2026-04-01", modules = [${modules}], bindings = [${bindings}])`;
  writeFileSync(join(work, "bench.capnp"), `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "sink", worker = .sink),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = ${worker(modules(work, files), [...bindings, '(name = "RECORDS", queue = "sink")'])};
const sink :Workerd.Worker = ${worker(modules(work, [join(ROOT, "bench", "sink.js")]), [])};
`);
  // What it says may be much, and goes where nobody has to read along: a pipe would stop it once full.
  const log = join(work, "log");
  const out = openSync(log, "w");
  const started = performance.now();
  const child = spawn(workerd.default, ["serve", join(work, "bench.capnp")], { stdio: ["ignore", "ignore", out] });
  closeSync(out);
  const stop = () => {
    process.off("exit", stop);
    child.kill("SIGKILL");
    rmSync(work, { recursive: true, force: true });
  };
  process.on("exit", stop);
  while (!(await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`workerd ended with ${child.exitCode}: ${readFileSync(log, "utf8").slice(-2000)}`);
    await sleep(2);
  }
  return {
    port,
    startupMs: performance.now() - started,
    cpuUs: () => cpuUsOf(child.pid),
    residentMb: () => Math.round(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1] / 1024),
    stop,
  };
}
