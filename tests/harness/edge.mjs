// The built worker in workerd, in this process, as wrangler.toml configures it, with D1 migrated and queues that do not dawdle.
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { request } from "./http.mjs";
import { until } from "./wait.mjs";

// Wrangler's own miniflare: always the version that goes with it.
const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = createRequire(import.meta.resolve("wrangler"))("miniflare");

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const WORKER_MODULES = { ".js": "ESModule", ".mjs": "ESModule", ".wasm": "CompiledWasm" };

async function modules(folder) {
  const found = [{ type: "ESModule", path: "instrument.js", contents: await readFile(new URL("instrument.js", import.meta.url), "utf8") }];
  for (const file of await readdir(folder)) {
    const type = WORKER_MODULES[path.extname(file)];
    if (type) found.push({ type, path: `worker/${file}`, contents: await readFile(path.join(folder, file)) });
  }
  return found;
}

/**
 * Starts one edge. `vars` are settings over wrangler.toml's; `limit` is the rate limit (requests a minute, high unless given);
 * `origin` the public origin under which `edge.request("/path")` calls it.
 */
export async function startEdge({ vars = {}, limit = 1_000_000, origin = "https://edge.shop.test", root = ROOT } = {}) {
  const { workerOptions: configured } = unstable_getMiniflareWorkerOptions(path.join(root, "wrangler.toml"));
  const [d1] = Object.keys(configured.d1Databases);
  const [deadQueue] = Object.values(configured.queueConsumers).map((consumer) => consumer.deadLetterQueue).filter(Boolean);
  const edge = { origin, logs: [], deadLetters: [] };

  const queueConsumers = Object.fromEntries(
    Object.entries(configured.queueConsumers).map(([name, consumer]) => [name, { ...consumer, maxBatchTimeout: 0.05, retryDelay: 0 }]),
  );
  const ratelimits = Object.fromEntries(
    Object.entries(configured.ratelimits ?? {}).map(([name, each]) => [name, { ...each, simple: { limit, period: 60 } }]),
  );
  const workers = [
    {
      ...configured,
      name: "edge",
      bindings: { ...configured.bindings, ...vars },
      modulesRoot: "/",
      modules: await modules(path.join(root, "dist/worker")),
      queueConsumers,
      ratelimits,
    },
  ];
  if (deadQueue && !queueConsumers[deadQueue]) workers.push(deadLetterReader(deadQueue, edge.deadLetters));

  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      cf: false,
      log: new Log(LogLevel.ERROR),
      telemetry: { enabled: false },
      handleStructuredLogs: ({ level, message }) => edge.logs.push({ level, message }),
    }),
  );
  edge.url = (await miniflare.ready).origin;
  edge.d1 = await miniflare.getD1Database(d1, "edge");
  await migrate(edge.d1, path.join(root, "migrations"));

  /** One request from outside: a path under `origin` or a whole URL; `ip` is what the platform says the client's address is. */
  edge.request = (where, { ip, headers, ...rest } = {}) =>
    request(new URL(where, origin).href, { at: edge.url, headers: ip ? { "cf-connecting-ip": ip, ...headers } : headers, ...rest });
  /** Makes bindings fail: `{d1, queue}`, each `"fail"`, a number of milliseconds to hang before failing, or null. */
  edge.fail = (faults) => edge.request("/__instrument", { method: "POST", body: faults });
  edge.queue = async () => (await edge.request("/__instrument")).json();
  /** Resolves when every message sent has been handled for good. */
  edge.drained = (ms) => until(async () => ((seen) => seen.sent <= seen.settled + edge.deadLetters.length)(await edge.queue()), "the queue drained", ms);
  edge.rows = async (sql, ...values) => (await edge.d1.prepare(sql).bind(...values).all()).results;
  edge.close = () => miniflare.dispose();
  return edge;
}

async function migrate(database, folder) {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort()) {
    const statements = unstable_splitSqlQuery(await readFile(path.join(folder, file), "utf8"));
    if (statements.length) await database.batch(statements.map((sql) => database.prepare(sql)));
  }
}

function deadLetterReader(queue, letters) {
  return {
    name: "dead-letter-reader",
    modules: true,
    compatibilityDate: "2026-04-01",
    script: `export default { async queue(batch, env) {
      await env.KEEP.fetch("http://keep/", { method: "POST", body: JSON.stringify(batch.messages.map((message) => message.body)) });
    } }`,
    queueConsumers: { [queue]: { maxBatchTimeout: 0.05 } },
    serviceBindings: {
      async KEEP(message) {
        letters.push(...(await message.json()));
        return new Response();
      },
    },
  };
}
