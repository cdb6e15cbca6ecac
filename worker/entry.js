// What Cloudflare calls: the wasm-bindgen exports, and a fresh instance where one has panicked. A panic leaves an instance
// in no state that can be trusted, so its requests are answered with 500 at once, and the next one finds a new instance.

import { __wbg_reset_state, fetch as answer, initSync, queue as consume } from "./edgeway.js";
import module from "./edgeway_bg.wasm";

const flying = new Set();

function collapse(error) {
  console.error(`panicked, ${flying.size} requests in flight: ${error?.stack ?? error}`);
  const lost = [...flying];
  flying.clear();
  __wbg_reset_state();
  for (const fail of lost) fail(error);
}

// Rust's futures run in microtasks of their own: there a panic comes up, where no caller would see it. A promise's
// reaction is also what workerd runs fastest: its queueMicrotask costs three times as much.
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => {
  settled.then(task).catch(collapse);
};

function guarded(run) {
  return new Promise((resolve, reject) => {
    flying.add(reject);
    const done = (settle) => (value) => {
      flying.delete(reject);
      settle(value);
    };
    try {
      run().then(done(resolve), done(reject));
    } catch (error) {
      collapse(error);
    }
  });
}

function failure() {
  const body = '{"error":{"code":"INTERNAL_ERROR","message":"something failed here"}}';
  return new Response(body, { status: 500, headers: { "content-type": "application/json", "cache-control": "no-store" } });
}

initSync({ module });

export default {
  fetch: (request, env, context) => guarded(() => answer(request, env, context)).catch(failure),
  queue: (batch, env) => guarded(() => consume(batch, env)),
};
