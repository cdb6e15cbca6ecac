/** Resolves after `ms`. */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `probe` until it answers something truthy and returns that; otherwise fails with `what`, after `ms`. */
export async function until(probe, what = String(probe), ms = 30_000) {
  const end = performance.now() + ms;
  let last;
  do {
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await sleep(25);
  } while (performance.now() < end);
  throw new Error(`not within ${ms} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
}

/** Resolves in a minute of which at least a quarter is left: the limiter at hand counts by the minute. */
export async function earlyInAMinute() {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 15_000) await sleep(left + 50);
}

/** Fails as soon as `probe` answers something truthy within `ms`: for things that must not happen. */
export async function never(probe, what = String(probe), ms = 400) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const seen = await probe();
    if (seen) throw new Error(`should not happen: ${what} (${JSON.stringify(seen)})`);
    await sleep(25);
  }
}
