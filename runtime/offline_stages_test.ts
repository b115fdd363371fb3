import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import {
  type ConverterPlugin,
  DataError,
  rawKey,
  type RawRecords,
  rawValue,
  type SinkConnector,
  types,
} from "./api/mod.ts";
import { parseRaw } from "./config/parse_raw.ts";
import { OfflineStages } from "./offline_stages.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "./transforms/mod.ts";
import { batchOf, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf } from "../tests/conformance/slab.ts";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { collectingLog } from "../tests/support/log.ts";

const SCHEMA = new Schema([types.field("n", types.utf8()), types.field("m", types.utf8(), false)]);
const TEXT = new TextDecoder();

/** Texts as two columns; one that begins with a `!` is refused as a rule of a data contract refuses it. */
const words: ConverterPlugin = {
  name: "words",
  options: {},
  create: () => ({
    decode(records, indices, reject) {
      const kept: number[] = [];
      const rows: { n: string; m: string | null }[] = [];
      for (const index of indices) {
        const text = TEXT.decode(rawValue(records, index)!);
        if (text.startsWith("?")) reject(index, new DataError("no word", { reason: "no word" }));
        else if (text.startsWith("!")) reject(index, new DataError("no", { reason: "rule r", stage: "VALIDATION" }));
        else {
          kept.push(index);
          rows.push({ n: text, m: text === "-" ? null : text });
        }
      }
      return Promise.resolve([{ data: batchOf(SCHEMA, rows), rows: Int32Array.from(kept) }]);
    },
  }),
};

const sink: SinkConnector = {
  name: "sink",
  version: "1",
  options: {},
  check: () => Promise.resolve(),
  createTask: () => Promise.reject(new Error("nothing is put here")),
};

async function stagesOf(given: Readonly<Record<string, string>>): Promise<OfflineStages> {
  const entries = Object.entries({ "connector": "sink", "topics": "orders", "value.converter": "words", ...given });
  const plugins = {
    connectors: [sink],
    converters: [words, { ...words, name: "bytes" }],
    transforms: BUILT_IN_TRANSFORMS,
    predicates: BUILT_IN_PREDICATES,
  };
  const keyOf = (value: string) => ({ value, source: "test", parts: [] });
  const { instances: [instance] } = parseRaw({
    worker: new Map([["bootstrap.servers", keyOf("localhost:1")]]),
    connectors: new Map([["c", new Map(entries.map(([key, value]) => [key, keyOf(value)]))]]),
  }, plugins);
  return await OfflineStages.load({
    instance,
    clock: new FakeClock(),
    log: collectingLog(),
    retry: (_what, attempt) => attempt(),
    fetch,
    random: () => 0.5,
  });
}

const bytesOf = (records: RawRecords, index: number) => [
  TEXT.decode(rawKey(records, index)!),
  TEXT.decode(rawValue(records, index)!),
];

Deno.test("OfflineStages names the stage that refused a record, with its own bytes, and the others pass", async () => {
  const stages = await stagesOf({
    "transforms": "number,name,drop",
    "transforms.number.type": "Cast",
    "transforms.number.spec": "n:int32",
    "transforms.name.type": "ReplaceField",
    "transforms.name.renames": "n:number",
    "transforms.name.predicate": "even",
    "transforms.drop.type": "Filter",
    "transforms.drop.predicate": "odd",
    "predicates": "even,odd",
    "predicates.even.type": "HasHeaderKey",
    "predicates.even.name": "even",
    "predicates.odd.type": "HasHeaderKey",
    "predicates.odd.name": "odd",
  });
  const values = ["1", "!2", "three", "4", "-", "?", "7", "99999999999"];
  const header = (key: string) => [{ key, value: null }];
  const records = slabOf(values.map((value, i) => (
    { key: `k${i}`, value, headers: i === 3 ? header("even") : i === 6 ? header("odd") : [] }
  )));
  const { batches, refused } = await stages.treat(records);
  assertEquals(batches.flatMap(({ data }) => rowsOf(data)), [
    { n: 1, m: "1", number: null },
    { n: null, m: "4", number: 4 },
  ]);
  const letters = refused.map(({ records, index, stage, error }) => [
    ...bytesOf(records, index),
    stage,
    error.details.reason,
  ]);
  assertEquals(letters.sort(), [
    ["k1", "!2", "VALIDATION", "rule r"],
    ["k2", "three", "TRANSFORMATION", "value does not fit the type"],
    ["k4", "-", "VALIDATION", "null"],
    ["k5", "?", "VALUE_CONVERTER", "no word"],
    ["k7", "99999999999", "TRANSFORMATION", "value does not fit the type"],
  ]);
});
