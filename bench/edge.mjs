// The edge beside a JavaScript Worker that does the same job, beside the same one with Edgeway's guards, and beside the bare floor: raw
// workerd, one process each, wrk from the same machine, the four in turn within each round.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../tools/prerequisites.mjs";
import { serve } from "./workerd.mjs";

/** The built worker, its entry first. */
export const OURS = ["index.js", "visitors.wasm", "backoffice.wasm"].map((name) => join(ROOT, "dist/worker", name));
/** The modules of a Worker of this folder. */
export const bench = (name) => [join(ROOT, "bench", name)];
const CONNECTIONS = 16;
// As long as V8 takes to compile what is hot.
const WARM_UP_SECONDS = 4;

const VISIT = JSON.stringify({
  websiteId: "atid_bench",
  href: "https://lp.shop.test/offer?fbclid=IwAR2F0bGxvd2VkQnlBTG9uZ1N0cmluZ09mQ2hhcmFjdGVycw&utm_source=facebook&utm_medium=paid&utm_campaign=spring",
  tempId: "6e1f0d1c-5b7a-4c1e-9f3a-0a1b2c3d4e5f",
  clientSessionId: "7f2a1e2d-6c8b-4d2f-8a4b-1b2c3d4e5f60",
  eventId: "8a3b2f3e-7d9c-4e3a-9b5c-2c3d4e5f6071",
  landingPage: "https://lp.shop.test/offer",
  referrer: "https://l.facebook.com/",
  fbp: "fb.1.1795231938971.1234567890",
  utmSource: "facebook",
});

const HEADERS = {
  Host: "lp.shop.test",
  referer: "https://lp.shop.test/offer",
  "cf-connecting-ip": "203.0.113.7",
  "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 400.0",
  cookie: "adtarget_temp_id=6e1f0d1c-5b7a-4c1e-9f3a-0a1b2c3d4e5f; adtarget_session_id=7f2a1e2d-6c8b-4d2f-8a4b-1b2c3d4e5f60; _fbp=fb.1.1795231938971.1234567890",
};

const IDS = "tempId=6e1f0d1c-5b7a-4c1e-9f3a-0a1b2c3d4e5f&clientSessionId=7f2a1e2d-6c8b-4d2f-8a4b-1b2c3d4e5f60";
const POST = { method: "POST", body: VISIT, headers: { ...HEADERS, origin: "https://lp.shop.test", "content-type": "text/plain" } };
const PAGE = { headers: { ...HEADERS, accept: "text/html", "sec-fetch-dest": "document" } };

/** What is measured: a name, the backend, a request, and the status that both must answer. */
export const ROWS = [
  { name: "init proxied", backend: "adtarget", path: "/backend/track/init", request: POST, status: 200 },
  { name: "invite proxied", backend: "adtarget", path: `/backend/track/invite?websiteId=atid_bench&${IDS}`, request: { headers: { ...HEADERS, accept: "text/html", "sec-fetch-dest": "document" } }, status: 302 },
  { name: "init on the ledger", backend: "ledger", path: "/backend/track/init", request: POST, status: 200 },
  { name: "HTML pass-through", backend: "adtarget", path: "/offer?utm_source=facebook", request: PAGE, status: 200 },
];

/** A deployment's settings. */
export function settings(upstream, backend) {
  return {
    BACKEND: backend,
    ADTARGET_BASE_URL: upstream,
    SITE_ORIGIN: upstream,
    SITE_DOMAINS: "shop.test",
    ADTARGET_WEBSITE_ID: "atid_bench",
    TELEGRAM_INVITE: "https://t.me/+AbCdEfGhIjKlMnOp",
  };
}

/** Loads a server for some seconds, with a request as wrk's script says it. */
export function load(server, row, seconds, script) {
  const url = `http://127.0.0.1:${server.port}${row.path}`;
  const before = server.cpuUs();
  const { stdout, status, error } = spawnSync("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", "-s", script, url], { encoding: "utf8" });
  if (status !== 0) throw new Error(`wrk: ${error?.message ?? stdout} (Debian, Ubuntu: apt-get install wrk)`);
  const [requests, microseconds, p50, p99, failed] = /^result (.*)$/m.exec(stdout)[1].split(" ").map(Number);
  return { rate: requests / (microseconds / 1e6), cpu: (server.cpuUs() - before) / requests, p50: p50 / 1000, p99: p99 / 1000, requests, failed };
}

/** Writes wrk's script for a row to the folder `work`. */
export function script(row, work) {
  const lua = ({ method = "GET", body, headers }) => `
wrk.method = ${JSON.stringify(method)}
wrk.body = ${body ? `[==[${body}]==]` : "nil"}
${Object.entries(headers).map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`).join("\n")}
done = function(summary, latency)
  io.write(string.format("result %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
`;
  const file = join(work, "wrk.lua");
  writeFileSync(file, lua(row.request));
  return file;
}

/** The middle one of some numbers. */
export const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function check(server, row, who) {
  const { Host: _, ...headers } = row.request.headers;
  const answer = await fetch(`http://127.0.0.1:${server.port}${row.path}`, { ...row.request, headers, redirect: "manual" });
  if (answer.status !== row.status) throw new Error(`${who} answers ${row.name} with ${answer.status}: ${await answer.text()}`);
}

/** Measures every row; prints nothing. Processes of one Worker differ by some percent, so each round has its own. */
export async function edgeRows({ seconds = 3, rounds = 5 } = {}) {
  const work = mkdtempSync(join(tmpdir(), "edgeway-bench-"));
  const upstream = await serve(bench("upstream.js"));
  const rows = [];
  for (const row of ROWS) {
    const vars = settings(`http://127.0.0.1:${upstream.port}`, row.backend);
    const file = script(row, work);
    const runs = { ours: [], js: [], guarded: [], floor: [] };
    for (let round = 0; round < rounds; round++) {
      const servers = {
        ours: await serve(OURS, vars),
        js: await serve(bench("rival.js"), vars),
        guarded: await serve(bench("rival.js"), { ...vars, GUARDS: "on" }),
        floor: await serve(bench("floor.js")),
      };
      await check(servers.ours, row, "Edgeway");
      await check(servers.js, row, "the rival");
      await check(servers.guarded, row, "the guarded rival");
      for (const server of Object.values(servers)) load(server, row, WARM_UP_SECONDS, file);
      for (const [who, server] of Object.entries(servers)) runs[who].push(load(server, row, seconds, file));
      for (const server of Object.values(servers)) server.stop();
    }
    const of = (who, what) => median(runs[who].map((run) => run[what]));
    const failed = [runs.ours, runs.js, runs.guarded].flat().reduce((sum, run) => sum + run.failed, 0);
    if (failed) throw new Error(`${row.name}: ${failed} requests failed`);
    rows.push({
      name: row.name,
      ours: of("ours", "rate"), js: of("js", "rate"), guarded: of("guarded", "rate"), floor: of("floor", "rate"),
      ratio: of("ours", "rate") / of("js", "rate"), guarded_ratio: of("ours", "rate") / of("guarded", "rate"),
      cpu_us: { ours: of("ours", "cpu"), js: of("js", "cpu"), guarded: of("guarded", "cpu"), floor: of("floor", "cpu") },
      p50_ms: { ours: of("ours", "p50"), js: of("js", "p50") },
      p99_ms: { ours: of("ours", "p99"), js: of("js", "p99") },
    });
  }
  upstream.stop();
  rmSync(work, { recursive: true, force: true });
  return rows;
}
