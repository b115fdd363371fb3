/**
 * One warning of kafkajs, silenced.
 *
 * @module
 */
import process from "node:process";

let silenced = false;

/**
 * kafkajs 2.2.4 computes how long its queue of requests may sleep as "throttled until" minus now, which is below 0
 * whenever nothing is throttled, and hands that to setTimeout. It means no harm and happens all the time; Node prints a
 * `TimeoutNegativeWarning` for it. That warning, where kafkajs caused it, is dropped; every other goes its way.
 */
export function silenceNegativeTimeouts(): void {
  if (silenced) return;
  silenced = true;
  const listeners = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning: Error) => {
    if (isNegativeTimeout(warning)) return;
    for (const listener of listeners) listener(warning);
  });
}

/** Whether kafkajs gave a timer a negative time. */
export function isNegativeTimeout({ name, stack = "" }: Pick<Error, "name" | "stack">): boolean {
  return name === "TimeoutNegativeWarning" && stack.includes("/kafkajs/");
}
