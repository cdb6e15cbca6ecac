// The parser, compiled to WebAssembly; where that is refused, the same parser as JavaScript.

import { base } from './tag.js';
import { emit } from './log.js';

/** Reads a page view (address, referrer, cookies) into the visit's fields; undefined while no core runs. */
export let capture;

function start({ memory, room, capture: parse }, how) {
  capture = (view, now, subdomainIndex) => {
    const text = new TextEncoder().encode(view.join('\n'));
    const at = room(text.length);
    new Uint8Array(memory.buffer).set(text, at);
    const answer = new Uint8Array(memory.buffer, parse(at, text.length, now, subdomainIndex));
    return JSON.parse(new TextDecoder().decode(answer.subarray(0, answer.indexOf(0))));
  };
  emit('core', how);
}

/** Settles once the core runs or is known not to. Where the browser lets it, the core runs at once. */
export const ready = (async () => {
  try {
    const bytes = new Uint8Array(WASM_TEXT.match(/../g).map((pair) => parseInt(pair, 16)));
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
})();
