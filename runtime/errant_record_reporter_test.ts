import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError, FatalError, type Log, type LogFields, RetriableError, type Retry } from "./api/mod.ts";
import { createErrantRecordReporter, type ReporterOptions } from "./errant_record_reporter.ts";
import type { ProducerRecord, RecordProducer } from "./kafka/types.ts";
import { slabOf } from "../tests/conformance/slab.ts";

const TEXT = new TextDecoder();

/** A broker that keeps what it acknowledges, and may be away for some requests. */
class MemoryProducer implements RecordProducer {
  readonly letters: ProducerRecord[] = [];
  closed = false;
  gate: Promise<void> = Promise.resolve();
  constructor(private readonly failures: Error[] = []) {}
  async send(records: readonly ProducerRecord[]): Promise<void> {
    await this.gate;
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.letters.push(...records);
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** Twice, then fatal, without waiting. */
const retry: Retry = async (what, attempt) => {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof RetriableError)) throw error;
    return await attempt().catch((cause) => {
      throw new FatalError(`Gave up: ${what}`, { cause });
    });
  }
};

function memoryLog(lines: [string, LogFields | undefined][] = []): Log {
  const write = (message: string, fields?: LogFields) => void lines.push([message, fields]);
  const log: Log = { debug: write, info: write, warn: write, error: write, with: () => log };
  return log;
}

function reporterOf(overrides: Partial<ReporterOptions> = {}) {
  const producer = overrides.producer === undefined ? new MemoryProducer() : overrides.producer as MemoryProducer;
  const reporter = createErrantRecordReporter({
    producer,
    deadLetterTopic: producer ? "dlq" : null,
    tolerance: "all",
    skipAcknowledged: false,
    connector: "c1",
    task: 2,
    clock: { now: () => 99 },
    log: memoryLog(),
    retry,
    budget: { ratio: 0.5, windowRecords: 100 },
    headerBytesMax: 1000,
    recordBytesMax: 1 << 20,
    logEnabled: false,
    includeMessages: false,
    ...overrides,
  });
  return { reporter, producer };
}

const bad = (message = "Cannot read price") =>
  new DataError(message, { reason: "not a number", fieldPath: "price", bytePosition: 7, schemaId: 42, subject: "s" });

function headersOf(letter: ProducerRecord): Record<string, string> {
  return Object.fromEntries(letter.headers.map(({ key, value }) => [key, TEXT.decode(value ?? new Uint8Array())]));
}

const SLAB = slabOf([
  { key: "k0", value: "v0", headers: [{ key: "trace", value: Uint8Array.of(1) }], timestampMs: 77 },
  { key: null, value: null },
  { key: "k2", value: "v2" },
], { topic: "orders", topicId: "kzM0NXJ4RUOhWcM4vjGkMQ", partition: 3, from: 120n });

Deno.test("report() sends the original bytes, headers and timestamp with Connect's ten headers and ours", async () => {
  const { reporter, producer } = reporterOf();
  reporter.report("VALUE_CONVERTER", SLAB, 0, bad());
  await reporter.flush();
  const [letter] = producer.letters;
  assertEquals([TEXT.decode(letter.key!), TEXT.decode(letter.value!)], ["k0", "v0"]);
  assertEquals([letter.topic, letter.timestampMs], ["dlq", 77]);
  assertEquals(letter.headers[0], { key: "trace", value: Uint8Array.of(1) });
  const { trace: _, "__connect.errors.exception.stacktrace": stack, ...headers } = headersOf(letter);
  assertStringIncludes(stack, "DataError: Cannot read price");
  assertEquals(headers, {
    "__connect.errors.topic": "orders",
    "__connect.errors.partition": "3",
    "__connect.errors.offset": "120",
    "__connect.errors.connector.name": "c1",
    "__connect.errors.task.id": "2",
    "__connect.errors.stage": "VALUE_CONVERTER",
    "__connect.errors.class.name": "decode",
    "__connect.errors.exception.class.name": "DataError",
    "__connect.errors.exception.message": "Cannot read price",
    "__sluice.errors.reason": "not a number",
    "__sluice.errors.schema.id": "42",
    "__sluice.errors.subject": "s",
    "__sluice.errors.field.path": "price",
    "__sluice.errors.byte.position": "7",
    "__sluice.errors.topic.id": SLAB.topicId,
    "__sluice.errors.timestamp": "99",
    "__sluice.errors.attempts": "1",
  });
});

