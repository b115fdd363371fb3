import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { ConfigError, FatalError, SinkBatch, slabOf } from "../api/mod.ts";
import { batchOf } from "../../tests/conformance/rows.ts";
import { plugins } from "../cli/parts.ts";
import { systemClock } from "../clock.ts";
import { readConfig } from "../config/read_config.ts";
import { createLog } from "../log.ts";
import { createFix } from "./fix.ts";
import { type FixSpec, NO_FIX } from "./fix_spec.ts";
import { letterOf } from "./letters_fixture.ts";

const log = createLog({ level: "error", format: "text" });

async function instanceOf(options: readonly string[] = []) {
  const sets = ["topics=orders", "file.path=.", "bootstrap.servers=localhost:1", "errors.tolerance=all"];
  const source = { path: null, connector: "file-sink", environment: {}, readTextFile: Deno.readTextFile };
  const more = ["errors.skip.acknowledged=true", "value.converter=json"];
  return (await readConfig({ ...source, sets: [...sets, ...more], options }, plugins)).instances[0];
}

async function fixOf(spec: Partial<FixSpec>) {
  const parts = { plugins, clock: systemClock, log, retry: <T>(_: string, run: () => Promise<T>) => run() };
  const instance = await instanceOf();
  return await createFix({ ...NO_FIX, ...spec }, { ...parts, instance, load: instanceOf, random: () => 0.5 });
}

/** What values become: the text, or why not, by letter; null: left out. */
async function changed(spec: Partial<FixSpec>, ...texts: readonly string[]): Promise<(string | null)[]> {
  const letters = texts.map((text, i) => letterOf({ value: new TextEncoder().encode(text) }, i));
  const { letters: out, refused } = await (await fixOf(spec)).changed(letters);
  const reasons = new Map(refused.map(({ letter, stage, error }) => [letter, `${stage}: ${error.message}`]));
  return letters.map((letter) => {
    const value = out.get(letter)?.value;
    assert(!value || !reasons.has(letter), "both changed and refused");
    return value ? new TextDecoder().decode(value) : reasons.get(letter) ?? null;
  });
}

Deno.test("createFix() changes JSON letters as they are, whatever kinds their fields have", async () => {
  const spec = { casts: ["ms:int64"], sets: [["half", "type(value.n) == string ? int(value.n) : value.n"]] as const };
  assertEquals(
    await changed(spec, '{"ms":"13","n":"4"}', '{"ms":13,"n":5}', '{"n":6, "ms":null, "tags":[]}', '{"ms":"x","n":1}'),
    [
      '{"ms":13,"n":"4","half":4}',
      '{"ms":13,"n":5,"half":5}',
      '{"n":6,"ms":null,"tags":[],"half":6}',
      'TRANSFORMATION: Cannot cast ms to int64: the type cannot hold "x"',
    ],
  );
});

Deno.test("createFix() leaves the text of what is not changed alone, to the digit", async () => {
  const rest =
    '"a":1.10,"b":123456789012345678901234567890.5,"c":[1,"x",{}],"d":{},"e":[],"f":null,"g":{"h":[],"i":1e2}';
  assertEquals(await changed({ drops: ["extra"] }, `{"extra":1,${rest}}`, `{${rest}}`), [`{${rest}}`, `{${rest}}`]);
  assertEquals(await changed({ sets: [["g.k", "size(value.e)"]] }, `{${rest}}`), [
    `{${rest.replace("1e2}", '1e2,"k":0}')}}`,
  ]);
});

Deno.test("createFix() reaches into structs, makes those that are missing, and says where a path ends", async () => {
  const texts = ['{"a":{"b":1,"c":2}}', '{"a":null,"l":[{"x":1}]}', '{"z":1}'];
  assertEquals(await changed({ drops: ["a.b"] }, ...texts), ['{"a":{"c":2}}', ...texts.slice(1)]);
  assertEquals(await changed({ casts: ["a.b:string"] }, ...texts), ['{"a":{"b":"1","c":2}}', ...texts.slice(1)]);
  assertEquals(await changed({ sets: [["a.d", "'x'"]] }, ...texts), [
    '{"a":{"b":1,"c":2,"d":"x"}}',
    '{"a":{"d":"x"},"l":[{"x":1}]}',
    '{"z":1,"a":{"d":"x"}}',
  ]);
  assertEquals(await changed({ sets: [["a.b", "value.a.b + 1"]] }, texts[0]), ['{"a":{"b":2,"c":2}}']);
  assertEquals(await changed({ drops: ["a.b"] }, '{"a.b":1,"a":{"b":1}}'), ['{"a":{"b":1}}']);
  for (const spec of [{ drops: ["l.x"] }, { casts: ["l.x:string"] }, { sets: [["l.x", "1"]] as const }]) {
    assertStringIncludes((await changed(spec, texts[1]))[0]!, "l is a List<");
  }
});

