// `npm test`: builds, then runs the host's unit tests, then the worker and the tracker from outside. `npm test -- <files>` runs those
// test files alone.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
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
  // What a test says that passes is not shown.
  const vectors = join(ROOT, "..", "shared", "vectors");
  if (!existsSync(vectors)) console.log(`No vectors at ${vectors}: hashes were not compared with those of Meta and Google.`);
}

step("Testing from outside: workerd and browsers");
// Backwards, as the browsers' files take longest.
const all = readdirSync(join(ROOT, "tests")).filter((name) => name.endsWith(".test.mjs")).map((name) => `tests/${name}`).sort().reverse();
run("node", ["--test", "--test-reporter=spec", "--test-concurrency=2", "--test-timeout=1200000", ...(chosen.length ? chosen : all)], {
  env: { ...environment, NODE_NO_WARNINGS: "1" },
});
