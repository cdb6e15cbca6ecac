// Misbehaviour on demand, for stand-ins of services that take one call at a time.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Gives a stand-in's state its `misbehave(fault)`, `behave()`, which ends all faults, and `takeFault(name)`: the fault that strikes a call of that name.
 *
 * Fault: which calls it strikes (`name`, told under the key `by`, or any; `times`: how many, 1; Infinity) and how:
 * `delay` ms before the answer · `status` (+ `retryAfter` s, and what the service says) with nothing done · `cut`: "arrival" (nothing done), "headers"
 * (done, no answer), "body" (done, the answer breaks off) · `body`, `type` put into an otherwise good answer.
 */
export function misbehaving(state, by) {
  let faults = [];
  state.misbehave = (fault) => void faults.push({ times: 1, ...fault });
  state.behave = () => void (faults = []);
  state.takeFault = (name) => {
    const fault = faults.find((each) => !each[by] || each[by] === name);
    if (fault && --fault.times <= 0) faults = faults.filter((each) => each !== fault);
    return fault ?? {};
  };
  return state;
}

/** Answers `call` with `{status, headers, body}`, spoilt by its fault; what went out is noted as the call's `status`. */
export async function answerWith(call, { status, headers = {}, body }, fault, outgoing) {
  if (fault.delay) await sleep(fault.delay, undefined, { ref: false });
  const hangUp = () => outgoing.socket?.destroy();
  call.status = status;
  if (fault.cut === "headers") return hangUp();
  const bytes = Buffer.from(fault.body ?? (body === undefined ? "" : JSON.stringify(body)));
  outgoing.writeHead(status, { "content-type": fault.type ?? "application/json", "content-length": bytes.length, ...headers });
  if (fault.cut === "body") return outgoing.write(bytes.subarray(0, bytes.length >> 1), hangUp);
  outgoing.end(bytes);
}
