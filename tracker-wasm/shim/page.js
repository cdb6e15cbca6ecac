// The page's life: shown, moved inside, hidden, shown again.

/** Runs `start`, and again whenever the page is shown: one that is prerendered, or that an app loads behind its ad, may never be. */
export function whenShown(start) {
  start();
  addEventListener('visibilitychange', start, true);
}

/**
 * Calls `moved` when the address changes without a load, telling whether it was only replaced, and `leads` with the event before
 * that or a load, where the browser has one: Safari since 26.2, Firefox since 147.
 */
export function whenMoved(moved, leads) {
  const { navigation } = window;
  // An element or a variable of the page may bear that name.
  if (navigation && navigation.currentEntry) {
    navigation.addEventListener('navigate', leads);
    navigation.addEventListener('currententrychange', (event) => moved(event.navigationType === 'replace'));
    return;
  }
  for (const name of ['pushState', 'replaceState']) {
    const change = history[name];
    history[name] = (...rest) => {
      change.apply(history, rest);
      moved(name === 'replaceState');
    };
  }
  addEventListener('popstate', () => moved());
}

/** Calls `hidden` when the page may be gone for good, `back` when the browser shows it again as it was. */
export function whenLeft(hidden, back) {
  addEventListener('pagehide', hidden);
  // Phones kill a hidden page without a `pagehide`.
  addEventListener('visibilitychange', () => document.hidden && hidden(), true);
  addEventListener('pageshow', (event) => event.persisted && back());
}
