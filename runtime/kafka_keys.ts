/**
 * From parsed options to Kafka's own keys: what `kafkaSettings` reads for one instance.
 *
 * @module
 */
import { Secret } from "./api/config_def.ts";
import type { InstanceValues } from "./config/instance_options.ts";
import type { WorkerValues } from "./config/worker_options.ts";
import type { RawKafkaSettings } from "./kafka/settings.ts";

/** The worker's connection, the instance's isolation level and its overrides. */
export function kafkaKeys(worker: WorkerValues, instance: InstanceValues): RawKafkaSettings {
  const raw: Record<string, RawKafkaSettings[string]> = {
    ...workerKafkaKeys(worker),
    "isolation.level": instance["isolation.level"],
  };
  for (const role of ["consumer", "producer", "admin"] as const) {
    for (const [key, value] of Object.entries(instance[`${role}.override`])) raw[`${role}.override.${key}`] = value;
  }
  return raw;
}

/** The worker's connection alone, for what it keeps in Kafka itself. */
export function workerKafkaKeys(worker: WorkerValues): RawKafkaSettings {
  const raw: Record<string, RawKafkaSettings[string]> = { "bootstrap.servers": worker["bootstrap.servers"].join(",") };
  for (const [key, value] of Object.entries(worker)) {
    if (!/^(client\.id$|security\.protocol$|sasl\.|ssl\.)/.test(key) || value === null) continue;
    raw[key] = value instanceof Secret ? value : String(value);
  }
  return raw;
}
