import { assert, assertEquals } from "@std/assert";
import { Ajv, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { decode } from "../test_support.ts";
import { converter, type Json } from "./test_support.ts";

/** A value as its text says: integers of any size are bigints. */
type Exact = null | boolean | number | bigint | string | Exact[] | { [name: string]: Exact };

/** A generated schema: what it is, its text for values, and what columns make of a value that is valid by it. */
interface Sample {
  readonly schema: Json;
  /** Texts of values, mostly valid ones. */
  readonly text: fc.Arbitrary<string>;
  held(value: Exact): unknown;
  /** Whether the column holds the JSON text as it is: no union of types may have such a branch. */
  readonly isText?: boolean;
  /** JSON's type of its values, where they have one. */
  readonly type?: string;
}

const number = (value: Exact) => value === null ? null : Number(value);
const asIs = (value: Exact) => value;
const millis = (value: Exact) => value === null ? null : Date.parse(String(value));
const quoted = (arbitrary: fc.Arbitrary<unknown>) => arbitrary.map((value) => JSON.stringify(value));

/** Any value; names are no array indices, which JavaScript's objects put first. */
const anything = (maxDepth: number) => quoted(fc.jsonValue({ maxDepth })).filter((text) => !/"\d+":/.test(text));

const strings: fc.Arbitrary<Sample> = fc.record({ maxLength: fc.constantFrom(undefined, 6) }).map((
  keywords,
) => ({
  schema: JSON.parse(JSON.stringify({ type: "string", ...keywords })),
  text: quoted(fc.string({ unit: "grapheme", maxLength: 8 })),
  held: asIs,
  type: "string",
}));

const integers: fc.Arbitrary<Sample> = fc.constantFrom(undefined, undefined, -100).map((
  minimum,
) => ({
  schema: JSON.parse(JSON.stringify({ type: "integer", minimum })),
  text: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.integer({ min: -200, max: 200 }).map((n) => `${n}.0`),
    fc.constantFrom("0", "-0", "1e3", "9007199254740993", "9223372036854775808"),
  ),
  held: (value) => value === null ? null : BigInt(value as bigint | number),
  type: "integer",
}));

