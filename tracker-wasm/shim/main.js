// The page's tracker: reads what the click carries, remembers it, sends it, and leads Telegram links
// through the edge. Here is the function `edgeway` with its command queue, and the consent that gates all.

import { base, settings } from './tag.js';
import { failed, log } from './log.js';
import { ready, startCore } from './core.js';
import { forgetIds, renewIds } from './ids.js';
import { holdCalls, releaseCalls, takeCalls } from './pixel.js';
import { flushOutbox, forgetOutbox, sweep } from './send.js';
import { inviteLink, onNavigate, refreshLinks, releaseLinks, watchLinks } from './links.js';
import { enrich, flush, landing, leave, visit, visitor } from './visit.js';
import { whenLeft, whenMoved, whenShown } from './page.js';

/** Whether something may be stored and sent. */
let active;
let wanted;
/** Whether the commands given before the load have been carried out; undefined before that began. */
let drained;
/** Says that the page is shown; it gives nothing. */
let show;
const shown = new Promise((done) => show = done);

const commands = {
  visit() {
    wanted = true;
    if (active) visit();
  },
  identify(id) {
    visitor.externalUserId = id == null || id === '' ? undefined : '' + id;
    enrich();
  },
  consent(state) {
    if (!/^(granted|denied)$/.test(state)) throw state;
    if (visitor.consent === state) return;
    visitor.consent = state;
    // Also that it is taken back: what was told before counts no more.
    enrich();
    if (settings.consent === 'required' && state !== 'granted') stop();
    else begin();
  },
  invite(options, callback) {
    const link = () => inviteLink(options && options.channel);
    // A queued command runs before the visit has its ids, and those of a hidden page wait.
    if (callback) shown.then(() => callback(link()));
    return link();
  },
};

/** Runs a command; one that fails takes no other with it. */
function run(command) {
  try {
    const [name, ...rest] = command;
    return commands[name](...rest);
  } catch (why) {
    failed(command && command[0], why);
  }
}

function begin() {
  if (document.hidden || show() || active || !drained
    || (settings.gpc === 'respect' && navigator.globalPrivacyControl)
    || (settings.dnt === 'respect' && navigator.doNotTrack === '1')
    || (settings.consent === 'required' && visitor.consent !== 'granted')) return;
  active = true;
  if (wanted || settings.auto !== 'off') visit();
  else renewIds();
  releaseCalls();
  watchLinks();
}

function stop() {
  active = false;
  leave();
  holdCalls();
  releaseLinks();
  forgetIds();
  forgetOutbox();
}

/** Carries out the commands given before the load, and begins. */
function start(early) {
  if (drained !== undefined) return;
  drained = false;
  early.forEach(run);
  drained = true;
  whenShown(begin);
  whenMoved((replaced) => active && settings.auto !== 'off' && visit(replaced), onNavigate);
  whenLeft(() => {
    flush(true);
    flushOutbox();
  }, () => {
    if (!active) return;
    leave();
    if (settings.auto !== 'off') visit();
    sweep();
  });
  addEventListener('online', () => active && sweep());
  if (landing.includes('edgeway_debug=1')) import(base + 'panel.js');
}

function load(wasm) {
  startCore(wasm);
  takeCalls();
  const early = [].slice.call(before.q || []);
  const push = (command) => {
    start(early);
    return run(command);
  };
  const edgeway = window.edgeway = (...command) => push(command);
  edgeway.log = log;
  // A proxy may turn a call into a push, as TikTok's in-app browser does; nothing here calls either.
  edgeway.q = { push };
  // Not at once: what asks for a stack, as developer tools do, would have the engine read the whole script again.
  edgeway.ready = Promise.resolve(early).then(start).then(() => ready).then(() => edgeway);
}

// A second tag finds the first one's work done.
const before = window.edgeway || {};
// At the end of the file, for it compresses better there.
if (settings && !before.ready) load(WASM_HEX);
