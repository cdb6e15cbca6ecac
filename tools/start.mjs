// `npm start`: builds everything, prepares the local ledger and serves it, with no account, no secret, no question.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureOperatorKey } from "./secrets.mjs";
import { ROOT, ensurePrerequisites, environment, fail, run, step, typed } from "./prerequisites.mjs";

const port = process.env.PORT ?? "8787";
const address = `http://localhost:${port}`;
// Two edges on one state would lock each other out.
const state = port === "8787" ? [] : ["--persist-to", `.wrangler/state-${port}`];
const SAMPLE_CLICK = "?fbclid=IwAR2SampleMetaClick_0&utm_source=facebook&utm_medium=paid&utm_campaign=demo&utm_content=first-ad";

typed("npm start             builds everything and serves it at http://localhost:8787\nPORT=8788 npm start   serves it at another port", {}, { wordless: true });
if (!/^\d{1,5}$/.test(port) || port < 1 || port > 65535) fail(`PORT: expected a port such as 8788, not ${port}`);
ensurePrerequisites();
if (!(await isFree(+port))) fail(`port ${port} is taken, maybe by another Edgeway: PORT=8788 npm start takes another`);
// Wrangler builds, too, but shows nothing while it does; what is built already it finds done.
run("node", ["tools/build.mjs"]);

step("Preparing the local ledger");
// CI: so that nothing is asked.
run("wrangler", ["d1", "migrations", "apply", "edgeway", "--local", ...state], { env: { ...environment, CI: "true" } });

ensureOperatorKey();

step("Starting the edge");
const edge = spawn("wrangler", ["dev", "--port", port, ...state, "--show-interactive-dev-session=false"], { cwd: ROOT, stdio: "inherit", env: environment });
const ended = once(edge, "exit").then(([code]) => ({ code: code ?? 1 }));
let isAsked = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    isAsked = true;
    edge.kill(signal);
  });
}

const { code, problems } = await Promise.race([ended, answering()]);
if (isAsked) process.exit(0);
if (code !== undefined) fail(`the edge ended with ${code}`);
if (problems.length) console.error(`\x1b[31mSettings are wrong; mend them in wrangler.toml or .dev.vars, and start again:\n${problems.map(({ setting, message }) => `  ${setting}: ${message}`).join("\n")}\x1b[0m`);
const tools = port === "8787" ? "" : `EDGEWAY_URL=${address} `;
console.log(`
\x1b[1mEdgeway is up.\x1b[0m The demo page, as an ad click opens it (the tab at its foot shows what was captured, sent and answered):

  ${address}/${SAMPLE_CLICK}

The operator's page: ${address}/ops   Its key: OPERATOR_KEY in .dev.vars

A key for its API: ${tools}npm run keys -- create NAME   What that answers: ${address}/api/v1/openapi.json

Health: ${address}/healthz   The ledger: npx wrangler d1 execute edgeway ${["--local", ...state].join(" ")} --command "SELECT * FROM visits"
`);
const end = await ended;
process.exitCode = isAsked ? 0 : end.code;

/** Once the edge answers: what is set wrong. */
async function answering() {
  for (;;) {
    const health = await fetch(`${address}/healthz`).then((answer) => answer.json()).catch(() => undefined);
    if (health?.status) return { problems: health.problems ?? [] };
    await sleep(500);
  }
}

/** Whether nobody listens there, by either address of localhost. */
async function isFree(port) {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = createServer();
    const isOurs = await new Promise((resolve) => {
      // A machine may have one of them alone.
      server.once("error", ({ code }) => resolve(["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(code)));
      server.listen(port, host, () => server.close(() => resolve(true)));
    });
    if (!isOurs) return false;
  }
  return true;
}
