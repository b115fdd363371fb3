/**
 * Slabs of given values and a converter's context, for tests of formats.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import type { Clock, ConverterContext, DataError, Log, RawRecords, RejectRecord } from "../mod.ts";
import type { RegisteredConfig } from "./registered_options.ts";

/** A slab whose record i has value i; what lies between the values belongs to nobody. */
export function slabOf(values: readonly (string | Uint8Array | null)[]): RawRecords {
  const encoder = new TextEncoder();
  const parts = values.map((value) => typeof value === "string" ? encoder.encode(value) : value);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0) + 1, 0)).fill(0x31);
  const valueStarts = new Int32Array(values.length).fill(-1), valueEnds = new Int32Array(values.length).fill(-1);
  let at = 0;
  parts.forEach((part, i) => {
    if (part === null) return;
    bytes.set(part, at);
    valueStarts[i] = at;
    valueEnds[i] = at += part.length;
    at++;
  });
  const none = new Int32Array(values.length).fill(-1);
  return {
    topic: "orders",
    topicId: "AAAAAAAAAAAAAAAAAAAAAA",
    partition: 0,
    bytes,
    count: values.length,
    from: 0n,
    to: BigInt(values.length),
    baseOffset: 0n,
    offsetDeltas: Int32Array.from(values, (_, i) => i),
    timestampsMs: new Float64Array(values.length),
    keyStarts: none,
    keyEnds: none,
    valueStarts,
    valueEnds,
    headerStarts: none,
  };
}

/** The records of a slab that have a value. */
export function allOf(records: RawRecords): Int32Array {
  return Int32Array.from(records.valueStarts.keys()).filter((i) => records.valueStarts[i] >= 0);
}

/** Rejects by index; a second one of the same record throws. */
export function collectRejects(): { rejects: Map<number, DataError>; reject: RejectRecord } {
  const rejects = new Map<number, DataError>();
  const reject = (index: number, error: DataError) => {
    if (rejects.has(index)) throw new Error(`record ${index} is rejected twice`);
    rejects.set(index, error);
  };
  return { rejects, reject };
}

/** The options of registered formats at their defaults, but without retries; `url`: of the registry, or null. */
export function registeredConfig(url: string | null): RegisteredConfig {
  return {
    "schema.registry.url": url === null ? [] : [url],
    "schema.registry.basic.auth.credentials.source": "AUTO",
    "schema.registry.basic.auth.user.info": null,
    "schema.registry.bearer.auth.token": null,
    "schema.registry.http.read.timeout.ms": 10_000,
    "schema.registry.max.retries": 0,
    "schema.registry.retries.wait.ms": 0,
    "schema.registry.retries.max.wait.ms": 0,
    "schema.registry.missing.id.cache.ttl.ms": 0,
    "key.subject.name.strategy": "TopicNameStrategy",
    "value.subject.name.strategy": "TopicNameStrategy",
    "rules.enabled": true,
    "rules.unknown": "fail",
    "use.latest.version": false,
    "use.latest.with.metadata": [],
    "latest.cache.ttl.sec": -1,
  };
}

/** Shows nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

/** Time stands still: waits are over at once, and deadlines (sleeps that can be called off) never come. */
const STILL: Clock = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (_ms, signal) =>
    signal ? new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))) : Promise.resolve(),
};

/** A context for values of one topic; the target's schema is what `target` returns. */
export function contextOf(
  target: () => Schema | null = () => null,
  jsonPaths: Iterable<string> = [],
): ConverterContext {
  return {
    topic: "orders",
    side: "value",
    clock: STILL,
    log: silentLog,
    retry: (_what, attempt) => attempt(),
    fetch,
    random: () => 0.5,
    jsonPaths: new Set(jsonPaths),
    targetSchema: () => Promise.resolve(target()),
    pinSchema: (proposal) => Promise.resolve(proposal),
  };
}
