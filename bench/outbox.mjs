// The outbox on its way to Meta: the built worker and its D1 in workerd as the tests run them, and Meta's stand-in, which checks each event as Meta would.

import { startDeliveries, ACCOUNTS } from "../tests/harness/deliveries.mjs";
import { until } from "../tests/harness/wait.mjs";
import { cpuUsOf } from "./workerd.mjs";

/** How many events are sent, by how many go in one request. */
const EVENTS = { 1: 300, 100: 5_000, 1000: 20_000 };

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