const scalars: fc.Arbitrary<Sample> = fc.oneof(
  strings,
  integers,
  fc.constantFrom<Sample>(
    {
      schema: { type: "number" },
      text: quoted(fc.double({ noNaN: true, noDefaultInfinity: true })),
      held: number,
      type: "number",
    },
    { schema: { type: "boolean" }, text: quoted(fc.boolean()), held: asIs, type: "boolean" },
    {
      schema: { type: "string", format: "date" },
      text: quoted(
        fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }).map((day) =>
          day.toISOString().slice(0, 10)
        ),
      ),
      held: millis,
      type: "string",
    },
    {
      schema: { type: "string", format: "date-time" },
      text: quoted(
        fc.tuple(
          fc.date({ min: new Date("1900-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }),
          fc.constantFrom("Z", "+01:00", "-23:59"),
        ).map(([at, zone]) => at.toISOString().replace("Z", zone)),
      ),
      held: millis,
      type: "string",
    },
    { schema: { enum: ["x", "y"] }, text: fc.constantFrom('"x"', '"y"'), held: asIs, type: "string" },
    { schema: { const: 7 }, text: fc.constantFrom("7", "7.0"), held: (value) => BigInt(value as bigint) },
    { schema: {}, text: anything(2), held: textOrNull, isText: true },
  ),
);

/** What a value of JSON text holds. */
function textOrNull(value: Exact): string | null {
  return value === null ? null : exactText(value);
}

/** The text of an exact value, without white space. */
function exactText(value: Exact): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(exactText).join(",")}]`;
  if (value === null || typeof value !== "object") return Object.is(value, -0) ? "-0" : JSON.stringify(value);
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${exactText(each)}`).join(",")}}`;
}

function samples(depth: number): fc.Arbitrary<Sample> {
  if (depth === 0) return scalars;
  const inner = samples(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: scalars },
    inner.map(nullable),
    inner.map(list),
    inner.map(map),
    inner.map(merged),
    fc.uniqueArray(inner.filter(({ type }) => type !== undefined), {
      selector: ({ type }) => type === "integer" ? "number" : type,
      minLength: 2,
      maxLength: 3,
    }).map(union),
    { weight: 3, arbitrary: objects(inner) },
  );
}

function nullable({ schema, text, held, isText }: Sample): Sample {
  return {
    schema: { oneOf: [{ type: "null" }, { allOf: [schema, { not: { type: "null" } }] }] },
    text: fc.oneof(text, fc.constant("null")),
    held: (value) => value === null ? null : held(value),
    isText,
  };
}

function list({ schema, text, held }: Sample): Sample {
  return {
    schema: { type: "array", items: schema, maxItems: 2 },
    text: fc.array(text, { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
    held: (value) => value === null ? null : (value as Exact[]).map((item) => item === null ? null : held(item)),
    type: "array",
  };
}

function map({ schema, text, held, isText }: Sample): Sample {
  const members = fc.uniqueArray(
    fc.tuple(fc.string({ maxLength: 3 }).filter((name) => !/^(__proto__|\d+)$/.test(name)), text),
    {
      selector: ([name]) => name,
      maxLength: 3,
    },
  );
  return {
    schema: { type: "object", additionalProperties: schema },
    text: members.map((all) => `{${all.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`),
    // Of which nothing is known: the text of the whole.
    held: (value) => isText && isFree(schema) ? textOrNull(value) : mapped(value, held),
    isText: isText && isFree(schema),
  };
}

function isFree(schema: Json): boolean {
  return JSON.stringify(schema) === "{}" || JSON.stringify(schema).includes('"allOf":[{}');
}

function mapped(value: Exact, held: Sample["held"]): unknown {
  if (value === null) return null;
  return Object.fromEntries(
    Object.entries(value as { [name: string]: Exact }).map((
      [name, each],
    ) => [name, each === null ? null : held(each)]),
  );
}

function merged(sample: Sample): Sample {
  return { ...sample, schema: { allOf: [{}, sample.schema] } };
}

function union(branches: readonly Sample[]): Sample {
  const names = branches.map(({ type }) => type!);
  return {
    schema: { anyOf: branches.map(({ schema }) => schema) },
    text: fc.oneof(...branches.map(({ text }) => text)),
    held(value) {
      if (value === null) return null;
      const type = typeOf(value);
      return Object.fromEntries(
        names.map((
          name,
          i,
        ) => [name, (name === "integer" ? "number" : name) === type ? branches[i].held(value) : null]),
      );
    },
  };
}

function typeOf(value: Exact): string {
  return Array.isArray(value) ? "array" : typeof value === "bigint" ? "number" : typeof value;
}

const NAMES = ["a", "b", "c", 'q"\\', "ü"];

function objects(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  const property = fc.record({ name: fc.constantFrom(...NAMES), sample: inner, isRequired: fc.boolean() });
  return fc.record({
    properties: fc.uniqueArray(property, { selector: ({ name }) => name, minLength: 1, maxLength: 4 }),
    additional: fc.constantFrom(undefined, true, false),
    isReferred: fc.boolean(),
  }).map(({ properties, additional }): Sample => {
    const held = new Map(properties.map(({ name, sample }) => [name, sample.held]));
    const given = fc.tuple(
      fc.tuple(...properties.map(({ sample }) => fc.option(sample.text, { freq: 15 }))),
      rarely(3),
      rarely(20),
    );
    return {
      schema: {
        type: "object",
        properties: Object.fromEntries(properties.map(({ name, sample }) => [name, sample.schema])),
        required: properties.filter(({ isRequired }) => isRequired).map(({ name }) => name),
        ...(additional === undefined ? {} : { additionalProperties: additional }),
      },
      text: given.map(([values, extra, replaced]) => {
        const members = properties.flatMap(({ name }, i) =>
          values[i] === null ? [] : [`${JSON.stringify(name)}:${i === 0 && replaced !== null ? replaced : values[i]}`]
        );
        return `{${[...members, ...(extra === null ? [] : [`"extra":${extra}`])].join(",")}}`;
      }),
      held(value) {
        if (value === null) return null;
        const object = value as { [name: string]: Exact };
        const rest = Object.fromEntries(Object.entries(object).filter(([name]) => !held.has(name)));
        const row = [...held].map(([name, of]) => {
          const each = object[name] ?? null;
          return [name, each === null ? null : of(each)] as const;
        });
        const more = Object.keys(rest).length === 0 ? [] : [["_additional_properties", exactText(rest)] as const];
        return Object.fromEntries([...row, ...more]);
      },
      type: "object",
    };
  });
}

/** Any value, once in `every` times. */
function rarely(every: number): fc.Arbitrary<string | null> {
  return fc.oneof({ weight: every, arbitrary: fc.constant(null) }, anything(1));
}

function exact(text: string): Exact {
  const parse = JSON.parse as (
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ) => Exact;
  return parse(
    text,
    (_, value, { source }) =>
      typeof value === "number" && /^-?\d+$/.test(source!) && source !== "-0" ? BigInt(source!) : value,
  );
}

/** Members that are null in every row of a slab may be missing in its columns, or not. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return typeof value === "number" && value === 0 ? 0 : value;
  const members = Object.entries(value).filter(([name, each]) => name !== "_additional_properties" || each !== null);
  return Object.fromEntries(members.map(([name, each]) => [name, withoutNulls(each)]));
}

const OPTIONS: Options = { strict: false, ownProperties: true };

Deno.test("json-schema agrees with the library on what is valid, and with a row-wise reader on what it holds", async () => {
  const counts = { valid: 0, invalid: 0 };
  const draft = fc.constantFrom(
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
  );
  const run = fc.tuple(draft, objects(samples(2)), fc.boolean()).chain(([draft, sample, isReferred]) =>
    fc.record({
      draft: fc.constant(draft),
      sample: fc.constant(sample),
      isReferred: fc.constant(isReferred),
      texts: fc.array(fc.oneof({ weight: 9, arbitrary: sample.text }, anything(2)), {
        minLength: 5,
        maxLength: 20,
      }),
    })
  );
  await fc.assert(
    fc.asyncProperty(run, async ({ draft, sample, isReferred, texts }) => {
      const body = isReferred ? { $ref: "#/definitions/x", definitions: { x: sample.schema } } : sample.schema;
      const schema: Json = { $schema: draft, ...body as object };
      const library = draft.includes("2020") ? new Ajv2020(OPTIONS) : new Ajv(OPTIONS);
      formats.default(library as Ajv);
      const isValid = library.compile(schema as object);
      const { run, rows, rejects } = await decode(converter(schema), texts);
      const decoded = new Map(run ? [...run.rows].map((index, i) => [index, rows[i]]) : []);
      texts.forEach((text, index) => {
        const error = rejects.get(index);
        if (!isValid(JSON.parse(text))) {
          counts.invalid++;
          assertEquals(error?.details.reason, "schema validation failed", text);
          return;
        }
        if (error?.details.reason === "number out of range") return;
        counts.valid++;
        assert(error === undefined, `${text} is valid, but: ${error?.message}`);
        assertEquals(withoutNulls(decoded.get(index)), withoutNulls(sample.held(exact(text))), text);
      });
    }),
    { numRuns: 60 },
  );
  assert(counts.valid > 50 && counts.invalid > 50, `the samples are lopsided: ${JSON.stringify(counts)}`);
});
