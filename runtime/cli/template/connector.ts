/**
 * A new connector: it posts records to an HTTP endpoint, an example that does something real in under 100 lines.
 *
 * @module
 */

const MOD = `/**
 * NAME: posts records to an HTTP endpoint, as lines of JSON. At least once: after a crash the last records come again.
 *
 * @module
 */
import { FatalError, jsonText, offsetOf, type Offsets, option, partitionKey, RetriableError } from "@sluice/sluice";
import type { Share, SinkBatch, SinkConnector, SinkTask, SinkTaskContext } from "@sluice/sluice";
import type { TopicPartition, Values } from "@sluice/sluice";

// One source for parsing, checks and documentation. Keys are dotted lower case, with the unit.
const options = {
  "http.url": option.string({ doc: "Where records are posted to, e.g. http://127.0.0.1:9099/.", importance: "high" }),
  "http.timeout.ms": option.durationMs({ doc: "How long a request may take.", default: 30_000, min: 1 }),
} as const;

/** A partition, and what was put of it since the last round: the range \`[from, to)\`, lines that are to be sent. */
type Open = TopicPartition & { absent: boolean; from: bigint | null; to: bigint | null; rows: number; lines: string };

class HttpTask implements SinkTask<null> {
  readonly #open = new Map<string, Open>();

  constructor(readonly values: Values<typeof options>, readonly context: SinkTaskContext) {}

  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void> {
    for (const each of partitions) {
      const to = offsetOf(at, each);
      this.#open.set(partitionKey(each), { ...each, absent: to === null, from: null, to, rows: 0, lines: "" });
    }
    return Promise.resolve();
  }

  // Batches of a partition chain: each begins where the one before ended. One without rows moves the offset alone.
  async put(batch: SinkBatch): Promise<void> {
    const open = this.#open.get(partitionKey(batch));
    if (!open || (open.to !== null && open.to !== batch.from)) {
      throw new FatalError(\`Cannot put offset \${batch.from} of \${batch.topic}-\${batch.partition}: wanted \${open?.to}\`);
    }
    const { topic, partition } = batch;
    for (let row = 0; row < batch.numRows; row++) {
      const value = batch.isTombstone(row) ? "null" : jsonText.ofColumn(batch.data.data, row);
      open.lines += \`{"topic":"\${topic}","partition":\${partition},"offset":\${batch.offset(row)},"value":\${value}}\\n\`;
    }
    open.from ??= batch.from;
    open.to = batch.to;
    open.rows += batch.numRows;
    // What is sent early is only repeated earlier. A character is at most two bytes in memory.
    if (open.lines.length * 2 * this.#open.size > this.context.memoryBytes) await this.#send(open);
  }

  // Phase one: all that was put is durable when this returns. A share says which offsets it covers.
  async preCommit(): Promise<readonly Share<null>[]> {
    const shares: Share<null>[] = [];
    for (const open of this.#open.values()) {
      const { topic, topicId, partition, absent, from, to, rows } = open;
      if (from === null || to === null) continue;
      await this.#send(open);
      const ranges = [{ topic, topicId, partition, from, to, fromAbsent: absent }];
      const stats = { rows, files: 0, bytes: 0, timestampMsMax: null };
      shares.push({ id: this.context.uuid(), table: this.values["http.url"], ranges, staged: null, stats });
      Object.assign(open, { absent: false, from: null, rows: 0 });
    }
    return shares;
  }

  // No request is shared by partitions, so none of the others is read again.
  close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    for (const partition of partitions) this.#open.delete(partitionKey(partition));
    return Promise.resolve([]);
  }

  async stop(): Promise<void> {}

  async #send(open: Open): Promise<void> {
    if (open.lines !== "") await this.context.retry("post", () => post(this.values, open.lines));
    open.lines = "";
  }
}

/** Posts lines. Each failure says what is to be done about it: try again (RetriableError) or stop (FatalError). */
async function post({ "http.url": url, "http.timeout.ms": ms }: Values<typeof options>, body: string): Promise<void> {
  const { ok, status, body: answer } = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(ms) })
    .catch((cause) => {
      throw new RetriableError(\`Cannot reach \${url}: \${cause.message}\`, { cause });
    });
  await answer?.cancel(); // what it says besides is of no interest
  if (ok) return;
  const Verdict = status >= 500 || status === 429 ? RetriableError : FatalError;
  throw new Verdict(\`Cannot post to \${url}: it answered \${status}\`);
}

/** The connector: what a configuration names by \`connector: ./mod.ts\`. */
export const IDENT: SinkConnector<typeof options, null> = {
  name: "NAME",
  doc: "Posts records to an HTTP endpoint, as lines of JSON.",
  version: "0.1.0",
  options,
  check: ({ values }) => post(values, ""), // reach the target once, before the start
  createTask: ({ values }, context) => Promise.resolve(new HttpTask(values, context)),
};
`;

