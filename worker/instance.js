// One of the worker's WebAssembly modules: its doors, and a fresh instance where one has panicked. A panic leaves an instance in
// no state that can be trusted, so what it had under way fails at once, and the next call finds a new one. The other module has
// memory of its own, and goes on.

/**
 * Opens a module, which is instantiated when it is first called. `bindings` are wasm-bindgen's, `runtime` is the copy of `runtime.js` that
 * belongs to them. `ask(door, ...words)` gives what the door gives; `call` waits where that is a ticket, and fails when the instance panics
 * meanwhile.
 */
export function open({ initSync, __wbg_reset_state, arrive, abandon }, module, runtime) {
  let isUp = false;

  function ask(door, ...words) {
    if (!isUp) initSync({ module });
    isUp = true;
    try {
      return door(...words);
    } catch (error) {
      const lost = runtime.renew();
      console.error(`panicked, with ${lost.length} answers awaited: ${error?.stack ?? error}`);
      __wbg_reset_state();
      for (const { reject } of lost) reject(error);
      throw error;
    }
  }

  function call(door, ...words) {
    const answer = ask(door, ...words);
    return typeof answer === "number" ? runtime.settled(answer) : answer;
  }

  runtime.doors.arrive = (arrival, isKept, value) => {
    try {
      ask(arrive, arrival, isKept, value);
    } catch {
      // Whoever waited has been told.
    }
  };
  runtime.doors.abandon = (ticket) => ask(abandon, ticket);
  return { ask, call };
}
