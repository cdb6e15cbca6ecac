// `npm start`: builds everything, prepares the local ledger and serves it, with no account, no secret, no question.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureOperatorKey } from "./secrets.mjs";
import { ROOT, ensurePrerequisites, environment, fail, run, step } from "./prerequisites.mjs";

const port = process.env.PORT ?? "8787";
const address = `http://localhost:${port}`;
const SAMPLE_CLICK = "?fbclid=IwAR2SampleMetaClick_0&ttclid=E.C.P.SampleTikTokClick&gclid=Cj0SampleGoogleClick&ScCid=sample-snap-click&tgclid=SampleTelegramClick&utm_source=facebook&utm_medium=paid&utm_campaign=demo";

ensurePrerequisites();
// Wrangler builds, too, but shows nothing while it does; what is built already it finds done.
run("node", ["tools/build.mjs"]);

step("Preparing the local ledger");
// CI: so that nothing is asked.
run("wrangler", ["d1", "migrations", "apply", "edgeway", "--local"], { env: { ...environment, CI: "true" } });

ensureOperatorKey();

step("Starting the edge");
const edge = spawn("wrangler", ["dev", "--port", port, "--show-interactive-dev-session=false"], { cwd: ROOT, stdio: "inherit", env: environment });
const ended = once(edge, "exit").then(([code]) => ({ code: code ?? 1 }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => edge.kill(signal));

const end = await Promise.race([ended, answering()]);
if (end) fail(`the edge ended with ${end.code}`);
console.log(`
\x1b[1mEdgeway is up.\x1b[0m The demo page, as an ad click opens it:

  ${address}/${SAMPLE_CLICK}

The operator's page: ${address}/ops   Its key: OPERATOR_KEY in .dev.vars

A key for its API: npm run keys -- create NAME   What that answers: ${address}/api/v1/openapi.json

Health: ${address}/healthz   The ledger: npx wrangler d1 execute edgeway --local --command "SELECT * FROM visits"
`);
process.exitCode = (await ended).code;

async function answering() {
  for (;;) {
    const answer = await fetch(`${address}/healthz`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(500);
  }
}
