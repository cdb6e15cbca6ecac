// Makes the tracker one file: the module optimised and inlined as text, the shim bundled around it, and
// the same module as JavaScript beside it, for pages on which WebAssembly is refused.
//
//   node tracker-wasm/pack.mjs <folder of tracker_bg.wasm> <out folder>

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

/** What a page loads, in brotli bytes. */
const LIMIT = 8192;

const TARGET = 'es2017';
const shim = join(dirname(fileURLToPath(import.meta.url)), 'shim');
const binaryen = dirname(createRequire(import.meta.url).resolve('binaryen/package.json'));

const [bindings, out] = process.argv.slice(2).map((path) => resolve(path));
if (!out) {
  console.error('usage: node tracker-wasm/pack.mjs <bindings folder> <out folder>');
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'edgeway-tracker-'));
try {
  pack();
} finally {
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
}

async function pack() {
  const bound = join(bindings, 'tracker_bg.wasm');
  // Where the page writes never changes, so the page need not ask for it.
  const room = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(bound))).exports.room();
  const called = join(work, 'called.wasm');
  const graph = join(work, 'graph.json');
  writeFileSync(graph, JSON.stringify([
    { name: 'page', root: true, reaches: ['memory', 'capture'] },
    ...['memory', 'capture'].map((name) => ({ name, export: name })),
  ]));
  // What is enabled for reading is lowered below, down to what browsers took in 2017.
  const features = ['--mvp-features', '--enable-mutable-globals', '--enable-sign-ext', '--enable-bulk-memory',
    '--enable-bulk-memory-opt', '--enable-nontrapping-float-to-int'];
  // wasm-bindgen exports what its own glue would ask for when a call has panicked; here nothing does.
  run('wasm-metadce', { stdio: ['ignore', 'ignore', 'inherit'] }, bound, ...features, '--graph-file', graph, '-o', called);
  const wasm = join(work, 'core.wasm');
  // Named features alone: `--all-features` makes modules that every browser refuses.
  run('wasm-opt', { stdio: 'inherit' }, called, '-o', wasm, ...features,
    '--signext-lowering', '--llvm-memory-copy-fill-lowering', '--llvm-nontrapping-fptoint-lowering',
    // A trap has one handler, the shim, which then sends the visit's raw parts. Without its checks a call that
    // would fail one fails at the memory's end, or answers what the shim can't read: the same to the page.
    '--traps-never-happen', '--low-memory-unused',
    // A large function called once stays one: spelled out where it is called, it compresses worse. So does what the
    // passes left out would make.
    '-Oz', '--one-caller-inline-max-function-size', '40',
    ...['simplify-locals', 'local-cse', 'reorder-locals', 'coalesce-locals', 'ssa-nomerge'].map((pass) => `--skip-pass=${pass}`),
    '--strip-debug', '--strip-producers', '--strip-target-features');
  const fallback = join(work, 'core.js');
  run('wasm2js', { stdio: 'inherit' }, wasm, '-o', fallback, '-Oz');
  const bytes = readFileSync(wasm);

  const core = await bundle({ entryPoints: [fallback], format: 'esm' });
  // Chromium then compiles every function off the main thread, as it loads the file.
  const tracker = '//# allFunctionsCalledOnLoad\n' + await bundle({
    entryPoints: [join(shim, 'main.js')],
    format: 'iife',
    define: { WASM_HEX: JSON.stringify(bytes.toString('hex').toUpperCase()), CORE_FILE: '"t.@.core.js"', ROOM: String(room) },
  });
  // One name for both files: the tracker knows its fallback's, so it can't hold its own.
  const hash = createHash('sha256').update(tracker).update(core).digest('hex').slice(0, 12);
  const file = tracker.replace('t.@.core.js', `t.${hash}.core.js`);

  const sizes = { tracker: size(file), module: size(bytes), fallback: size(core) };
  for (const [name, { raw, gzip, brotli }] of Object.entries(sizes)) {
    console.log(`${name.padEnd(9)} raw ${raw}  gzip ${gzip}  brotli ${brotli}`);
  }
  // Before anything is written: a later build takes what is there for done.
  if (sizes.tracker.brotli > LIMIT) {
    console.error(`the tracker is ${sizes.tracker.brotli} bytes brotli; the limit is ${LIMIT}`);
    process.exitCode = 1;
    return;
  }

  mkdirSync(out, { recursive: true });
  for (const old of readdirSync(out)) if (/^t\.\w+(\.core)?\.js$/.test(old)) rmSync(join(out, old));
  writeFileSync(join(out, 't.js'), file);
  writeFileSync(join(out, `t.${hash}.js`), file);
  writeFileSync(join(out, `t.${hash}.core.js`), core);
  copyFileSync(join(shim, 'edgeway.d.ts'), join(out, 't.d.ts'));
  writeFileSync(join(out, 'tracker.json'), JSON.stringify({
    file: `t.${hash}.js`,
    hash,
    integrity: 'sha384-' + createHash('sha384').update(file).digest('base64'),
    core: `t.${hash}.core.js`,
    bytes: sizes.tracker,
  }, null, 2) + '\n');
}

function run(tool, options, ...args) {
  execFileSync(process.execPath, [join(binaryen, 'bin', tool), ...args], options);
}

/** One script of what an entry imports. Bundled by one tool and made small by another: neither does both as well. */
async function bundle(options) {
  const { outputFiles } = await build({
    bundle: true,
    minifySyntax: true,
    write: false,
    target: TARGET,
    // It is there wherever WebAssembly is; esbuild would put `require` in its place.
    supported: { 'dynamic-import': true },
    legalComments: 'none',
    logLevel: 'warning',
    ...options,
  });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2017, module: options.format === 'esm', compress: { passes: 2 }, format: { ascii_only: true },
  });
  return code;
}

function size(content) {
  const bytes = Buffer.from(content);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params }).length,
  };
}
