// Builds the worker to dist/worker and the static files, the tracker among them, to dist/www.

import { cpSync, mkdirSync, rmSync, statSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, ensurePrerequisites, environment, run, step } from "./prerequisites.mjs";

const WASM = "wasm32-unknown-unknown";
// What rustc emits for this target by default, and workerd takes.
const WASM_FEATURES = ["bulk-memory", "bulk-memory-opt", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"]
  .map((feature) => `--enable-${feature}`);
const work = join(ROOT, "target", "bindings");

ensurePrerequisites();
buildWorker();
buildFiles();

function buildWorker() {
  step("Building the worker");
  run("cargo", ["build", "--locked", "--release", "--target", WASM, "-p", "edgeway-worker"]);
  const bindings = join(work, "worker");
  bind("worker", join(ROOT, "target", WASM, "release", "edgeway_worker.wasm"), bindings);
  const module = join(bindings, "edgeway_bg.wasm");
  run("wasm-opt", ["-O3", "--strip-debug", "--strip-producers", ...WASM_FEATURES, module, "-o", module]);
  cpSync(join(ROOT, "worker", "entry.js"), join(bindings, "entry.js"));
  const out = join(ROOT, "dist", "worker");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  cpSync(module, join(out, "edgeway_bg.wasm"));
  run("esbuild", [join(bindings, "entry.js"), "--bundle", "--format=esm", "--target=es2022", "--external:*.wasm",
    "--minify-syntax", `--outfile=${join(out, "index.js")}`, "--log-level=warning"]);
  const bytes = readFileSync(module);
  console.log(`  worker: ${bytes.length} bytes of WebAssembly, ${gzipSync(bytes, { level: 9 }).length} gzip; entry ${statSync(join(out, "index.js")).size}`);
}

function buildFiles() {
  step("Building the tracker");
  run("cargo", ["build", "--locked", "--profile", "tracker", "--target", WASM, "-p", "edgeway-tracker", "--target-dir", join(ROOT, "target", "tracker")], {
    // What browsers took in 2017, and nothing a later one would refuse.
    env: { ...environment, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: "-Ctarget-cpu=mvp" },
  });
  const bindings = join(work, "tracker");
  bind("tracker", join(ROOT, "target", "tracker", WASM, "tracker", "tracker.wasm"), bindings);
  const out = join(ROOT, "dist", "www");
  rmSync(out, { recursive: true, force: true });
  cpSync(join(ROOT, "www"), out, { recursive: true });
  run("node", [join("tracker-wasm", "pack.mjs"), bindings, out]);
}

function bind(target, module, out) {
  rmSync(out, { recursive: true, force: true });
  run("cargo", ["run", "--locked", "--quiet", "-p", "edgeway-bindgen", "--", target, module, out]);
}
