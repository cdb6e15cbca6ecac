// What happened, for the debug panel and for whoever listens to the event `edgeway`.

/** The latest 100 happenings; the links among them make room for the others: a page may have many. */
export const log = [];

/** Tells `window` that something happened. */
export function emit(type, data) {
  const detail = { at: Date.now(), type, data };
  if (log.push(detail) > 100) log.splice(Math.max(0, log.findIndex((old) => old.type === 'link')), 1);
  dispatchEvent(new CustomEvent('edgeway', { detail }));
}

/** Tells that `to` did not succeed. */
export const failed = (to, why) => emit('failed', { to, why: '' + why });