const MOD_TEST = `import { assertEquals } from "@std/assert";
import { connectorConformance } from "@sluice/sluice/conformance";
import { IDENT } from "./mod.ts";

// What every connector must do. The target is a server of our own; \`read\` says which ids it was given.
connectorConformance("NAME", () => {
  const lines: { topic: string; value: { id: string | number } }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const text = await request.text();
    lines.push(...text.split("\\n").slice(0, -1).map((line) => JSON.parse(line)));
    return new Response();
  });
  const values = { "http.url": \`http://127.0.0.1:\${server.addr.port}/\`, "http.timeout.ms": 30_000 };
  return Promise.resolve({
    connector: IDENT,
    config: { values, forTopic: () => values },
    read: (topic) => Promise.resolve(lines.filter((line) => line.topic === topic).map(({ value }) => BigInt(value.id))),
    cleanUp: () => server.shutdown(),
  });
}, { exactlyOnce: false });

Deno.test("IDENT declares the options that its README shows", () => {
  assertEquals(Object.keys(IDENT.options), ["http.url", "http.timeout.ms"]);
});
`;

const RECEIVER = `/** A target to try it with: prints what is posted, on port 9099 or \`PORT\`. */
Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT") ?? 9099) }, async (request) => {
  const text = await request.text();
  if (text !== "") console.log(text.trimEnd());
  return new Response();
});
`;

const CONFIG = `# The address that "services up" prints.
bootstrap.servers: 127.0.0.1:9092
connectors:
  NAME:
    # A path is relative to this file.
    connector: ./mod.ts
    topics: [orders]
    value.converter: json
    http.url: http://127.0.0.1:9099/
`;

const README = `# NAME

Posts records to an HTTP endpoint, as lines of JSON: \`{"topic":"orders","partition":0,"offset":12,"value":{...}}\`. At
least once: Kafka's group offsets are the progress, and they move after the endpoint has answered.

| option            | type     | default  |                              |
| ----------------- | -------- | -------- | ---------------------------- |
| \`http.url\`        | string   | required | Where records are posted to. |
| \`http.timeout.ms\` | duration | 30s      | How long a request may take. |

1. \`deno test -A\` - the tests, the conformance suite among them. Change \`mod.ts\`, and keep them green.
2. \`deno run -A receiver.ts\` - a target to try it with, in a terminal of its own.
3. \`SLUICE services up\` - a Kafka on this machine; put the address that it prints into \`sluice.yaml\`.
4. \`SLUICE validate --config sluice.yaml\` - the options, and whether Kafka and the target are there.
5. \`SLUICE start --config sluice.yaml\` - runs it; with \`--until-caught-up\` once, to the topics' ends.
6. \`SLUICE plugins docs NAME --config sluice.yaml\` - its options, as others see them.

| file          | what                                   |
| ------------- | -------------------------------------- |
| \`mod.ts\`      | the connector and its task             |
| \`mod_test.ts\` | the conformance suite, and tests of it |
| \`receiver.ts\` | a target to try it with                |
| \`sluice.yaml\` | a configuration that runs it           |
`;

/** The files. */
export const CONNECTOR = {
  "mod.ts": MOD,
  "mod_test.ts": MOD_TEST,
  "receiver.ts": RECEIVER,
  "sluice.yaml": CONFIG,
  "README.md": README,
};
