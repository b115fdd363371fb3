import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DataError, rawHeaders } from "../api/mod.ts";
import { deadLetter, type Stage } from "../dead_letter.ts";
import { letterKey } from "./letter.ts";
import { slabOfRecords } from "./letters_fixture.ts";
import { parseLetter } from "./parse_letter.ts";
import { Copies } from "./queue.ts";

const TEXT = new TextDecoder();
const OPTIONS = {
  deadLetterTopic: "dead",
  connector: "c",
  task: 3,
  headerBytesMax: 4096,
  recordBytesMax: 1 << 20,
  clock: { now: () => 5 },
};
const STAGES: readonly Stage[] = ["KEY_CONVERTER", "VALUE_CONVERTER", "HEADER_CONVERTER", "VALIDATION", "TASK_PUT"];
const text = fc.string({ maxLength: 12, unit: "grapheme" });
const details = fc.record({
  reason: fc.string({ minLength: 1, maxLength: 12 }),
  schemaId: fc.option(fc.nat(), { nil: undefined }),
  subject: fc.option(text, { nil: undefined }),
  fieldPath: fc.option(text, { nil: undefined }),
  bytePosition: fc.option(fc.nat(), { nil: undefined }),
});

Deno.test("parseLetter() gives back what deadLetter() was made of, however often it was a letter", () => {
  fc.assert(fc.property(
    fc.option(text),
    fc.option(text),
    fc.array(fc.tuple(text.map((name) => `own-${name}`), fc.option(text))),
    fc.constantFrom(...STAGES),
    details,
    fc.integer({ min: 1, max: 3 }),
    text,
    (key, value, headers, stage, given, times, message) => {
      const error = new DataError(message, given as DataError["details"]);
      let records = slabOfRecords("orders", 7, [{ offsetDelta: 5, key, value, headers, timestampDelta: 12 }]);
      for (let i = 0; i < times; i++) {
        if (i > 0) records = { ...records, topic: "orders", partition: 7 };
        const letter = deadLetter(records, 0, stage, error, OPTIONS);
        const plain = letter.headers.map(({ key, value }) =>
          [key, value && TEXT.decode(value)] as [string, string | null]
        );
        records = slabOfRecords("dead", 1, [{ offsetDelta: 5, key, value, headers: plain, timestampDelta: 12 }]);
      }
      const letter = parseLetter(records, 0);
      const decoded = (bytes: Uint8Array | null) => bytes && TEXT.decode(bytes);
      assertEquals(letter.at, { topic: "dead", partition: 1, offset: 5n, topicId: "id" });
      assertEquals(letter.origin, { topic: "orders", partition: 7, offset: 5n, topicId: "id" });
      assertEquals([decoded(letter.key), decoded(letter.value)], [key, value]);
      assertEquals(letter.headers.map(({ key, value }) => [key, decoded(value)]), headers);
      assertEquals([letter.stage, letter.message, letter.connector, letter.task], [stage, message, "c", 3]);
      assertEquals(
        [letter.reason, letter.schemaId, letter.subject, letter.fieldPath, letter.bytePosition],
        [
          given.reason,
          given.schemaId ?? null,
          given.subject ?? null,
          given.fieldPath ?? null,
          given.bytePosition ?? null,
        ],
      );
      assertEquals([letter.attempts, letter.timestampMs, letter.setAsideMs], [times, 1012, 5]);
    },
  ));
});

Deno.test("parseLetter() believes the last of the headers that Kafka Connect appended", () => {
  const connect = (offset: string, stage: string): [string, string][] => [
    ["__connect.errors.topic", "orders"],
    ["__connect.errors.partition", "2"],
    ["__connect.errors.offset", offset],
    ["__connect.errors.stage", stage],
    ["__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException"],
  ];
  const [once, again] = [connect("8", "VALUE_CONVERTER"), connect("9", "TASK_PUT")];
  const own: [string, string][] = [["own", "x"]];
  const records = slabOfRecords("dlq", 0, [
    { offsetDelta: 0, headers: [...own, ...once, ...again] },
    // Ours, and after it Connect's: what we said is about the earlier letter.
    {
      offsetDelta: 1,
      headers: [...once, ["__sluice.errors.reason", "ours"], ["__sluice.errors.attempts", "4"], ...again],
    },
  ]);
  const [twice, mixed] = [0, 1].map((i) => parseLetter(records, i));
  assertEquals([twice.origin?.offset, twice.stage, twice.attempts, twice.headers.length], [9n, "TASK_PUT", 2, 1]);
  assertEquals(twice.reason, "org.apache.kafka.connect.errors.DataException");
  assertEquals([mixed.reason, mixed.attempts, mixed.stage], [twice.reason, 5, "TASK_PUT"]);
});

