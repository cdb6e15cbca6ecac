// What Cloudflare calls: the wasm-bindgen exports, and a fresh instance where one has panicked. A panic leaves an instance
// in no state that can be trusted, so its requests are answered with 500 at once, and the next one finds a new instance.

import { __wbg_reset_state, body_limit, fetch as answer, initSync, queue as consume, scheduled as sweep } from "./edgeway.js";
import module from "./edgeway_bg.wasm";
import { inbound } from "runtime";

/** How to fail each answer that is still awaited. */
const awaited = new Set();

function collapse(error) {
  console.error(`panicked, with ${awaited.size} answers awaited: ${error?.stack ?? error}`);
  const lost = [...awaited];
  awaited.clear();
  __wbg_reset_state();
  for (const fail of lost) fail(error);
}

// Rust's futures run in microtasks of their own: there a panic comes up, where no caller would see it. A promise's
// reaction is also what workerd runs fastest: its queueMicrotask costs three times as much.
const settled = Promise.resolve();
let task;
const step = () => {
  try {
    task();
  } catch (error) {
    collapse(error);
  }
};
// Rust's executor comes with the same task every time, but for a new instance.
globalThis.queueMicrotask = (given) => {
  task = given;
  settled.then(step);
};

/** What `run` returns; a promise of it fails when the instance panics meanwhile. */
function guarded(run) {
  let result;
  try {
    result = run();
  } catch (error) {
    collapse(error);
    throw error;
  }
  if (!(result instanceof Promise)) return result;
  return new Promise((resolve, reject) => {
    awaited.add(reject);
    const settle = (settled) => (value) => {
      awaited.delete(reject);
      settled(value);
    };
    result.then(settle(resolve), settle(reject));
  });
}

function failure() {
  const body = '{"error":{"code":"INTERNAL_ERROR","message":"something failed here"}}';
  return new Response(body, { status: 500, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

/** A body's bytes; undefined when there are more than `limit`. */
async function read(request, limit) {
  const declared = request.headers.get("content-length");
  if (declared !== null) return declared > limit ? undefined : new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

initSync({ module });

async function fetch(request, env, context) {
  try {
    const head = inbound(request);
    const limit = request.method === "POST" ? body_limit(env, request.url) : undefined;
    const body = limit === undefined ? undefined : await read(request, limit);
    return await guarded(() => answer(request, head, body, env, context));
  } catch {
    return failure();
  }
}

export default {
  fetch,
  queue: (batch, env) => guarded(() => consume(batch, env)),
  scheduled: (event, env) => guarded(() => sweep(env)),
};
