// `npm test`: builds, then runs the host's unit tests, then the worker and the tracker from outside. `npm test -- <files>` runs those
// test files alone.
import { readdirSync } from "node:fs";
import { ensureBrowsers } from "./browsers.mjs";
import { ROOT, ensurePrerequisites, environment, fail, run, step } from "./prerequisites.mjs";

const chosen = process.argv.slice(2);

ensurePrerequisites();
try {
  ensureBrowsers();
} catch (error) {
  fail(error.message);
}
run("node", ["tools/build.mjs"]);

if (!chosen.length) {
  step("Testing on the host: parser, tracker, worker");
  run("cargo", ["test", "--locked", "--workspace", "--quiet"]);
}

step("Testing from outside: workerd and browsers");
// Backwards, as the browsers' files take longest.
const all = readdirSync(new URL("tests", `file://${ROOT}`)).filter((name) => name.endsWith(".test.mjs")).map((name) => `tests/${name}`).sort().reverse();
run("node", ["--test", "--test-reporter=spec", "--test-concurrency=2", "--test-timeout=1200000", ...(chosen.length ? chosen : all)], {
  env: { ...environment, NODE_NO_WARNINGS: "1" },
});
