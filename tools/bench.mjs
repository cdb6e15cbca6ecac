// `npm run bench`: the edge beside a JavaScript Worker and the bare floor, links from the pool beside calls,
// the outbox by sizes of batch, the tracker beside other scripts, side by side in one run.
//
//   npm run bench -- [--quick] [--only edge|invites|outbox|tracker]
//   npm run --silent bench -- --json

import { findChromium, findProgram } from "./browsers.mjs";
import { fail, misused, run, step, typed } from "./prerequisites.mjs";

const { quick, only, json } = options();
// In the machine's form nothing but the figures goes to the output.
if (json) console.log = console.error;
const aside = { stdio: ["ignore", 2, 2] };
// Ends what was started, too, when it is itself ended.
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]]) process.on(signal, () => process.exit(code));

if (["edge", "outbox"].includes(only ?? "edge") && process.platform !== "linux") fail("the edge and its outbox are measured on Linux alone, by /proc; the tracker anywhere: --only tracker");
if ((only ?? "edge") === "edge" && !findProgram("wrk")) fail("wrk is needed for the edge's figures: install it (Debian, Ubuntu: apt-get install wrk)");
run("node", ["tools/build.mjs"], aside);
if ((only ?? "tracker") === "tracker" && !findChromium()) run("node", ["-e", 'import("./tools/browsers.mjs").then(({ ensureBrowsers }) => ensureBrowsers({ others: false }))'], aside);

const figures = {};
try {
  if ((only ?? "edge") === "edge") await measureEdge();
  if ((only ?? "invites") === "invites") await measureInvites();
  if ((only ?? "outbox") === "outbox") await measureOutbox();
  if ((only ?? "tracker") === "tracker") await measureTracker();
} catch (error) {
  fail(error.message);
}
if (json) process.stdout.write(JSON.stringify(figures) + "\n");

function options() {
  const usage = `npm run bench -- [--quick] [--only edge|invites|outbox|tracker] [--json]
    measures Edgeway beside its rivals, in one run. --quick measures less, and less exactly; --json prints the figures alone`;
  const { values } = typed(usage, { quick: { type: "boolean" }, json: { type: "boolean" }, only: { type: "string" } }, { wordless: true });
  if (![undefined, "edge", "invites", "outbox", "tracker"].includes(values.only)) misused(`--only: edge, invites, outbox or tracker, not ${values.only}`, usage);
  return values;
}

async function measureEdge() {
  const { edgeRows } = await import("../bench/edge.mjs");
  const { workerFigures } = await import("../bench/worker.mjs");
  step("Measuring the edge, on raw workerd");
  figures.rows = await edgeRows(quick ? { seconds: 2, rounds: 1 } : {});
  table(
    ["requests/s", "Edgeway", "JavaScript", "ratio", "with guards", "ratio", "floor", "CPU µs: Edgeway", "JavaScript", "with guards", "p50 ms: Edgeway", "JavaScript", "p99 ms: Edgeway", "JavaScript"],
    figures.rows.map(({ name, ours, js, guarded, floor, ratio, guarded_ratio, cpu_us, p50_ms, p99_ms }) => [
      name, whole(ours), whole(js), ratio.toFixed(2), whole(guarded), guarded_ratio.toFixed(2), whole(floor), whole(cpu_us.ours), whole(cpu_us.js), whole(cpu_us.guarded),
      p50_ms.ours.toFixed(2), p50_ms.js.toFixed(2), p99_ms.ours.toFixed(2), p99_ms.js.toFixed(2),
    ]),
  );
  step("Measuring the worker: size, start-up, memory");
  const worker = (figures.worker = await workerFigures(quick ? { starts: 3, requests: 20_000 } : {}));
  const { requests, ours, js } = worker.memory;
  table(
    ["the worker", "Edgeway", "JavaScript", "floor"],
    [
      ["visitors' module, bytes", whole(worker.wasm), "", ""],
      ["gzip", whole(worker.gzip), "", ""],
      ["back office's module, bytes", whole(worker.backoffice.wasm), "", ""],
      ["gzip", whole(worker.backoffice.gzip), "", ""],
      ["start to first answer, ms", whole(worker.startup_ms), whole(worker.js_startup_ms), whole(worker.floor_startup_ms)],
      ["memory at start, MB", ours[0], js[0], ""],
      [`after ${whole(requests / 2)} requests`, ours[1], js[1], ""],
      [`after ${whole(requests)} requests`, ours[2], js[2], ""],
    ],
  );
}

