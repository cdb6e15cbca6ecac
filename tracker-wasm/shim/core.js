// The parser, compiled to WebAssembly; where that is refused, the same parser as JavaScript.

import { base } from './tag.js';
import { emit } from './log.js';

/** Reads a page view into the visit's fields; undefined while no core runs. */
export let capture;

function start({ memory, room, capture: parse }, how) {
  capture = (href, referrer, cookies, now, subdomainIndex) => {
    // An address is ASCII, so its length in bytes is its length.
    const text = new TextEncoder().encode(href + referrer + cookies);
    const head = [text.length, href.length, referrer.length, subdomainIndex, now, now / 4294967296];
    const at = room();
    new Uint32Array(memory.buffer, at, 6).set(head);
    new Uint8Array(memory.buffer, at + 24).set(text);
    const answer = new Uint8Array(memory.buffer, parse());
    return JSON.parse(new TextDecoder().decode(answer.subarray(0, answer.indexOf(0))));
  };
  emit('core', how);
}

/** The module's bytes; pack.mjs says how they were written. */
function decode(text) {
  const bytes = new Uint8Array(text.length);
  let size = 0;
  let range = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 122) range = (code - 122) * 88;
    else {
      bytes[size++] = (code === 33 ? 57 : code - 35) + range;
      range = 0;
    }
  }
  return bytes.subarray(0, size);
}

/** Settles once the core runs or is known not to. */
export let ready;

/** Starts the core: at once, where the browser lets it. */
export function startCore() {
  ready = load();
}

async function load() {
  try {
    const bytes = decode(WASM_TEXT);
    try {
      start(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports, 'wasm');
    } catch (refused) {
      // Older Chromium compiles no more than 4 KB on the main thread at once.
      if (!(refused instanceof RangeError)) throw refused;
      start((await WebAssembly.instantiate(bytes)).instance.exports, 'wasm-async');
    }
  } catch (refused) {
    const late = new Promise((_, reject) => setTimeout(reject, 3000));
    await Promise.race([import(base + CORE_FILE), late])
      .then((exports) => start(exports, 'wasm2js'))
      .catch(() => emit('core', 'edge'));
  }
}
