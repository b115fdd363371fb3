import { assert, assertEquals } from "@std/assert";
import type { Field, RecordBatch } from "apache-arrow";
import { Type } from "apache-arrow";
import fc from "fast-check";
import protobuf from "protobufjs";
import descriptors from "protobufjs/ext/descriptor.js";
import { DataError, jsonText } from "../../mod.ts";
import { mutate } from "../runs_test_support.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { caseOf, payloadOf, specialCase, specialValue } from "./cases_test_support.ts";
import { Decoder } from "./decoder.ts";
import { parseProto, type ProtoMessage, type ProtoSchema } from "./proto.ts";
import { encode, oracleRow, Random, randomMessage, sortedMap } from "./test_support.ts";

const SCHEMAS = 40;
const ROWS = 20;
const MUTATIONS = 20_000;

/** The registry's other form of the same schema. */
function descriptorOf(text: string): string {
  const { root, imports = [] } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  for (const name of imports) root.addJSON(protobuf.common.get(name)!.nested!);
  root.resolveAll();
  const files = root.toDescriptor(/"proto3"/.test(text) ? "proto3" : "proto2").file;
  const file = { ...files.find(({ package: name }) => name === "t.u")!, dependency: imports };
  return descriptors.FileDescriptorProto.encode(file).finish().toBase64();
}

/** Rows with the entries of maps in an order of their own. */
function sortedRows(batch: RecordBatch): { [name: string]: Plain }[] {
  return rowsOf(batch).map((row) =>
    Object.fromEntries(batch.schema.fields.map((field) => [field.name, sorted(field, row[field.name])]))
  );
}

function sorted({ type }: Field, value: Plain): Plain {
  if (value === null) return null;
  const children = type.children as Field[];
  switch (type.typeId) {
    case Type.List:
      return (value as Plain[]).map((item) => sorted(children[0], item));
    case Type.Map:
      return sortedMap(
        (value as [Plain, Plain][]).map(([key, inner]) => [key, sorted(children[0].type.children[1], inner)]),
      );
    case Type.Struct:
      return Object.fromEntries(
        children.map((child) => [child.name, sorted(child, (value as { [name: string]: Plain })[child.name])]),
      );
    default:
      return value;
  }
}

/** A schema's message and all within it. */
function fieldsOf(schema: ProtoSchema): unknown {
  const part = ({ name, fields }: ProtoMessage): unknown => [
    name,
    fields.map((field) => [field, field.type.kind === "message" ? part(field.type) : field.type]),
  ];
  return part(schema.messageAt([0]));
}

Deno.test("Decoder reads what protobufjs reads, whatever the schema, its form and the value", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new Random(seed);
      const each = caseOf(random);
      const decoder = each.decoder();
      const wanted: { [name: string]: Plain }[] = [];
      for (let i = 0; i < ROWS; i++) {
        const payload = payloadOf(each, random);
        wanted.push(oracleRow(each.type, payload));
        const error = decoder.append(payload, 0, payload.length);
        assertEquals(error?.message, undefined, each.text);
      }
      assertEquals(sortedRows(decoder.rows.finish()), wanted, each.text);
      assertEquals(fieldsOf(parseProto(descriptorOf(each.text))), fieldsOf(parseProto(each.text)), each.text);
    }),
    { numRuns: SCHEMAS },
  );
});

Deno.test("Decoder writes as JSON text what the columns would hold", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new Random(seed);
      const { text, type } = caseOf(random);
      const schema = parseProto(`${text}\nmessage W { optional M m = 1; }`);
      const of = (...jsonPaths: string[]) => {
        return new Decoder(schema.messageNamed("t.u.W")!, schema, { jsonPaths: new Set(jsonPaths) });
      };
      const [columns, json] = [of(), of("m")];
      for (let i = 0; i < ROWS; i++) {
        const payload = encode(type, randomMessage(type, random));
        const within = Uint8Array.from([0x0a, ...varint(payload.length), ...payload]);
        for (const decoder of [columns, json]) assertEquals(decoder.append(within, 0, within.length), null);
      }
      const { children: [message] } = columns.rows.finish().data;
      const texts = Array.from({ length: ROWS }, (_, i) => jsonText.ofColumn(message, i));
      assertEquals(rowsOf(json.rows.finish()).map(({ m }) => m), texts, text);
    }),
    { numRuns: SCHEMAS },
  );
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

Deno.test("Decoder takes 20,000 mutated payloads whole or not at all, and leaves good rows intact", () => {
  const random = new Random(7);
  let rejected = 0;
  for (let done = 0; done < MUTATIONS; done += 1_000) {
    const isSpecial = done % 4_000 === 0;
    const each = isSpecial ? specialCase() : caseOf(random);
    const [decoder, alone] = [each.decoder(), each.decoder()];
    const good: number[] = [];
    const payloads = Array.from(
      { length: 50 },
      () => isSpecial ? encode(each.type, specialValue(random)) : payloadOf(each, random),
    );
    for (let i = 0; i < 1_000; i++) {
      const bad = mutate(random.pick(payloads), random);
      // Behind the payload stand bytes that must not be read.
      const padded = Uint8Array.from([9, 9, ...bad, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      const before = decoder.rows.length;
      const error = decoder.append(padded, 2, 2 + bad.length, 2);
      assertEquals(decoder.rows.length, before + (error ? 0 : 1));
      if (error) {
        assert(error instanceof DataError);
        const { bytePosition, reason } = error.details;
        assert(bytePosition! >= 0 && bytePosition! <= bad.length, `${reason} at ${bytePosition} of ${bad.length}`);
        rejected++;
      }
      if (i % 25 > 0) continue;
      const payload = random.pick(payloads);
      good.push(decoder.rows.length);
      assertEquals(decoder.append(payload, 0, payload.length), null);
      assertEquals(alone.append(payload, 0, payload.length), null);
    }
    const out = rowsOf(decoder.rows.finish());
    assertEquals(good.map((row) => out[row]), rowsOf(alone.rows.finish()));
  }
  assert(rejected > MUTATIONS / 4, `${rejected} were rejected`);
});
