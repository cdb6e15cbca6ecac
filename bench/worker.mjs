// The worker itself: its size, how soon a fresh process answers, and whether its memory stays flat, each beside the JavaScript Worker.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { OURS, ROWS, bench, load, median, script, settings } from "./edge.mjs";
import { serve } from "./workerd.mjs";

const SLICE_SECONDS = 2;

/**
 * Measures and prints nothing. `wasm`, `gzip`: bytes of the module that every request meets; `backoffice`: the same of the other. `startup_ms`, `js_startup_ms`, `floor_startup_ms`: medians, from the start of the process to its first answer.
 * `memory`: resident MB of both at the start, after half of `requests`, and after all of them.
 */
export async function workerFigures({ starts = 5, requests = 200_000 } = {}) {
  const [visitors, backoffice] = OURS.filter((file) => file.endsWith(".wasm")).map((file) => {
    const bytes = readFileSync(file);
    return { wasm: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  });
  const upstream = await serve(bench("upstream.js"));
  const vars = settings(`http://127.0.0.1:${upstream.port}`, "adtarget");
  const startup = { ours: [], js: [], floor: [] };
  for (let start = 0; start < starts; start++) {
    for (const [who, files] of Object.entries({ ours: OURS, js: bench("rival.js"), floor: bench("floor.js") })) {
      const server = await serve(files, vars);
      startup[who].push(server.startupMs);
      server.stop();
    }
  }
  const memory = { requests, ours: await grow(OURS, vars, requests), js: await grow(bench("rival.js"), vars, requests) };
  upstream.stop();
  return {
    ...visitors, backoffice,
    startup_ms: median(startup.ours), js_startup_ms: median(startup.js), floor_startup_ms: median(startup.floor), memory,
  };
}

/** What one process holds before, halfway through and after so many requests of all kinds that go upstream. */
async function grow(files, vars, requests) {
  const work = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const rows = ROWS.filter(({ backend }) => backend === "adtarget");
  const server = await serve(files, vars);
  const held = [server.residentMb()];
  let done = 0;
  for (let slice = 0; held.length < 3; slice++) {
    const row = rows[slice % rows.length];
    done += load(server, row, SLICE_SECONDS, script(row, work)).requests;
    if (done >= (requests / 2) * held.length) held.push(server.residentMb());
  }
  server.stop();
  rmSync(work, { recursive: true, force: true });
  return held;
}
