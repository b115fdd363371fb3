/**
 * The metrics of the process. prom-client's default metrics read what Deno does not have; these two are what a sink is judged
 * by.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import type { Page } from "./page.ts";

/** Declares them. */
export function processPage(page: Page): void {
  page.gauge("process_resident_memory_bytes", "Memory of the process.", [], (show) => {
    show({}, Deno.memoryUsage().rss);
  });
  page.counter("process_cpu_seconds_total", "CPU time of the process, user and system.", [], (show) => {
    const { user, system } = cpuUsage();
    show({}, (user + system) / 1e6);
  });
}