Deno.test("parseLetter() takes no origin from headers that can name none: it is a key of the ledger", () => {
  const origin = (topic: string, partition: string, offset: string) => {
    const names = { topic, partition, offset };
    const headers = Object.entries(names).map(([name, value]): [string, string] => [`__connect.errors.${name}`, value]);
    return parseLetter(slabOfRecords("dlq", 0, [{ offsetDelta: 0, headers }]), 0).origin;
  };
  assertEquals(origin("orders", "1", "9223372036854775807")?.offset, 2n ** 63n - 1n);
  for (const topic of ["run:x", "a/0/1", "", "x".repeat(250), "a\nb"]) {
    assertEquals(origin(topic, "1", "2"), null, topic);
  }
  assertEquals([origin("orders", "2147483648", "2"), origin("orders", "1", "9223372036854775808")], [null, null]);
});

Deno.test("parseLetter() takes letters without headers, and headers that are nonsense", () => {
  const records = slabOfRecords("dlq", 0, [
    { offsetDelta: 0, value: "v" },
    {
      offsetDelta: 1,
      headers: [
        ["__connect.errors.topic", "t"],
        ["__connect.errors.partition", "-1"],
        ["__connect.errors.offset", "x"],
        ["__connect.errors.task.id", "many"],
        ["__connect.errors.exception.message", null],
        ["__sluice.errors.attempts", "-3"],
        ["__sluice.errors.schema.id", "1e3"],
      ],
    },
  ]);
  const bare = parseLetter(records, 0);
  assertEquals([bare.origin, bare.stage, bare.reason, bare.attempts, bare.task], [null, "", "", 1, null]);
  const odd = parseLetter(records, 1);
  assertEquals([odd.origin, odd.task, odd.message, odd.attempts, odd.schemaId], [null, null, "", 1, null]);
  assertEquals([rawHeaders(records, 1).length, odd.headers.length], [7, 0]);
});

Deno.test("parseLetter() bounds how often a record says that it was a letter, so that one more can be counted", () => {
  const attempts = (text: string, more: [string, string][] = []) =>
    parseLetter(
      slabOfRecords("dlq", 0, [{ offsetDelta: 0, headers: [["__sluice.errors.attempts", text], ...more] }]),
      0,
    ).attempts;
  const again: [string, string][] = [["__connect.errors.topic", "t"], ["__connect.errors.topic", "t"]];
  for (const text of [String(Number.MAX_SAFE_INTEGER), "9".repeat(40)]) {
    assertEquals([attempts(text), attempts(text, again)], [1_000_000, 1_000_000]);
  }
  for (const text of ["1e9", "0x10", " 7", "", "9".repeat(5000)]) assertEquals(attempts(text), 1, text.slice(0, 9));
  assertEquals(attempts("7", again), 9);
});

Deno.test("letterKey() of Kafka Connect's letters is of the record: a topic that was created again has others", () => {
  const connect = (offset: string): [string, string][] => [
    ["__connect.errors.topic", "orders"],
    ["__connect.errors.partition", "2"],
    ["__connect.errors.offset", offset],
    ["__connect.errors.connector.name", "c"],
  ];
  const records = slabOfRecords("dlq", 0, [
    { offsetDelta: 0, key: "k", value: "before", headers: connect("8") },
    { offsetDelta: 1, key: "k", value: "before", headers: [...connect("7"), ...connect("8")] },
    { offsetDelta: 2, key: "k", value: "anew", headers: connect("8") },
    { offsetDelta: 3, key: "kb", value: "efore", headers: connect("8") },
  ]);
  const [first, again, other, shifted] = [0, 1, 2, 3].map((i) => parseLetter(records, i));
  assertEquals([first.attempts, again.attempts], [1, 2]);
  assertEquals(letterKey(again), letterKey(first));
  assertEquals(new Set([first, other, shifted].map(letterKey)).size, 3);
});

Deno.test("letterKey() is another for each connector of a queue, and short whatever stands in the headers", () => {
  const ofConnector = (name: string) =>
    parseLetter(
      slabOfRecords("dlq", 0, [{
        offsetDelta: 0,
        headers: [
          ["__connect.errors.topic", "orders"],
          ["__connect.errors.partition", "0"],
          ["__connect.errors.offset", "1"],
          ["__connect.errors.connector.name", name],
          ["__sluice.errors.topic.id", "t1"],
        ],
      }]),
      0,
    );
  assertEquals(letterKey(ofConnector("x")), "orders/0/1/t1/x");
  const copies = new Copies();
  assertEquals(["x", "y", "x"].map((name) => copies.isCopy(ofConnector(name))), [false, false, true]);
  assertEquals(letterKey(ofConnector("x".repeat(100_000))).length < 300, true);
});