Deno.test("report() names no topic id where the broker has none", async () => {
  const { reporter, producer } = reporterOf();
  reporter.report("VALUE_CONVERTER", { ...SLAB, topicId: "A".repeat(22) }, 0, bad());
  await reporter.flush();
  assertEquals(headersOf(producer.letters[0])["__sluice.errors.topic.id"], undefined);
});

Deno.test("report() copies: a slab that is overwritten afterwards does not change the letter", async () => {
  const { reporter, producer } = reporterOf();
  const slab = slabOf([{ key: "key", value: "value", headers: [{ key: "h", value: Uint8Array.of(9) }] }]);
  reporter.report("TASK_PUT", slab, 0, bad());
  slab.bytes.fill(0);
  await reporter.flush();
  const [letter] = producer.letters;
  assertEquals([TEXT.decode(letter.key!), TEXT.decode(letter.value!)], ["key", "value"]);
  assertEquals(letter.headers[0], { key: "h", value: Uint8Array.of(9) });
});

Deno.test("report() keeps a null key and a null value null", async () => {
  const { reporter, producer } = reporterOf();
  reporter.report("VALUE_CONVERTER", SLAB, 1, bad());
  await reporter.flush();
  assertEquals([producer.letters[0].key, producer.letters[0].value], [null, null]);
});

Deno.test("report() sends a record once, until its range is committed", async () => {
  const rejects: string[] = [];
  const { reporter, producer } = reporterOf({ onReject: (stage, reason) => rejects.push(`${stage} ${reason}`) });
  reporter.report("VALIDATION", SLAB, 0, bad());
  reporter.report("TASK_PUT", SLAB, 0, bad());
  await reporter.flush();
  reporter.report("TASK_PUT", SLAB, 0, bad());
  await reporter.flush();
  assertEquals(producer.letters.length, 1);
  assertEquals(rejects, ["VALIDATION not a number"]);
  reporter.report("TASK_PUT", SLAB, 2, bad());
  const { topic, topicId, partition } = SLAB;
  reporter.forget([{ topic, topicId, partition, from: 120n, to: 121n, fromAbsent: false }]);
  reporter.report("TASK_PUT", SLAB, 0, bad());
  reporter.report("TASK_PUT", SLAB, 2, bad());
  await reporter.flush();
  assertEquals(producer.letters.map((letter) => headersOf(letter)["__connect.errors.offset"]), ["120", "122", "120"]);
});

Deno.test("report() replaces the headers of a letter that is read again, and counts", async () => {
  const first = reporterOf();
  first.reporter.report("VALUE_CONVERTER", SLAB, 0, bad());
  await first.reporter.flush();
  const [letter] = first.producer.letters;
  const again = reporterOf();
  again.reporter.report(
    "VALIDATION",
    slabOf([letter], { topic: "dlq" }),
    0,
    new DataError("Too low", { reason: "min" }),
  );
  await again.reporter.flush();
  const { headers } = again.producer.letters[0];
  assertEquals(new Set(headers.map(({ key }) => key)).size, headers.length);
  const texts = headersOf(again.producer.letters[0]);
  assertEquals(texts["__sluice.errors.attempts"], "2");
  assertEquals(texts["__connect.errors.stage"], "VALIDATION");
  assertEquals(texts["__sluice.errors.field.path"], undefined);
  assertEquals(texts["trace"], "\x01");
});

Deno.test("report() counts the letters that Connect appended", async () => {
  const { reporter, producer } = reporterOf();
  const header = { key: "__connect.errors.topic", value: new TextEncoder().encode("x") };
  reporter.report("VALIDATION", slabOf([{ headers: [header, header] }]), 0, bad());
  await reporter.flush();
  assertEquals(headersOf(producer.letters[0])["__sluice.errors.attempts"], "3");
});

