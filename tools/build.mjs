// Builds the worker to dist/worker and the static files, the tracker and the operator's page among them, to dist/www.

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, ensurePrerequisites, environment, fail, run, step } from "./prerequisites.mjs";

const WASM = "wasm32-unknown-unknown";
// What rustc emits for this target by default, and workerd takes.
const WASM_FEATURES = ["bulk-memory", "bulk-memory-opt", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"]
  .map((feature) => `--enable-${feature}`);
const work = join(ROOT, "target", "bindings");
/** The worker's WebAssembly modules: `worker/src/bin`. */
const MODULES = ["visitors", "backoffice"];
/** In bytes of gzip. Every request meets the visitors' module, and a fresh instance compiles it first. */
const LIMITS = { visitors: 224 * 1024 };

const TRACKER_FLAGS = [
  // WebAssembly as browsers took it in 2017; what the compiler's own library has beyond that, pack.mjs lowers.
  "-Ctarget-cpu=mvp", "-Ctarget-feature=+bulk-memory",
  // Without its symbols the module does not name its features, and wasm-bindgen asks for no more than that either.
  "-Cstrip=symbols",
  // The core needs a few hundred bytes of stack: the data behind it then has shorter addresses.
  "-Clink-arg=-zstack-size=4096",
  // What is called once or twice is smaller where it is called; more than that is not.
  "-Cllvm-args=-inline-threshold=50",
  // What two branches end with compresses better twice than the jumps to where it would stand once.
  "-Cllvm-args=-simplifycfg-sink-common=false",
];
const TOOLS = [join(ROOT, "tools"), join(ROOT, "package-lock.json")];

ensurePrerequisites();
buildWorker();
buildFiles();

function buildWorker() {
  step("Building the worker");
  run("cargo", ["build", "--locked", "--release", "--target", WASM, "-p", "edgeway-worker"]);
  const out = join(ROOT, "dist", "worker");
  const compiled = MODULES.map((name) => join(ROOT, "target", WASM, "release", `${name}.wasm`));
  const entry = ["entry.js", "instance.js"].map((name) => join(ROOT, "worker", name));
  if (isNewer(join(out, "index.js"), ...compiled, ...entry, ...TOOLS)) return;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const bindings = MODULES.map((name, at) => bindDoors(name, compiled[at], join(out, `${name}.wasm`)));
  run("esbuild", [entry[0], "--bundle", "--format=esm", "--target=es2022", "--external:*.wasm", "--external:cloudflare:*", ...bindings.flat(),
    // Every closure that Rust hands out is freed by Rust: registering each for the collector would cost more than it does.
    "--define:FinalizationRegistry=undefined", "--minify-syntax", `--outfile=${join(out, "index.js")}`, "--log-level=warning"]);
  console.log(`  entry: ${statSync(join(out, "index.js")).size} bytes`);
}

/** Makes one module of the worker. Gives what the entry knows it by, as esbuild's options. */
function bindDoors(name, compiled, out) {
  const bindings = join(work, name);
  bind("worker", compiled, bindings);
  quicken(join(bindings, "doors.js"));
  step(`Optimising the worker: ${name}`);
  run("wasm-opt", ["-O3", "--strip-debug", "--strip-producers", ...WASM_FEATURES, join(bindings, "doors_bg.wasm"), "-o", out]);
  const bytes = readFileSync(out);
  const packed = gzipSync(bytes, { level: 9 }).length;
  console.log(`  ${name}: ${bytes.length} bytes of WebAssembly, ${packed} gzip`);
  if (packed > (LIMITS[name] ?? Infinity)) fail(`${name} must not be above ${LIMITS[name]} bytes of gzip: what no visitor waits for belongs in the back office`);
  const [snippets] = readdirSync(join(bindings, "snippets")).filter((folder) => folder.startsWith("edgeway-worker-"));
  return [`--alias:${name}/runtime=${join(bindings, "snippets", snippets, "src", "runtime.js")}`, `--alias:${name}=${join(bindings, "doors.js")}`];
}

function buildFiles() {
  step("Building the tracker");
  run("cargo", ["build", "--locked", "--profile", "tracker", "--target", WASM, "-p", "edgeway-tracker", "--target-dir", join(ROOT, "target", "tracker")], {
    env: { ...environment, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: TRACKER_FLAGS.join(" ") },
  });
  const compiled = join(ROOT, "target", "tracker", WASM, "tracker", "tracker.wasm");
  const out = join(ROOT, "dist", "www");
  const page = join(ROOT, "www", "ops");
  if (isNewer(join(out, "tracker.json"), compiled, join(ROOT, "tracker-wasm"), join(ROOT, "www"), ...TOOLS)) return;
  const bindings = join(work, "tracker");
  bind("tracker", compiled, bindings);
  rmSync(out, { recursive: true, force: true });
  cpSync(join(ROOT, "www"), out, { recursive: true, filter: (source) => dirname(source) !== page || source.endsWith(".html") });
  // Where a site stands behind the edge, its root is the site's.
  cpSync(join(ROOT, "www", "favicon.svg"), join(out, "ops", "favicon.svg"));
  run("esbuild", [join(page, "ops.js"), join(page, "ops.css"), "--bundle", "--minify", "--format=esm", "--target=es2022", `--outdir=${join(out, "ops")}`,
    "--log-level=warning"]);
  run("node", [join("tracker-wasm", "pack.mjs"), bindings, out]);
}

/** Has the platform write long texts into the module's memory: wasm-bindgen's own loop, a character at a time, takes ten times as long. */
function quicken(bindings) {
  const loop = /for \(; offset < len; offset\+\+\) \{[^}]*\}/;
  const written = readFileSync(bindings, "utf8");
  if (!loop.test(written)) fail(`${bindings}: wasm-bindgen writes texts in another way than it did`);
  const native = `if (len > 48) {
        const { read, written } = cachedTextEncoder.encodeInto(arg, mem.subarray(ptr, ptr + len));
        // As far as it is ASCII; what follows is written below.
        if (read === written && read === len) offset = len;
    }
    $&`;
  writeFileSync(bindings, written.replace(loop, native));
}

/** Whether `made` came after everything it is made of. */
function isNewer(made, ...sources) {
  const age = (path) => {
    const own = statSync(path).mtimeMs;
    return statSync(path).isDirectory() ? Math.max(own, ...readdirSync(path).map((name) => age(join(path, name)))) : own;
  };
  return existsSync(made) && sources.every((source) => age(source) < statSync(made).mtimeMs);
}

function bind(target, module, out) {
  rmSync(out, { recursive: true, force: true });
  run("cargo", ["run", "--locked", "--quiet", "-p", "edgeway-bindgen", "--", target, module, out]);
}
