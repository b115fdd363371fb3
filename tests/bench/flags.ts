/**
 * The benchmark's flags, read and checked.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { option } from "../../mod.ts";
import { parseValue } from "../../runtime/config/parse_value.ts";
import { type Compression, COMPRESSIONS } from "./batches.ts";
import { type Format, FORMATS } from "./formats.ts";
import { shapeOf } from "./schemas.ts";
import { STORAGE_KINDS, type StorageKind } from "./stores.ts";

/** All of them; those that take several values have them separated by commas. */
export interface BenchFlags {
  readonly formats: readonly Format[];
  readonly schemas: readonly string[];
  /** Null: as many as the schema says. */
  readonly records: readonly number[] | null;
  readonly compressions: readonly Compression[];
  readonly tasks: readonly number[];
  readonly storages: readonly StorageKind[];
  readonly s3DelayMs: number;
  /** As the program takes them. */
  readonly commitIntervals: readonly string[];
  readonly partitions: number;
  readonly runs: number;
  readonly peer: string | null;
  readonly profile: boolean;
  readonly bootstrap: string | null;
  readonly registry: string | null;
  /** A topic that is filled already. */
  readonly topic: string | null;
  /** The name of the topic to fill where it is not, and to keep. */
  readonly keepTopic: string | null;
  readonly set: readonly string[];
  /** Of the broker that is started, MiB. */
  readonly brokerHeapMiB: number | null;
  readonly cost: boolean;
  /** How long each check of the comparison of costs runs; 0: none. */
  readonly costSeconds: number;
  readonly prices: Prices;
  /** Many tables: see many_tables.ts. */
  readonly topics: number | null;
  readonly rate: number;
  readonly backlog: number;
  readonly keep: boolean;
}

/** What is paid, in any currency. */
export interface Prices {
  readonly put1000: number;
  readonly get1000: number;
  readonly vcpuHour: number;
  readonly gbHour: number;
}

/** Reads them; throws with what is wrong and what would be right. */
export function readFlags(args: readonly string[]): BenchFlags {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const flags: BenchFlags = {
    formats: listOf("--format", values.format, FORMATS),
    schemas: values.schema.split(","),
    records: values.records === undefined ? null : values.records.split(",").map((text) => count("--records", text)),
    compressions: listOf("--compression", values.compression, COMPRESSIONS),
    tasks: values.tasks.split(",").map((text) => count("--tasks", text)),
    storages: listOf("--storage", values.storage, STORAGE_KINDS),
    s3DelayMs: number("--s3-delay-ms", values["s3-delay-ms"]),
    commitIntervals: values["commit-interval"]?.split(",") ?? [values.topics ? "10s" : "1s"],
    partitions: count("--partitions", values.partitions),
    runs: count("--runs", values.runs),
    peer: values.peer ?? null,
    profile: values.profile,
    bootstrap: values.bootstrap ?? null,
    registry: values.registry ?? null,
    topic: values.topic ?? null,
    keepTopic: values["keep-topic"] ?? null,
    set: values.set,
    brokerHeapMiB: values["broker-heap-mib"] === undefined
      ? null
      : count("--broker-heap-mib", values["broker-heap-mib"]),
    cost: values.cost,
    costSeconds: number("--cost-seconds", values["cost-seconds"]),
    prices: {
      put1000: number("--price-put-1000", values["price-put-1000"]),
      get1000: number("--price-get-1000", values["price-get-1000"]),
      vcpuHour: number("--price-vcpu-hour", values["price-vcpu-hour"]),
      gbHour: number("--price-gb-hour", values["price-gb-hour"]),
    },
    topics: values.topics === undefined ? null : count("--topics", values.topics),
    rate: count("--rate", values.rate),
    backlog: number("--backlog", values.backlog),
    keep: values.keep,
  };
  flags.schemas.forEach(shapeOf);
  flags.commitIntervals.forEach(intervalMs);
  checkTogether(flags);
  return flags;
}

/** What the program makes of a `commit.interval.ms`. */
export function intervalMs(text: string): number {
  const parsed = parseValue(option.durationMs({ doc: "" }), text);
  if ("why" in parsed) throw new Error(`--commit-interval ${parsed.why}`);
  return parsed.value as number;
}

const OPTIONS = {
  format: { type: "string", default: "json" },
  schema: { type: "string", default: "flat8" },
  records: { type: "string" },
  compression: { type: "string", default: "none" },
  tasks: { type: "string", default: "2" },
  storage: { type: "string", default: "local" },
  "s3-delay-ms": { type: "string", default: "0" },
  "commit-interval": { type: "string" },
  partitions: { type: "string", default: "4" },
  runs: { type: "string", default: "1" },
  peer: { type: "string" },
  profile: { type: "boolean", default: false },
  bootstrap: { type: "string" },
  registry: { type: "string" },
  topic: { type: "string" },
  "keep-topic": { type: "string" },
  set: { type: "string", multiple: true, default: [] as string[] },
  "broker-heap-mib": { type: "string" },
  cost: { type: "boolean", default: false },
  "cost-seconds": { type: "string", default: "60" },
  // Examples: an object store's, a small machine's and its memory's at a large cloud, in dollars.
  "price-put-1000": { type: "string", default: "0.005" },
  "price-get-1000": { type: "string", default: "0.0004" },
  "price-vcpu-hour": { type: "string", default: "0.04" },
  "price-gb-hour": { type: "string", default: "0.004" },
  topics: { type: "string" },
  rate: { type: "string", default: "40000" },
  backlog: { type: "string", default: "0" },
  keep: { type: "boolean", default: false },
} as const;

function checkTogether(flags: BenchFlags): void {
  const { topic, keepTopic, bootstrap, registry, formats, schemas, compressions, records, storages, s3DelayMs } = flags;
  const several = [formats, schemas, compressions, records ?? [1]].some(({ length }) => length > 1);
  const name = topic ?? keepTopic;
  if (name !== null) {
    if (topic !== null && keepTopic !== null) throw new Error("--topic and --keep-topic: give one of them");
    if (bootstrap === null) throw new Error(`A topic ${name} needs the broker that keeps it: give --bootstrap`);
    if (several) throw new Error(`Topic ${name} holds one kind of records: give one --format, --schema, --records`);
    if (topic !== null && records === null) throw new Error(`--topic ${topic}: say with --records how many it holds`);
    const isRegistered = formats[0] !== "json";
    if (isRegistered && registry === null) throw new Error(`${formats[0]} in ${name} needs its registry: --registry`);
  }
  if (s3DelayMs > 0 && !storages.includes("s3")) throw new Error("--s3-delay-ms has no effect without --storage s3");
}

function listOf<T extends string>(flag: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((name) => {
    const found = known.find((each) => each === name);
    if (found === undefined) throw new Error(`${flag} ${name}: choose from ${known.join(", ")}`);
    return found;
  });
}

function number(flag: string, text: string): number {
  const value = Number(text);
  if (text === "" || !(value >= 0)) throw new Error(`${flag} ${text}: must be a number, 0 or more`);
  return value;
}

function count(flag: string, text: string): number {
  const value = number(flag, text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${flag} ${text}: must be a whole number, 1 or more`);
  return value;
}