Deno.test("report() cuts long headers between characters and marks them", async () => {
  const { reporter, producer } = reporterOf({ headerBytesMax: 300 });
  reporter.report("VALIDATION", SLAB, 0, bad("ä".repeat(10_000)));
  await reporter.flush();
  for (const { key, value } of producer.letters[0].headers) assert(value!.length <= 300, key);
  const message = headersOf(producer.letters[0])["__connect.errors.exception.message"];
  assertStringIncludes(message, "ää... [cut: 20000 bytes]");
  assert(!message.includes("\ufffd"));
});

Deno.test("report() drops the stack trace of a letter that is too large, then stops by name", async () => {
  const slab = slabOf([{ value: new Uint8Array(5000) }, { value: new Uint8Array(9000) }], {
    topic: "big",
    partition: 1,
  });
  const { reporter, producer } = reporterOf({ recordBytesMax: 7000, headerBytesMax: 5000 });
  const error = bad();
  error.stack = "x".repeat(4000);
  reporter.report("VALUE_CONVERTER", slab, 0, error);
  await reporter.flush();
  assertStringIncludes(headersOf(producer.letters[0])["__connect.errors.exception.stacktrace"], "dropped");
  const { message } = assertThrows(() => reporter.report("VALUE_CONVERTER", slab, 1, error), FatalError, "big-1@1");
  assertStringIncludes(message, "value 9000");
  assertStringIncludes(message, "at most 7000");
});

Deno.test("report() stops the task where errors are not tolerated, and says what to do", () => {
  let intolerable = 0;
  const { reporter } = reporterOf({ producer: null, tolerance: "none", onIntolerable: () => intolerable++ });
  const { message, cause } = assertThrows(() => reporter.report("VALUE_CONVERTER", SLAB, 0, bad()), FatalError);
  for (const part of ["orders-3@120", "VALUE_CONVERTER", "Cannot read price", "errors.deadletterqueue.topic.name"]) {
    assertStringIncludes(message, part);
  }
  assert(cause instanceof DataError);
  assertEquals(intolerable, 1);
});

Deno.test("report() only counts where the loss was accepted", async () => {
  const rejects: string[] = [];
  const { reporter } = reporterOf({
    producer: null,
    skipAcknowledged: true,
    onReject: (_, reason) => rejects.push(reason),
  });
  reporter.report("VALUE_CONVERTER", SLAB, 0, bad());
  await reporter.flush();
  assertEquals(rejects, ["not a number"]);
});

Deno.test("createErrantRecordReporter() refuses tolerance that would lose records silently", () => {
  assertThrows(() => reporterOf({ producer: null }), FatalError, "errors.skip.acknowledged");
});

Deno.test("flush() resolves only once all letters are acknowledged", async () => {
  const producer = new MemoryProducer();
  const { promise, resolve } = Promise.withResolvers<void>();
  producer.gate = promise;
  const { reporter } = reporterOf({ producer });
  reporter.report("VALIDATION", SLAB, 0, bad());
  let flushed = false;
  const flushing = reporter.flush().then(() => flushed = true);
  await Promise.resolve();
  reporter.report("VALIDATION", SLAB, 2, bad());
  assertEquals(flushed, false);
  resolve();
  await flushing;
  assertEquals(producer.letters.length, 2);
});

Deno.test("flush() tries again what can be tried again, without repeating letters", async () => {
  const producer = new MemoryProducer([new RetriableError("away")]);
  const { reporter } = reporterOf({ producer });
  reporter.report("VALIDATION", SLAB, 0, bad());
  reporter.report("VALIDATION", SLAB, 2, bad());
  await reporter.flush();
  assertEquals(producer.letters.length, 2);
});

Deno.test("flush() throws what a letter failed with, again and again, and report() and room() do too", async () => {
  const { reporter } = reporterOf({ producer: new MemoryProducer([new FatalError("too large")]) });
  reporter.report("VALIDATION", SLAB, 0, bad());
  await assertRejects(() => reporter.flush(), FatalError, "too large");
  await assertRejects(() => reporter.flush(), FatalError, "too large");
  await assertRejects(() => reporter.room(), FatalError, "too large");
  assertThrows(() => reporter.report("VALIDATION", SLAB, 2, bad()), FatalError, "too large");
});

