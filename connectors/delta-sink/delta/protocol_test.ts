import { assertStringIncludes, assertThrows } from "@std/assert";
import { FatalError } from "../../../mod.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { assertWritable, DEFAULT_PROTOCOL } from "./protocol.ts";

function metadata(configuration: Record<string, string>, columnMetadata: Record<string, unknown> = {}): Metadata {
  const fields = [{ name: "a", type: "long", nullable: true, metadata: columnMetadata }];
  const schemaString = JSON.stringify({ type: "struct", fields });
  return { id: "x", format: { provider: "parquet" }, schemaString, partitionColumns: [], configuration };
}

function v7(...writerFeatures: string[]): Protocol {
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures };
}

Deno.test("assertWritable() refuses by name what is not implemented", () => {
  const refused: [Protocol, Metadata, string][] = [
    [v7("rowTracking", "appendOnly"), metadata({}), "rowTracking"],
    [{ minReaderVersion: 4, minWriterVersion: 8 }, metadata({}), "4/8"],
    [DEFAULT_PROTOCOL, metadata({ "delta.constraints.positive": "a > 0" }), "delta.constraints.positive"],
    [DEFAULT_PROTOCOL, metadata({ "delta.columnMapping.mode": "name" }), "columnMapping"],
    [DEFAULT_PROTOCOL, metadata({ "delta.setTransactionRetentionDuration": "interval 1 day" }), "unset it"],
    [DEFAULT_PROTOCOL, metadata({}, { "delta.generationExpression": "1" }), "column a is generated"],
    [DEFAULT_PROTOCOL, metadata({}, { "delta.invariants": "{}" }), "column a has an invariant"],
    [DEFAULT_PROTOCOL, metadata({}, { "delta.identity.start": 1 }), "column a is an identity column"],
  ];
  for (const [protocol, meta, why] of refused) {
    assertStringIncludes(assertThrows(() => assertWritable("t", protocol, meta), FatalError).message, why);
  }
});

Deno.test("assertWritable() lets append-only tables, change data feeds and unused legacy features pass", () => {
  assertWritable("t", DEFAULT_PROTOCOL, metadata({ "delta.appendOnly": "true" }));
  assertWritable("t", { minReaderVersion: 1, minWriterVersion: 4 }, metadata({ "delta.enableChangeDataFeed": "true" }));
  assertWritable("t", v7("timestampNtz", "checkConstraints", "deletionVectors"), metadata({}));
});
