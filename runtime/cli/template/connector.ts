/**
 * A new connector: it posts records to an HTTP endpoint, an example that does something real in under 100 lines.
 *
 * @module
 */

const MOD =
  `/** Posts records to an HTTP endpoint, as lines of JSON. At least once: after a crash the last records come again. */
import { FatalError, jsonText, type Offsets, OpenPartitions, option, RetriableError, type Share } from "@sluice/sluice";
import type { SinkBatch, SinkConnector, SinkTask, SinkTaskContext, TopicPartition, Values } from "@sluice/sluice";

// One source for parsing, checks and documentation. Keys are dotted lower case, with the unit.
const options = {
  "http.url": option.string({ doc: "Where records are posted to, e.g. http://127.0.0.1:9099/.", importance: "high" }),
  "http.timeout.ms": option.durationMs({ doc: "How long a request may take.", default: 30_000, min: 1 }),
} as const;

class HttpTask implements SinkTask<null> {
  // What was put of each partition since the last round, and the lines of it that are still to be sent.
  readonly #open = new OpenPartitions(() => ({ lines: "" }));

  constructor(readonly values: Values<typeof options>, readonly context: SinkTaskContext) {}

  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void> {
    return Promise.resolve(this.#open.open(partitions, at));
  }

  async put(batch: SinkBatch): Promise<void> {
    const held = this.#open.put(batch);
    const { topic, partition } = batch;
    for (let row = 0; row < batch.numRows; row++) {
      const value = batch.isTombstone(row) ? "null" : jsonText.ofColumn(batch.data.data, row);
      held.lines += \`{"topic":"\${topic}","partition":\${partition},"offset":\${batch.offset(row)},"value":\${value}}\\n\`;
    }
    // What is sent early is only repeated earlier. A character is at most two bytes in memory.
    if (held.lines.length * 2 * this.#open.size > this.context.memoryBytes) await this.#send(held);
  }

  // Phase one: all that was put is durable when this returns. The shares say which offsets it covers.
  async preCommit(): Promise<readonly Share<null>[]> {
    for (const held of this.#open.held()) await this.#send(held);
    return this.#open.shares(this.values["http.url"], this.context.uuid);
  }

  close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    return Promise.resolve(this.#open.close(partitions));
  }

  async stop(): Promise<void> {}

  async #send(held: { lines: string }): Promise<void> {
    if (held.lines !== "") await this.context.retry("post", () => post(this.values, held.lines));
    held.lines = "";
  }
}

/** Posts lines. A failure says what is to be done about it: try again (RetriableError) or stop (FatalError). */
async function post({ "http.url": url, "http.timeout.ms": ms }: Values<typeof options>, body: string): Promise<void> {
  const answer = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(ms) }).catch((cause) => {
    throw new RetriableError(\`Cannot reach \${url}: \${cause.message}\`, { cause });
  });
  await answer.body?.cancel(); // what it says besides is of no interest
  if (answer.ok) return;
  const Verdict = answer.status >= 500 || answer.status === 429 ? RetriableError : FatalError;
  throw new Verdict(\`Cannot post to \${url}: it answered \${answer.status}\`);
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

const MOD_TEST = `import { configOf, connectorConformance } from "@sluice/sluice/conformance";
import { IDENT } from "./mod.ts";

// What every connector must do. The target is a server of our own; \`read\` says which ids it was given.
connectorConformance("NAME", () => {
  const lines: { topic: string; value: { id: string } }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const text = await request.text();
    lines.push(...text.split("\\n").slice(0, -1).map((line) => JSON.parse(line)));
    return new Response();
  });
  return Promise.resolve({
    connector: IDENT,
    config: configOf(IDENT.options, { "http.url": \`http://127.0.0.1:\${server.addr.port}/\` }),
    read: (topic) => Promise.resolve(lines.filter((line) => line.topic === topic).map(({ value }) => BigInt(value.id))),
    cleanUp: () => server.shutdown(),
  });
}, { exactlyOnce: false });
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

1. \`deno test -A\` - the conformance suite. Change \`mod.ts\`, and keep it green.
2. \`deno run -A receiver.ts\` - a target to try it with, in a terminal of its own.
3. \`SLUICE services up\` - a Kafka on this machine; put the address that it prints into \`sluice.yaml\`.
4. \`deno run -A send.ts '{"id":1}' '{"id":2}'\` - records for it.
5. \`SLUICE validate --config sluice.yaml\` - the options, and whether Kafka and the target are there.
6. \`SLUICE start --config sluice.yaml --until-caught-up\` - runs it to the topic's end.
7. \`SLUICE plugins docs ./mod.ts\` - its options, as others see them.
8. \`SLUICE services down\` - ends Kafka and what else was started.

| file          | what                          |
| ------------- | ----------------------------- |
| \`mod.ts\`      | the connector and its task    |
| \`mod_test.ts\` | the conformance suite         |
| \`receiver.ts\` | a target to try it with       |
| \`send.ts\`     | sends records to its topic    |
| \`sluice.yaml\` | a configuration that runs it  |
| \`deno.json\`   | where Sluice is; the commands |
`;

/** The files. */
export const CONNECTOR = {
  "mod.ts": MOD,
  "mod_test.ts": MOD_TEST,
  "receiver.ts": RECEIVER,
  "sluice.yaml": CONFIG,
  "README.md": README,
};