Deno.test("report() stops over the budget, and a window later the old rejects are forgotten", () => {
  const records = Array.from({ length: 200 }, () => ({}));
  const many = slabOf(records);
  const { reporter } = reporterOf({ budget: { ratio: 0.5, windowRecords: 100 } });
  reporter.noteRecords(many.topic, 60);
  for (let i = 0; i < 50; i++) reporter.report("VALIDATION", many, i, bad());
  const { message } = assertThrows(
    () => reporter.report("VALIDATION", many, 50, bad()),
    FatalError,
    "Cannot read price",
  );
  assertStringIncludes(message, "errors.budget.ratio");
  assertStringIncludes(message, "51 of the last 60");

  const later = reporterOf({ budget: { ratio: 0.5, windowRecords: 100 } });
  for (let i = 0; i < 20; i++) {
    later.reporter.noteRecords(many.topic, 10);
    for (let bads = 0; bads < 4; bads++) later.reporter.report("VALIDATION", many, i * 4 + bads, bad());
  }
});

Deno.test("report() judges each topic by its own records, and anew when the topic begins anew", async () => {
  const slab = (topic: string) => slabOf(Array.from({ length: 20 }, () => ({})), { topic });
  const { reporter, producer } = reporterOf({ budget: { ratio: 0.5, windowRecords: 10 } });
  for (const topic of ["bad", "good"]) reporter.noteRecords(topic, 10);
  for (let i = 0; i < 5; i++) reporter.report("VALIDATION", slab("bad"), i, bad());
  assertThrows(() => reporter.report("VALIDATION", slab("bad"), 5, bad()), FatalError, "errors.budget.ratio");
  reporter.report("VALIDATION", slab("good"), 0, bad());
  reporter.forgetTopic!("bad");
  reporter.report("VALIDATION", slab("bad"), 0, bad());
  await reporter.flush();
  assertEquals(producer.letters.length, 8, "its letter comes again, as after a restart");
});

Deno.test("report() has no budget at a ratio of 1", () => {
  const many = slabOf(Array.from({ length: 300 }, () => ({})));
  const { reporter } = reporterOf({ budget: { ratio: 1, windowRecords: 10 } });
  for (let i = 0; i < 300; i++) reporter.report("VALIDATION", many, i, bad());
});

Deno.test("report() logs where it is asked to, with values only where they are wanted", () => {
  const lines: [string, LogFields | undefined][] = [];
  reporterOf({ log: memoryLog(lines), logEnabled: true }).reporter.report("VALIDATION", SLAB, 0, bad());
  reporterOf({ log: memoryLog(lines), logEnabled: true, includeMessages: true }).reporter
    .report("VALIDATION", SLAB, 0, bad());
  reporterOf({ log: memoryLog(lines) }).reporter.report("VALIDATION", SLAB, 0, bad());
  assertEquals(lines.map(([, fields]) => [fields?.offset, fields?.error]), [[120n, undefined], [
    120n,
    "Cannot read price",
  ]]);
});

Deno.test("close() waits for the letters in flight and closes the producer", async () => {
  const { reporter, producer } = reporterOf();
  reporter.report("VALIDATION", SLAB, 0, bad());
  await reporter.close();
  assertEquals(producer.closed, true);
  assertThrows(() => reporter.report("VALIDATION", SLAB, 2, bad()), Error, "closed");
});

Deno.test("createErrantRecordReporter() tells of each request to the dead-letter topic, of those that failed too", async () => {
  const requests: boolean[] = [];
  const { reporter } = reporterOf({
    producer: new MemoryProducer([new RetriableError("away")]),
    onProduced: (ok) => requests.push(ok),
    budget: { ratio: 1, windowRecords: 100 },
  });
  reporter.noteRecords("t", 1);
  reporter.report("VALUE_CONVERTER", slabOf([{ value: "x" }]), 0, new DataError("bad", { reason: "bad" }));
  await reporter.flush();
  assertEquals(requests, [false, true]);
});
