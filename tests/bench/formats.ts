/**
 * The benchmark's records as bytes: JSON text, Avro and Protobuf, the latter two framed as Confluent's serializers do,
 * with the schema's id in front. The encoders are made for speed and for the shapes of schemas.ts alone.
 *
 * @module
 */
import { ByteWriter } from "./byte_writer.ts";
import type { Field, FieldType, RecordShape, RecordValue, Value } from "./schemas.ts";

/** How values are encoded; each is the name of a converter. */
export type Format = "json" | "avro" | "protobuf";

/** All formats. */
export const FORMATS: readonly Format[] = ["json", "avro", "protobuf"];

/** Appends the value of the record with a number. */
export type Encoder = (id: number, to: ByteWriter) => void;

/** A schema as the registry takes it; null: the format has none. */
export function registeredSchema(format: Format, { fields }: RecordShape): { type: string; text: string } | null {
  if (format === "avro") return { type: "AVRO", text: JSON.stringify(avroRecord("Event", fields)) };
  if (format === "protobuf") {
    return { type: "PROTOBUF", text: `syntax = "proto3";\n${protoMessage("Event", fields)}` };
  }
  return null;
}

/** Makes the encoder of a shape; `schemaId` is what the registry has given to its schema. */
export function createEncoder(format: Format, shape: RecordShape, schemaId: number): Encoder {
  const { fields } = shape;
  switch (format) {
    case "json":
      return (id, to) => to.text(shape.json?.(id) ?? JSON.stringify(shape.record(id)));
    case "avro":
      return (id, to) => {
        frame(to, schemaId);
        avroFields(fields, shape.record(id), to);
      };
    case "protobuf":
      return (id, to) => {
        frame(to, schemaId);
        to.byte(0); // the first message of the file
        protoFields(fields, shape.record(id), to);
      };
  }
}

function frame(to: ByteWriter, schemaId: number): void {
  to.byte(0);
  to.int32(schemaId);
}

function avroRecord(name: string, fields: readonly Field[]): unknown {
  return {
    type: "record",
    name,
    fields: fields.map((field) => {
      const type = avroType(field.type, `${name}_${field.name}`);
      return { name: field.name, type: field.nullable ? ["null", type] : type };
    }),
  };
}

function avroType(type: FieldType, name: string): unknown {
  if (typeof type === "string") return type;
  return "record" in type ? avroRecord(name, type.record) : { type: "array", items: avroType(type.array, name) };
}

function avroFields(fields: readonly Field[], record: RecordValue, to: ByteWriter): void {
  for (const { name, type, nullable } of fields) {
    const value = record[name];
    if (nullable) to.zigzag(value === null ? 0 : 1);
    if (value !== null) avroValue(type, value, to);
  }
}

function avroValue(type: FieldType, value: Value, to: ByteWriter): void {
  if (type === "long") return to.zigzag(value as number);
  if (type === "double") return to.doubleLe(value as number);
  if (type === "boolean") return to.byte(value ? 1 : 0);
  if (type === "string") return to.sizedText(value as string, "zigzag");
  if ("record" in type) return avroFields(type.record, value as RecordValue, to);
  const items = value as readonly Value[];
  if (items.length > 0) {
    to.zigzag(items.length);
    for (const item of items) avroValue(type.array, item, to);
  }
  to.byte(0);
}

const PROTO_TYPES = { long: "int64", double: "double", string: "string", boolean: "bool" } as const;

function protoMessage(name: string, fields: readonly Field[]): string {
  const inner: string[] = [];
  const lines = fields.map((field, i) => {
    const { type } = field;
    const item = typeof type === "object" && "array" in type ? type.array : type;
    const label = item !== type ? "repeated " : field.nullable ? "optional " : "";
    if (typeof item === "string") return `  ${label}${PROTO_TYPES[item]} ${field.name} = ${i + 1};`;
    if (!("record" in item)) throw new Error(`Field ${field.name}: protobuf has no arrays of arrays`);
    const own = `Of_${field.name}`;
    inner.push(protoMessage(own, item.record));
    return `  ${label}${own} ${field.name} = ${i + 1};`;
  });
  return `message ${name} {\n${[...inner, ...lines].join("\n")}\n}`;
}

function protoFields(fields: readonly Field[], record: RecordValue, to: ByteWriter): void {
  for (let i = 0; i < fields.length; i++) {
    const { name, type } = fields[i];
    const value = record[name];
    if (value === null) continue;
    if (typeof type === "object" && "array" in type) {
      for (const item of value as readonly Value[]) protoField(i + 1, type.array, item, to);
    } else protoField(i + 1, type, value, to);
  }
}

function protoField(number: number, type: FieldType, value: Value, to: ByteWriter): void {
  const wire = type === "double" ? 1 : type === "long" || type === "boolean" ? 0 : 2;
  to.varint(number * 8 + wire);
  if (type === "long") return to.varint(value as number);
  if (type === "double") return to.doubleLe(value as number);
  if (type === "boolean") return to.byte(value ? 1 : 0);
  if (type === "string") return to.sizedText(value as string, "plain");
  const start = to.length;
  protoFields((type as { record: readonly Field[] }).record, value as RecordValue, to);
  to.putSizeBefore(start, "plain");
}
