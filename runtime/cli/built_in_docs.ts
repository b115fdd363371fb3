/**
 * What the plugins that are built in do, in a line each: those of others say it themselves (`doc`).
 *
 * @module
 */

/** By `<kind> <name>`. */
export const BUILT_IN_DOCS: Readonly<Record<string, string>> = {
  "connector delta-sink": "Delta Lake tables, exactly once",
  "connector file-sink": "lines of JSON, a file a partition",
  "converter avro": "Avro, with a Schema Registry or by a given schema",
  "converter protobuf": "Protobuf, with a Schema Registry or by a given schema",
  "converter json": "JSON, by a given, the table's or an inferred schema",
  "converter json-schema": "JSON with a Schema Registry",
  "converter string": "text, as one column",
  "converter bytes": "the bytes as they are, as one column",
  "converter short": "integers of 16 bits, as one column",
  "converter integer": "integers of 32 bits, as one column",
  "converter long": "integers of 64 bits, as one column",
  "converter float": "floating-point numbers of 32 bits, as one column",
  "converter double": "floating-point numbers of 64 bits, as one column",
  "converter boolean": "a byte, 0 or 1, as one column",
  "header converter simple": "text where it is some, by Kafka Connect's rules",
  "header converter string": "text",
  "header converter json": "JSON, as text",
  "header converter bytes": "the bytes as they are",
  "transform Cast": "fields, or whole keys and values, to other types",
  "transform DropHeaders": "removes headers",
  "transform ExtractField": "a field in place of the whole",
  "transform ExtractNewRecordState": "the row out of Debezium's change event",
  "transform Filter": "drops records; with a predicate, those for which it holds",
  "transform Flatten": "nested fields to fields with joined names",
  "transform HeaderFrom": "copies or moves fields to headers",
  "transform HoistField": "the whole as a field of a new struct",
  "transform InsertField": "topic, partition, offset, timestamp or a constant as a field",
  "transform InsertHeader": "a constant as a header",
  "transform MaskField": "fields to an empty or given value",
  "transform RegexRouter": "another name for the topic, by a pattern",
  "transform ReplaceField": "keeps, drops and renames fields",
  "transform SetSchemaMetadata": "the schema's name and version",
  "transform TimestampConverter": "times between text, numbers and types of time",
  "transform TimestampRouter": "the topic's name with the record's time in it",
  "transform ValueToKey": "fields of the value as the key",
  "predicate HasHeaderKey": "the record has a header of the name",
  "predicate RecordIsTombstone": "the record has no value",
  "predicate TopicNameMatches": "the topic's name matches a pattern",
};
