// Sees to it that what the build needs is there: says in one line what a person has to install, and installs the rest.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const OLDEST_NODE = "20.12";
/** With which the project does without the Node that npm installs for it. */
const OWN_NODE = "22.12";

/** A text in a colour of ANSI's, unless the environment wants none (https://no-color.org). */
const coloured = (code, text) => (process.env.NO_COLOR ? text : `\x1b[${code}m${text}\x1b[0m`);

/** Says what is going on: long steps must be seen. */
export function step(what) {
  console.log(coloured(1, `› ${what}`));
}

/** Ends with one line and no stack: it is not the program that is at fault. */
export function fail(line) {
  console.error(coloured(31, line));
  process.exit(1);
}

/** Ends with what is wrong with what was typed, and how it is used. */
export function misused(line, usage) {
  console.error(`${coloured(31, line)}\n${usage}`);
  process.exit(1);
}

/**
 * What was typed: `{values, positionals}` by `options` of parseArgs. Ends with how the command is used, where that is asked for or, unless it
 * is `wordless`, nothing was said; with what is wrong, and `brief` in place of a long usage.
 */
export function typed(usage, options = {}, { wordless = false, brief = usage } = {}) {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options: { ...options, help: { type: "boolean", short: "h" } } });
  } catch (error) {
    // What Node says further is of words that begin with a dash.
    return misused(error.message.split(/\.\s/)[0], brief);
  }
  const { values: { help, ...values }, positionals } = parsed;
  if (help || (!wordless && !positionals.length)) {
    console.log(usage);
    process.exit(0);
  }
  if (wordless && positionals.length) misused(`${positionals[0]}: not expected`, usage);
  return { values, positionals };
}

/** The environment of all programs the tools start: the project's own Node and programs first, nothing asked, nothing sent. */
export const environment = {
  ...process.env,
  PATH: [join(ROOT, "node_modules", ".bin"), process.env.PATH].join(delimiter),
  WRANGLER_SEND_METRICS: "false",
  // The build looks there for what cargo makes, has flags of its own, and tools for the host.
  CARGO_TARGET_DIR: join(ROOT, "target"),
  RUSTFLAGS: undefined,
  CARGO_ENCODED_RUSTFLAGS: undefined,
  CARGO_BUILD_TARGET: undefined,
};

/** Runs a program in the project's folder, its output shown; ends when it fails. */
export function run(program, words, options = {}) {
  const { status, error } = spawnSync(program, words, { cwd: ROOT, stdio: "inherit", env: environment, ...options });
  if (status !== 0) fail(`${program} ${words.join(" ")}: ${error?.message ?? `ended with ${status}`}`);
}

function answers(program, ...words) {
  return spawnSync(program, words, { cwd: ROOT, stdio: "ignore", env: environment }).status === 0;
}

const isNode = (oldest) => process.versions.node.localeCompare(oldest, "en", { numeric: true }) >= 0;

/** Checks Node, Rust and what links for it, and installs packages, the toolchain's parts and the WebAssembly target where missing. */
export function ensurePrerequisites() {
  if (!isNode(OLDEST_NODE)) fail(`Node.js ${OLDEST_NODE} or later is needed: https://nodejs.org`);
  if (!answers("rustup", "--version")) fail("Rust is needed: install it with rustup, https://rustup.rs");
  if (process.platform !== "win32" && !answers("cc", "--version")) fail("A C compiler is needed: apt-get install build-essential, or xcode-select --install");
  // Any call of cargo installs the toolchain, for minutes without a word.
  if (!hasToolchain() || !answers("cargo", "clippy", "--version") || !hasTarget()) {
    step("Installing the Rust toolchain that rust-toolchain.toml names");
    // Reads the file; rustup before 1.28 has no such form, but installs it by itself at the first call of cargo.
    if (!answers("rustup", "toolchain", "install")) run("rustup", ["target", "add", "wasm32-unknown-unknown"]);
  }
  const installed = join(ROOT, "node_modules", ".package-lock.json");
  const isStale = !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(ROOT, "package-lock.json")).mtimeMs;
  const hasNode = () => answers(join(ROOT, "node_modules", ".bin", "node"), "--version");
  if (isStale || (!isNode(OWN_NODE) && !hasNode())) {
    step("Installing npm packages");
    // Not `npm ci`: it refuses a lock file made on one system for want of another's optional packages.
    run("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]);
    if (!isNode(OWN_NODE) && !hasNode()) fail(`npm has installed no Node.js, as where it is set to ignore scripts: without that one ${OWN_NODE} or later is needed, https://nodejs.org`);
  }
}

function hasToolchain() {
  if (process.env.RUSTUP_TOOLCHAIN) return true;
  const [, channel] = /^channel = "(.+)"/m.exec(readFileSync(join(ROOT, "rust-toolchain.toml"), "utf8"));
  const { stdout } = spawnSync("rustup", ["toolchain", "list"], { encoding: "utf8" });
  return stdout?.split("\n").some((name) => name.startsWith(`${channel}-`)) ?? false;
}

function hasTarget() {
  const { stdout } = spawnSync("rustup", ["target", "list", "--installed"], { cwd: ROOT, encoding: "utf8" });
  return stdout?.includes("wasm32-unknown-unknown") ?? false;
}
