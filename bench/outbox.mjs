// The outbox on its way to Meta, and to those that take one event a request: the built worker and its D1 in workerd as the tests run them, and the
// platforms' stand-ins, which check each event as the platforms would.

import { startDeliveries, ACCOUNTS } from "../tests/harness/deliveries.mjs";
import { until } from "../tests/harness/wait.mjs";
import { cpuUsOf } from "./workerd.mjs";

/** How many events are sent to Meta, by how many go in one request. */
const EVENTS = { 1: 300, 100: 5_000, 1000: 20_000 };
/** How many to each that takes one a request, and how long it takes to answer, in ms. */
const SINGLES = 600;
const ANSWER_MS = 50;

/**
 * Measures and prints nothing. A row a size of batch: `events` sent, events a second (`rate`), CPU µs (`cpu_us`) and D1 rows written (`d1_rows`) an event.
 * CPU is that of workerd, D1's own work in it; `rate` counts the stand-in's checks and, where batches are small, the queue's rests between drains.
 */
export async function outboxFigures({ share = 1 } = {}) {
  const deliveries = await startDeliveries({ accounts: [ACCOUNTS.meta] });
  const { edge, platforms } = deliveries;
  const rows = [];
  try {
    await deliveries.reset();
    const { conversionId } = await deliveries.convert();
    await deliveries.settled();
    for (const [batch, most] of Object.entries(EVENTS)) {
      const events = Math.ceil(most * share);
      await deliveries.backlog(conversionId, events, ["meta"]);
      await edge.d1.prepare("UPDATE sends SET batch_limit = ? WHERE state = 'pending'").bind(Number(batch)).run();
      await edge.fail({ forget: true });
      platforms.meta.reset();
      const [started, cpu] = [performance.now(), cpuUsOf(edge.pid)];
      await deliveries.ring();
      await until(() => platforms.meta.received === events, "all are sent", 300_000);
      const [seconds, used] = [(performance.now() - started) / 1_000, cpuUsOf(edge.pid) - cpu];
      await deliveries.settled();
      const { rowsWritten } = await edge.queue();
      rows.push({ batch: Number(batch), events, requests: platforms.meta.requests.length, rate: events / seconds, cpu_us: used / events, d1_rows: rowsWritten / events });
    }
  } finally {
    await deliveries.close();
  }
  return rows;
}

/**
 * The same of GA4 and Telegram Ads, each alone and both at once, claimed many together and, beside it, one by one: `events` a destination, `rate` those of
 * all together, `ratio` to one by one. Each answers after 50 ms.
 */
export async function singleFigures({ share = 1 } = {}) {
  const deliveries = await startDeliveries({ accounts: [ACCOUNTS.ga4, ACCOUNTS.telegram] });
  const { edge, platforms } = deliveries;
  const rows = [];
  try {
    await deliveries.reset();
    const conversionId = await deliveries.arrive();
    await deliveries.settled();
    for (const names of [["ga4"], ["telegram"], ["ga4", "telegram"]]) {
      const singly = await round(names, Math.ceil((SINGLES / 4) * share), "UPDATE sends SET batch_limit = 1 WHERE state = 'pending'");
      const together = await round(names, Math.ceil(SINGLES * share));
      rows.push({ destinations: names.join(", "), ...together, singly: singly.rate, ratio: together.rate / singly.rate });
    }

    async function round(names, events, before) {
      await deliveries.backlog(conversionId, events, names);
      await edge.rows("UPDATE conversions SET event_ms = event_ms + rowid WHERE conversion_id <> ?", conversionId);
      if (before) await edge.rows(before);
      await edge.fail({ forget: true });
      for (const name of names) {
        platforms[name].reset();
        platforms[name].misbehave({ kind: "slow", ms: ANSWER_MS, times: Infinity });
      }
      const [started, cpu] = [performance.now(), cpuUsOf(edge.pid)];
      await deliveries.ring();
      await until(() => names.every((name) => platforms[name].received === events), "all are sent", 300_000);
      const [seconds, used] = [(performance.now() - started) / 1_000, cpuUsOf(edge.pid) - cpu];
      await deliveries.settled();
      const { rowsWritten } = await edge.queue();
      const all = events * names.length;
      return { events, rate: all / seconds, cpu_us: used / all, d1_rows: rowsWritten / all };
    }
  } finally {
    await deliveries.close();
  }
  return rows;
}
