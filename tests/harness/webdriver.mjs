// W3C WebDriver over plain HTTP: what WebKitGTK and WPE speak.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { request } from "./http.mjs";
import { until } from "./wait.mjs";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** The groups of the drivers that run: what ends the tests, as Ctrl-C does, does not reach them. */
const running = new Set();
function end(group) {
  try {
    process.kill(-group, "SIGTERM");
  } catch {}
}
process.on("exit", () => running.forEach(end));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts a driver program and resolves to `{call(method, path, body), stop()}`. `command` may start with a wrapper such as xvfb-run. */
export async function startDriver(command, env = {}) {
  const port = await freePort();
  const [program, ...words] = command;
  // Its own process group: a wrapper such as xvfb-run must not leave its children behind.
  const child = spawn(program, [...words, `--port=${port}`], { env: { ...process.env, ...env }, stdio: "ignore", detached: true });
  const at = `http://127.0.0.1:${port}`;
  const call = async (method, path, body, timeout) => {
    const answer = await request(at + path, { timeout, method, body: method === "POST" ? (body ?? {}) : undefined, headers: { "content-type": "application/json" } });
    const { value } = answer.json();
    if (answer.status !== 200) throw Object.assign(new Error(`WebDriver ${method} ${path}: ${value.error}: ${value.message}`), { code: value.error });
    return value;
  };
  const gone = new Promise((resolve) => child.once("exit", resolve));
  running.add(child.pid);
  const stop = async () => {
    end(child.pid);
    await gone;
    running.delete(child.pid);
  };
  try {
    await until(async () => child.exitCode === null && (await call("GET", "/status")), `${program} ready`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { call, stop };
}

/** One WebDriver session: its windows, scripts, clicks and cookies. */
export class Session {
  /** Starts a session on a running driver. One that has not begun after 15 s never will. */
  static async start(driver, capabilities) {
    const { sessionId } = await driver.call("POST", "/session", { capabilities: { alwaysMatch: capabilities } }, 15_000);
    return new Session(driver, `/session/${sessionId}`);
  }

  constructor(driver, path) {
    this.call = (method, where, body) => driver.call(method, path + where, body);
    this.last = Promise.resolve();
    this.end = () => driver.call("DELETE", path).catch(() => {});
  }

  /** Runs `source` (a function's text) with JSON arguments; promises are awaited. */
  async evaluate(source, args) {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${source})(...Array.prototype.slice.call(arguments, 0, -1))).then((value) => done({ value }), (error) => done({ error: String(error && error.stack || error) }));`;
    const answer = await this.call("POST", "/execute/async", { script, args });
    if (answer?.error) throw new Error(answer.error);
    return answer?.value;
  }

  element = async (selector) => (await this.call("POST", "/element", { using: "css selector", value: selector }))[ELEMENT];

  /** A real pointer click on an element; `button` 1 is the middle one, `key` a modifier held meanwhile. */
  async click(selector, { button = 0, key } = {}) {
    const id = await this.element(selector);
    if (button === 0 && !key) return this.call("POST", `/element/${id}/click`);
    const pointer = [{ type: "pointerMove", duration: 0, x: 0, y: 0, origin: { [ELEMENT]: id } }, { type: "pointerDown", button }, { type: "pointerUp", button }];
    const pauses = pointer.map(() => ({ type: "pause", duration: 0 }));
    const actions = [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: key ? [pauses[0], ...pointer, pauses[0]] : pointer }];
    if (key) actions.push({ type: "key", id: "keys", actions: [{ type: "keyDown", value: key }, ...pauses, { type: "keyUp", value: key }] });
    await this.call("POST", "/actions", { actions });
    return this.call("DELETE", "/actions");
  }

  async press(selector, key) {
    return this.call("POST", `/element/${await this.element(selector)}/value`, { text: key });
  }
}
