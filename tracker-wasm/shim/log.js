// What happened, for the debug panel and for whoever listens to the event `edgeway`.

/** The latest 100 happenings. */
export const log = [];

/** Tells `window` that something happened. */
export function emit(type, data) {
  const detail = { at: Date.now(), type, data };
  if (log.push(detail) > 100) log.shift();
  dispatchEvent(new CustomEvent('edgeway', { detail }));
}

/** Tells that `to` did not succeed. */
export const failed = (to, why) => emit('failed', { to, why: String(why) });
