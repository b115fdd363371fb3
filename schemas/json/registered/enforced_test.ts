import { assert, assertEquals } from "@std/assert";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import fc from "fast-check";
import { decode } from "../test_support.ts";
import { readDocuments } from "./documents.ts";
import { isEnforced } from "./enforced.ts";
import { converter, type Json } from "./test_support.ts";

/** A schema that readers enforce, and texts of values, some of which are not valid. */
interface Sample {
  readonly schema: { [keyword: string]: Json };
  readonly text: fc.Arbitrary<string>;
}

const quoted = (arbitrary: fc.Arbitrary<unknown>) => arbitrary.map((value) => JSON.stringify(value));

/** What is nearly a date or a timestamp. */
const times = quoted(
  fc.tuple(
    fc.constantFrom("2024-02-29", "2023-02-29", "0000-02-29", "2024-2-29", "2024-13-01"),
    fc.constantFrom("", "T12:00:00", "t23:59:59.123456", " 12:00", "T12:00:00,5", "T24:00:00", "T12:00:60"),
    fc.constantFrom("", "Z", "z", "+01:00", "-2359", "+24:00", "+01", "Z "),
  ).map((parts) => parts.join("")),
);
const numbers = fc.constantFrom("1", "1.0", "-0", "1e2", "1.5", "9007199254740993.5", "1e400", "9223372036854775808");
const trouble = fc.oneof(times, numbers, quoted(fc.jsonValue({ maxDepth: 1 })), fc.constant("null"));

const scalars = fc.constantFrom<Sample>(
  { schema: { type: "boolean" }, text: fc.constant("true") },
  { schema: { type: "integer" }, text: numbers },
  { schema: { type: "number" }, text: numbers },
  { schema: { type: "string" }, text: quoted(fc.string()) },
  { schema: { type: "string", format: "date" }, text: fc.oneof(times, fc.constant('"2024-02-29"')) },
  { schema: { type: "string", format: "date-time" }, text: fc.oneof(times, fc.constant('"2024-02-29T00:00:00Z"')) },
  { schema: {}, text: trouble },
);