async function measureInvites() {
  const { inviteFigures } = await import("../bench/invites.mjs");
  step("Measuring a click's own link, from the pool and by a call");
  const { pool_ms, call_ms, ratio, burst } = (figures.invites = await inviteFigures(quick ? { clicks: 50, burst: 200 } : {}));
  table(
    ["a click's own link", "from the pool", "by a call to a Bot API of 150 ms", "ratio"],
    [
      ["p50 ms", pool_ms.p50.toFixed(2), call_ms.p50.toFixed(2), ratio.toFixed(1)],
      ["p99 ms", pool_ms.p99.toFixed(2), call_ms.p99.toFixed(2), (call_ms.p99 / pool_ms.p99).toFixed(1)],
    ],
  );
  console.log(`${whole(burst.clicks)} clicks at once: ${whole(burst.own)} links of their own, ${burst.twice} handed out twice, ${whole(burst.ms)} ms in all`);
}

async function measureOutbox() {
  const { outboxFigures, singleFigures } = await import("../bench/outbox.mjs");
  step("Measuring the outbox, on its way to Meta's stand-in");
  figures.outbox = await outboxFigures(quick ? { share: 0.2 } : {});
  table(
    ["events in a request", "events", "requests", "events/s", "CPU µs an event, D1's own included", "D1 rows an event"],
    figures.outbox.map(({ batch, events, requests, rate, cpu_us, d1_rows }) => [batch, whole(events), whole(requests), whole(rate), whole(cpu_us), d1_rows.toFixed(2)]),
  );
  step("Measuring it on its way to those that take one event a request and answer after 50 ms");
  figures.singles = await singleFigures(quick ? { share: 0.2 } : {});
  table(
    ["destinations", "events each", "events/s", "claimed one by one", "ratio", "CPU µs an event", "D1 rows an event"],
    figures.singles.map(({ destinations, events, rate, singly, ratio, cpu_us, d1_rows }) => [destinations, whole(events), whole(rate), whole(singly), ratio.toFixed(1), whole(cpu_us), d1_rows.toFixed(2)]),
  );
}

async function measureTracker() {
  const { trackerRows } = await import("../bench/tracker.mjs");
  step("Measuring the tracker, in Chromium");
  const { rows, leftOut } = await trackerRows(quick ? { rounds: 3 } : {});
  const [ours, ...others] = rows;
  figures.tracker = { ...ours, others, leftOut };
  table(
    ["what a page loads", "raw", "gzip", "brotli", "first hit at 0 ms", "to plain", "at 150 ms", "to plain", "main thread ms"],
    rows.map(({ name, raw, gzip, brotli, first_hit_ms, ratio, main_thread_ms }) => [
      name, whole(raw), whole(gzip), whole(brotli), whole(first_hit_ms[0]), ratio[0].toFixed(2), whole(first_hit_ms[150]), ratio[150].toFixed(2), main_thread_ms.toFixed(1),
    ]),
  );
  if (leftOut) console.log(`Left out, the scripts from npm: ${leftOut}`);
}

function whole(number) {
  return Math.round(number).toLocaleString("en");
}

/** Prints rows under their headings as a Markdown table, numbers to the right. */
function table(headings, rows) {
  const cells = [headings, ...rows.map((row) => row.map(String))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => "-".repeat(width + (column ? 1 : 2)) + (column ? ":" : "")).join("|")}|`;
  console.log(["", line(cells[0]), rule, ...cells.slice(1).map(line), ""].join("\n"));
}
