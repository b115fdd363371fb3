import { assert, assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../mod.ts";
import { mutate } from "../runs_test_support.ts";
import { Unfit } from "../rules/values.ts";
import { Decoder, Rows } from "./decoder.ts";
import { AvroMessages } from "./message.ts";
import { parseSchema } from "./schema.ts";
import { batchRows, type Json, oracle, Random, randomValue, Schemas } from "./test_support.ts";

function messagesOf(schema: Json): AvroMessages {
  return new AvroMessages(parseSchema(JSON.stringify(schema)), {});
}

Deno.test("AvroMessages writes what it reads, as it is and as JSON, for random schemas and values", () => {
  const random = new Random(11);
  for (let i = 0; i < 60; i++) {
    const schema = new Schemas(random).record(3);
    const type = oracle(schema);
    const messages = messagesOf(schema);
    const parsed = parseSchema(JSON.stringify(schema));
    const rows = () => new Decoder(parsed, new Rows(parsed, { timestampNanos: "long" }));
    const decoders = [rows(), rows(), rows()];
    for (let at = 0; at < 10; at++) {
      const payload = Uint8Array.from(type.toBuffer(randomValue(schema, random)));
      const value = messages.read(payload, 0, payload.length, 0);
      const same = messages.mapFields(value, (_, each) => each);
      assert(same === value, "nothing changed");
      const written = [payload, messages.write(value, "message"), messages.write(messages.toJson(value), "json")];
      written.forEach((bytes, i) => assertEquals(decoders[i].append(bytes, 0, bytes.length), null));
    }
    const [wanted, ...held] = decoders.map((decoder) => batchRows(decoder.rows.finish()));
    for (const each of held) assertEquals(each, wanted);
  }
});

Deno.test("AvroMessages refuses the bytes that the decoder refuses, for the same reason", () => {
  const random = new Random(5);
  let refused = 0;
  for (let i = 0; i < 20; i++) {
    const schema = new Schemas(random).record(3);
    const type = oracle(schema);
    const parsed = parseSchema(JSON.stringify(schema));
    const decoder = new Decoder(parsed, new Rows(parsed, { timestampNanos: "long" }));
    const messages = messagesOf(schema);
    for (let at = 0; at < 100; at++) {
      const bytes = mutate(Uint8Array.from(type.toBuffer(randomValue(schema, random))), random);
      const error = decoder.append(bytes, 0, bytes.length);
      let own: unknown = null;
      try {
        messages.read(bytes, 0, bytes.length, 0);
      } catch (thrown) {
        own = thrown;
      }
      if (own === null) continue; // the decoder looks at logical types too
      assert(own instanceof DataError && error instanceof DataError);
      refused++;
    }
  }
  assert(refused > 100, String(refused));
});

Deno.test("AvroMessages keeps the type of a value in a union, and takes the first that fits for a new one", () => {
  const messages = messagesOf({
    type: "record",
    name: "R",
    fields: [{ name: "u", type: ["null", "int", "long", "string"] }],
  });
  const long = Uint8Array.of(4, 10);
  const value = messages.read(long, 0, 2, 0);
  assertEquals(messages.write(value, "message"), long);
  assertEquals(messages.toJson(value), { u: { long: 5 } });
  assertEquals(messages.write({ u: 5n }, "message"), Uint8Array.of(2, 10));
  assertEquals(messages.write({ u: "a" }, "message"), Uint8Array.of(6, 2, 97));
  assertEquals(messages.write({ u: null }, "json"), Uint8Array.of(0));
});

Deno.test("AvroMessages writes defaults, aliases and promotions, and refuses what does not fit with its path", () => {
  const messages = messagesOf({
    type: "record",
    name: "R",
    fields: [
      { name: "id", aliases: ["key"], type: "long" },
      { name: "sum", type: "double", default: 1.5 },
      { name: "kind", type: { type: "enum", name: "K", symbols: ["A", "B"], default: "B" } },
      { name: "inner", type: { type: "record", name: "I", fields: [{ name: "n", type: "int" }] } },
    ],
  });
  const payload = messages.write({ key: 7n, kind: "C", inner: { n: 3 } }, "json");
  assertEquals(messages.toJson(messages.read(payload, 0, payload.length, 0)), {
    id: 7,
    sum: 1.5,
    kind: "B",
    inner: { n: 3 },
  });
  const unfit = (value: unknown) => {
    try {
      messages.write(value, "json");
    } catch (error) {
      if (error instanceof Unfit) return `${error.path}: ${error.why}`;
      throw error;
    }
    return null;
  };
  const good = { id: 1, kind: "A", inner: { n: 1 } };
  assertEquals(unfit({ ...good, id: 0.5 }), "id: is 0.5, expected an integer");
  assertEquals(unfit({ ...good, id: 2 ** 60 }), "id: is 1152921504606847000, expected an integer");
  assertEquals(unfit({ ...good, inner: { n: 2 ** 31 } }), "inner.n: is 2147483648, expected -2147483648 to 2147483647");
  assertEquals(unfit({ ...good, inner: 5 }), "inner: is 5, expected a record I");
  assertEquals(unfit({ kind: "A", inner: { n: 1 } }), "id: is missing, and the schema has no default for it");
  assertEquals(unfit({ ...good, sum: "1" }), 'sum: is "1", expected a number that a double holds');
  assertThrows(() => messages.read(new Uint8Array(0), 0, 0, 0), DataError, "more bytes are expected");
});