function samples(depth: number): fc.Arbitrary<Sample> {
  const troubled = (arbitrary: fc.Arbitrary<Sample>) =>
    arbitrary.map(({ schema, text }) => ({ schema, text: fc.oneof({ weight: 12, arbitrary: text }, trouble) }));
  if (depth === 0) return troubled(scalars);
  const inner = samples(depth - 1);
  const named = inner.filter(({ schema }) => typeof schema.type === "string");
  return troubled(fc.oneof(
    scalars,
    named.map(({ schema, text }): Sample => ({ schema: { ...schema, type: [schema.type, "null"] }, text })),
    named.map(({ schema, text }): Sample => ({ schema: { oneOf: [{ type: "null" }, schema] }, text })),
    inner.map(({ schema, text }): Sample => ({
      schema: { type: "array", items: schema },
      text: fc.array(text, { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
    })),
    named.map(({ schema, text }): Sample => ({
      schema: { type: "object", additionalProperties: schema },
      text: fc.uniqueArray(fc.tuple(fc.string({ maxLength: 2 }), text), { selector: ([name]) => name, maxLength: 2 })
        .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`),
    })),
    objects(inner),
    objects(inner),
  ));
}

function objects(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  const property = fc.record({ name: fc.constantFrom("a", "b", "c"), sample: inner, isRequired: fc.boolean() });
  return fc.tuple(
    fc.uniqueArray(property, { selector: ({ name }) => name, minLength: 1, maxLength: 3 }),
    fc.constantFrom(undefined, true, false),
  ).map(([properties, additional]): Sample => ({
    schema: {
      type: "object",
      title: "no constraint",
      properties: Object.fromEntries(properties.map(({ name, sample }) => [name, sample.schema])),
      required: properties.filter(({ isRequired }) => isRequired).map(({ name }) => name),
      ...(additional === undefined ? {} : { additionalProperties: additional }),
    },
    text: fc.tuple(
      ...properties.map(({ name, sample }) =>
        fc.oneof({ weight: 9, arbitrary: sample.text.map((text) => [`"${name}":${text}`]) }, fc.constant([]))
      ),
      fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, fc.constant(['"z":1'])),
    ).map((members) => `{${members.flat().join(",")}}`),
  }));
}

Deno.test("isEnforced() schemas: what the readers take is what the library takes, and the same rows", async () => {
  const counts = { valid: 0, invalid: 0 };
  const run = fc.tuple(objects(samples(2)), fc.boolean()).chain(([sample, isReferred]) =>
    fc.record({
      sample: fc.constant(sample),
      isReferred: fc.constant(isReferred),
      texts: fc.array(sample.text, { minLength: 10, maxLength: 25 }),
    })
  );
  await fc.assert(
    fc.asyncProperty(run, async ({ sample, isReferred, texts }) => {
      const schema: { [keyword: string]: Json } = isReferred
        ? { type: "object", properties: { x: { $ref: "#/definitions/x" } }, definitions: { x: sample.schema } }
        : sample.schema;
      const values = isReferred ? texts.map((text) => `{"x":${text}}`) : texts;
      assert(isEnforced(readDocuments(JSON.stringify(schema))));
      const library = new Ajv({ strict: false, ownProperties: true });
      formats.default(library);
      const isValid = library.compile(schema);
      const strict = await decode(converter(schema), values);
      // A keyword that no reader enforces, and that all values keep to.
      const validated = await decode(converter({ ...schema, minProperties: 0 }), values);
      assertEquals(strict.rows, validated.rows);
      assertEquals(
        [...strict.rejects].map(([i, e]) => [i, e.message]),
        [...validated.rejects].map(([i, e]) => [
          i,
          e.message,
        ]),
      );
      values.forEach((text, i) => {
        const isTaken = isValid(JSON.parse(text));
        counts[isTaken ? "valid" : "invalid"]++;
        if (!isTaken) assertEquals(strict.rejects.get(i)?.details.reason, "schema validation failed", text);
      });
    }),
    { numRuns: 50 },
  );
  assert(counts.valid > 50 && counts.invalid > 50, `the samples are lopsided: ${JSON.stringify(counts)}`);
});

Deno.test("isEnforced() is false of whatever the readers do not check", () => {
  const of = (schema: Json) => isEnforced(readDocuments(JSON.stringify(schema)));
  const a = (schema: Json) => of({ type: "object", properties: { a: schema } });
  assert(a({ type: "string", description: "any", "connect.index": 0 }));
  const text: Json = { type: "string" };
  const unsure: readonly Json[] = [
    ...[false, { type: "string", maxLength: 1 }, { type: "string", format: "uuid" }, { enum: ["x"] }, { const: 1 }],
    ...[{ type: "integer", format: "int32" }, { type: "integer", minimum: 0 }, { type: ["string", "integer"] }],
    ...[{ type: "object" }, { properties: { b: text } }, { type: "array", items: [text] }, { allOf: [text] }],
    ...[{ type: "array", minItems: 1 }, { oneOf: [text, { type: "integer" }] }, { not: text }, { $ref: "#" }],
    { type: "string", nullable: true },
    { type: "object", additionalProperties: true },
    { type: "object", properties: { b: text }, additionalProperties: text },
    { type: "object", properties: { b: text }, patternProperties: { x: text } },
    { type: "object", properties: { b: text }, required: ["c"] },
    { oneOf: [{ type: "null" }, { type: ["string", "null"] }] },
  ];
  for (const schema of unsure) assert(!a(schema), JSON.stringify(schema));
  for (const schema of [true, text, { properties: { a: text } }]) assert(!of(schema), JSON.stringify(schema));
});
