/**
 * The quickstart: a real Kafka and Schema Registry, three topics with good and bad records, one drain into Delta tables,
 * and a look at what came of it.
 *
 * @module
 */
import { FatalError } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { readConfig } from "../../config/read_config.ts";
import { createAdmin } from "../../kafka/admin.ts";
import { createProducer } from "../../kafka/producer.ts";
import { kafkaSettings } from "../../kafka/settings.ts";
import { createLog } from "../../log.ts";
import { createRetry } from "../../retry.ts";
import type { CliContext } from "../command_line.ts";
import { exists } from "../exists.ts";
import { type Services, servicesDown, servicesUp } from "../services/services.ts";
import { runWorker, type StartFlags } from "../start.ts";
import { INSTANCE, LAKE, quickstartConfig, TOPICS } from "./config.ts";
import { PAYMENT_PROTO, paymentRecords } from "./payments.ts";
import { clickRecords, ORDER_SCHEMA, orderRecords } from "./records.ts";
import { printResult } from "./report.ts";

const MARKER = `${LAKE}/.quickstart`;
const PARTITIONS = 2;
const CREATE_TIMEOUT_MS = 30_000;

/** Returns the exit code. */
export async function quickstart(flags: StartFlags, context: CliContext): Promise<number> {
  const say = (line: string) => console.error(line);
  if (flags.connector !== "delta-sink") {
    throw new FatalError(
      `Cannot run the quickstart with connector "${flags.connector}": it shows delta-sink. Give a configuration by --config`,
    );
  }
  say("No --config and no ./sluice.yaml: this is the quickstart, with a Kafka and a Schema Registry of its own.");
  await makeRoom(flags);
  const objectStore = wantsObjectStore(flags) ? "required" : "none";
  const services = await servicesUp({ clock: systemClock, log: say, instance: INSTANCE, objectStore });
  try {
    say("Producing orders (Avro), clicks (JSON) and payments (Protobuf), some of them broken on purpose ...");
    await produce(services);
    const text = quickstartConfig(services);
    const config = await readConfig({
      path: "quickstart.yaml",
      sets: flags.set,
      connector: flags.connector,
      name: flags.name,
      environment: Deno.env.toObject(),
      readTextFile: () => Promise.resolve(text),
    }, context.plugins);
    const tables = await context.tables();
    const { values } = config.instances[0].connectorConfig;
    say(`Ingesting into ${(values as Record<string, unknown>)["table.uri"]} ...`);
    const log = createLog({ level: config.worker["log.level"], format: config.worker["log.format"] });
    const result = await runWorker({ config, context, log, untilCaughtUp: true, profile: flags.profile });
    if (result.error) throw result.error;
    const storage = tables.storageOf(values);
    await printResult(result.connectors, { services, flags, config: text, tables, storage });
    return 0;
  } finally {
    if (!flags.keep) await servicesDown({ clock: systemClock, instance: INSTANCE });
  }
}

/** Tables on S3 get an object store of the quickstart's own, unless another one was named. */
function wantsObjectStore({ set }: StartFlags): boolean {
  const isNamed = set.some((one) => /(^|\.)s3\.endpoint=/.test(one)) || Deno.env.has("AWS_ENDPOINT_URL");
  return !isNamed && set.some((one) => /(^|\.)table\.uri=s3a?:/.test(one));
}

/** The services are new, so the tables of an earlier quickstart go; a lake of somebody else's stays. */
async function makeRoom(flags: StartFlags): Promise<void> {
  await servicesDown({ clock: systemClock, instance: INSTANCE });
  if (flags.set.some((set) => set.includes("table.uri="))) return;
  const isThere = await exists(LAKE);
  if (isThere && !await exists(MARKER)) {
    throw new FatalError(
      `Cannot run the quickstart: ${LAKE} exists and is not from an earlier quickstart. Run it in another folder, or ` +
        "give a configuration of your own by --config",
    );
  }
  if (isThere) await Deno.remove(LAKE, { recursive: true });
  await Deno.mkdir(LAKE, { recursive: true });
  await Deno.writeTextFile(MARKER, "The next quickstart replaces this folder.\n");
}

async function produce({ bootstrap, registryUrl }: Services): Promise<void> {
  const settings = await kafkaSettings({ "bootstrap.servers": bootstrap });
  const log = createLog({ level: "warn", format: "text" });
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const producer = createProducer(settings.producer);
  const retry = createRetry({
    clock: systemClock,
    random: Math.random,
    log,
    delayMsMax: 1000,
    timeoutMs: CREATE_TIMEOUT_MS,
  });
  try {
    const orderId = await register(registryUrl, "orders-value", { schema: JSON.stringify(ORDER_SCHEMA) });
    const paymentId = await register(registryUrl, "payments-value", { schema: PAYMENT_PROTO, schemaType: "PROTOBUF" });
    // A broker that has just started may not know its own topics for a moment.
    for (const topic of TOPICS) {
      await retry(`create topic "${topic}"`, () => admin.ensureTopic(topic, PARTITIONS, 1));
    }
    const nowMs = systemClock.now();
    for (const records of [orderRecords(orderId, nowMs), clickRecords(nowMs), paymentRecords(paymentId, nowMs)]) {
      for (let at = 0; at < records.length; at += 5000) await producer.send(records.slice(at, at + 5000));
    }
  } finally {
    await producer.close();
    await admin.close();
  }
}

async function register(registryUrl: string, subject: string, schema: Record<string, string>): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify(schema),
  });
  const answer = await response.text();
  if (!response.ok) {
    throw new FatalError(`Cannot register ${subject}: the registry answered ${response.status} ${answer}`);
  }
  return JSON.parse(answer).id;
}