Deno.test("createFix() casts to decimals by the record's own digits, rounded half away from zero", async () => {
  assertEquals(
    await changed(
      { casts: ["p:decimal(20,2)"] },
      ...["19.995", "-0.005", '"7.1"', "123456789012345678.905", "3", "1234567890123456789"].map((p) => `{"p":${p}}`),
    ),
    [
      ...["20.00", "-0.01", "7.10", "123456789012345678.91", "3.00"].map((p) => `{"p":${p}}`),
      "TRANSFORMATION: Cannot cast p to decimal(20,2): the type cannot hold 1234567890123456789",
    ],
  );
});

Deno.test("createFix() refuses a letter whose value is no object, and passes tombstones", async () => {
  const [broken] = await changed({ drops: ["a"] }, '{"a":');
  assertStringIncludes(broken!, "VALUE_CONVERTER: ");
  const tombstone = letterOf({ value: null });
  const { letters } = await (await fixOf({ drops: ["a"] })).changed([tombstone]);
  assertEquals(letters.get(tombstone), tombstone);
});

Deno.test("createFix() refuses what can have no effect or no end", async () => {
  await assertRejects(() => fixOf({ schemaId: 3 }), ConfigError, "name no schema");
  const avro = await fixOf({ options: ["value.converter=avro"], drops: ["a"] });
  await assertRejects(() => avro.records([letterOf()]), FatalError, "only JSON can be encoded anew");
  assertThrows(() => avro.assertRecords("orders"), FatalError, "only JSON can be encoded anew");
});

Deno.test("createFix() runs transforms on JSON as it is where text can carry what they do, else once it is decoded", async () => {
  const chain = (type: string, ...more: string[]) =>
    [`transforms: [t]`, `transforms.t.type: ${type}`, ...more.map((each) => `transforms.t.${each}`)].join("\n");
  const cast = chain("Cast", "spec: [ms:int64]");
  assertEquals(await changed({ transforms: cast, drops: ["x"] }, '{"ms":"1","x":1}'), ['{"ms":1}']);
  const header = chain("InsertHeader", "header: h", "value.literal: v");
  assertEquals(await changed({ transforms: header, drops: ["x"] }, '{"ms":"1","x":1}'), ['{"ms":"1"}']);
  const fix = await fixOf({ transforms: header });
  await assertRejects(() => fix.records([letterOf()]), FatalError, "t (InsertHeader) change more than values");
  const raw = slabOf([{ value: "{}" }]);
  const batch = new SinkBatch(batchOf(new Schema([]), [{}]), { raw, rows: Int32Array.of(0) }, 0n, raw.to);
  const [out] = fix.stage!(batch.withRoutedTopics("orders"), () => {});
  assertEquals(out.headers(0).map(({ key }) => key), ["h"]);
});

Deno.test("createFix() drops a field of any JSON object and changes nothing else", async () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, 0, -1, 1.5, 1e300, 2 ** 53, "", 'ü\\"\u0001', "12"),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("x", "y", "z w"), tie("any"), { maxKeys: 3 }),
    ),
  })).any;
  const record = fc.dictionary(fc.constantFrom("a", "b", "c", "d.e"), value, { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }), async (records) => {
      const out = await changed({ drops: ["b"] }, ...records.map((each) => JSON.stringify(each, null, 1)));
      assertEquals(
        out.map((text) => JSON.parse(text!)),
        records.map((each) => JSON.parse(JSON.stringify({ ...each, b: undefined }))),
      );
    }),
    { numRuns: 40 },
  );
});
