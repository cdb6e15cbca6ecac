// The parser, compiled to WebAssembly; where that is refused, the same parser as JavaScript.

import { base } from './tag.js';
import { emit } from './log.js';

/** Reads a page view into the visit's fields; undefined while no core runs. */
export let capture;

function start({ memory, capture: parse }, how) {
  capture = (href, referrer, cookies, now, subdomainIndex) => {
    const view = new TextEncoder().encode(['fb.' + subdomainIndex, '.' + now + '.', href, referrer, cookies].join('\n'));
    new Uint8Array(memory.buffer, ROOM).set(view);
    const form = new TextDecoder().decode(memory.buffer.slice(ROOM + view.length, parse(view.length)));
    // Browsers of 2018 and before have no `fromEntries`: they fail here, and the raw parts go to the edge.
    return Object.fromEntries(new URLSearchParams(form));
  };
  emit('core', how);
}

/**
 * The module's bytes. Hex, since browsers read it natively, in a twentieth of a script's time, and since it takes a
 * tenth less than base64 after brotli.
 */
function decode(hex) {
  return Uint8Array.fromHex ? Uint8Array.fromHex(hex) : Uint8Array.from(hex.match(/../g), (byte) => '0x' + byte);
}

/** Settles once the core runs or is known not to. */
export let ready;

/** Starts the core: at once, where the browser lets it. */
export function startCore(hex) {
  ready = load(hex);
}

async function load(hex) {
  try {
    const bytes = decode(hex);
    try {
      start(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports, 'wasm');
    } catch (refused) {
      // Older Chromium compiles no more than 4 KB on the main thread at once; who refuses all refuses this.
      start((await WebAssembly.instantiate(bytes)).instance.exports, 'wasm-async');
    }
  } catch (refused) {
    const late = new Promise((_, reject) => setTimeout(reject, 3000));
    await Promise.race([import(base + CORE_FILE), late])
      .then((exports) => start(exports, 'wasm2js'))
      .catch(() => emit('core', 'edge'));
  }
}
