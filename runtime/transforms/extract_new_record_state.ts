/**
 * ExtractNewRecordState: the row of a Debezium change event, on columns, with Debezium's options.
 *
 * | event | becomes |
 * |---|---|
 * | insert, update, snapshot (`after` is there) | the fields of `after` |
 * | delete (`op` is d, or only `before` is there) | by `delete.tombstone.handling.mode`: nothing, a tombstone, or the fields of `before` |
 * | truncate, logical message (neither is there) | nothing |
 * | tombstone | by the mode: nothing, or itself |
 * | anything without `op` and `after` or `before`: changes of schemas, heartbeats, transactions | itself |
 *
 * An event may stand in the `payload` of what Kafka Connect's JsonConverter writes with schemas.
 *
 * @module
 */
import { DataError, option, type RecordHeader, type TransformPlugin, type Values } from "../api/mod.ts";
import { createUnwrapper } from "./debezium_envelope.ts";
import { headerText } from "./header_text.ts";
import { NULL_DEFAULTS } from "./shared_options.ts";

const OPTIONS = {
  "delete.tombstone.handling.mode": option.oneOf(
    ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone", ""],
    {
      doc: "What becomes of deletes: `drop`: nothing; `tombstone` (unless the older options are set) and " +
        "`delete-to-tombstone`: a tombstone; `rewrite`: the row before, every row with `__deleted`. Tombstones that follow " +
        "them are dropped, but with `rewrite-with-tombstone`. `tombstones: skip` or `keep` lets them get here at all.",
      default: "",
      importance: "high",
    },
  ),
  "drop.tombstones": option.oneOf(["true", "false", ""], {
    doc: "Older: whether tombstones are dropped; `true` where delete.handling.mode is set.",
    default: "",
    importance: "low",
  }),
  "delete.handling.mode": option.oneOf(["drop", "rewrite", "none", ""], {
    doc: "Older: what becomes of deletes; `none` is a tombstone. `drop` where drop.tombstones is set.",
    default: "",
    importance: "low",
  }),
  "add.fields": option.list({
    doc:
      "Fields of the event to add: `op`, `ts_ms`, `table` (of `source`), `source.ts_ms`, `transaction.id`, `op:kind`.",
    default: [],
    check: wrongReferences,
  }),
  "add.fields.prefix": option.string({ doc: "What their names begin with.", default: "__" }),
  "add.headers": option.list({ doc: "Fields of the event to add as headers.", default: [], check: wrongReferences }),
  "add.headers.prefix": option.string({ doc: "What their names begin with.", default: "__" }),
  "route.by.field": option.string({
    doc: "A string field of the row that names the topic; for sinks whose target may differ from row to row.",
    default: "",
    importance: "low",
  }),
  ...NULL_DEFAULTS,
};

type Options = Values<typeof OPTIONS>;

/** What is done with deletes and tombstones. */
export interface Handling {
  readonly deletes: "drop" | "tombstone" | "rewrite";
  readonly dropsTombstones: boolean;
}

/** A field of an event, and the name that it gets. */
export interface Reference {
  readonly struct: string | null;
  readonly field: string;
  readonly name: string;
}

/** The transform of that name. */
export const extractNewRecordState: TransformPlugin<typeof OPTIONS> = {
  name: "ExtractNewRecordState",
  options: OPTIONS,
  check(config) {
    const isOlder = config["drop.tombstones"] !== "" || config["delete.handling.mode"] !== "";
    return config["delete.tombstone.handling.mode"] !== "" && isOlder
      ? "has delete.tombstone.handling.mode beside the older drop.tombstones or delete.handling.mode: keep the former"
      : null;
  },
  routing: (config) => config["route.by.field"] === "" ? null : "rows",
  create(config) {
    const handling = handlingOf(config);
    const headers = config["add.headers"].map((text) => referenceOf(text, config["add.headers.prefix"]));
    const routeBy = config["route.by.field"];
    const unwrap = createUnwrapper(
      handling,
      config["add.fields"].map((text) => referenceOf(text, config["add.fields.prefix"])),
    );
    return {
      apply(batch, reject) {
        const envelope = unwrap(batch, reject);
        let out = batch;
        if (envelope.data) out = batch.withData(envelope.data).withTombstones(envelope.tombstones);
        if (headers.length > 0) {
          const columns = headers.map((reference) => ({ reference, column: envelope.column(reference) }));
          out = out.withHeaders(Array.from({ length: batch.numRows }, (_, row) => [
            ...batch.headers(row),
            ...columns.flatMap(({ reference, column }): RecordHeader[] => {
              const { name: key, struct, field } = reference;
              if (batch.isTombstone(row)) {
                return struct === null && field === "op" ? [{ key, value: DELETE, isText: true }] : [];
              }
              return column ? [{ key, value: headerText(column.field, column.data, row), isText: true }] : [];
            }),
          ]));
        }
        if (routeBy !== "" && envelope.data) {
          const { rows } = envelope;
          const topics = rows.texts(routeBy);
          if (topics instanceof DataError) {
            // What is dropped, and tombstones that follow deletes, need no name.
            for (const row of envelope.kept) if (!batch.isTombstone(row)) reject(row, topics);
          } else {
            const named = (row: number) => (topics[row] ?? "").trim() === "" ? batch.routedTopic(row) : topics[row]!;
            out = out.withRoutedTopics(Array.from({ length: batch.numRows }, (_, row) => named(row)));
          }
        }
        return out.select(envelope.kept);
      },
    };
  },
};

const DELETE = new TextEncoder().encode("d");

function handlingOf(config: Options): Handling {
  const tombstones = config["drop.tombstones"], deletes = config["delete.handling.mode"];
  if (tombstones !== "" || deletes !== "") {
    return {
      deletes: deletes === "none" ? "tombstone" : deletes || "drop",
      dropsTombstones: tombstones !== "false",
    };
  }
  const mode = config["delete.tombstone.handling.mode"] || "tombstone";
  return {
    deletes: mode === "drop" ? mode : mode.startsWith("rewrite") ? "rewrite" : "tombstone",
    dropsTombstones: mode !== "rewrite-with-tombstone",
  };
}

const REFERENCE = /^\s*(?:([^.:\s]+)\.)?([^.:\s]+)(?::([^:\s]+))?\s*$/;
const OF_EVENT = ["op", "ts_ms", "ts_us", "ts_ns"];
const OF_TRANSACTION = ["id", "data_collection_order", "total_order"];

function wrongReferences(references: readonly string[]): string | null {
  const wrong = references.find((text) => !REFERENCE.test(text));
  return wrong === undefined
    ? null
    : `has the entry "${wrong}", which must be field, struct.field or either with :name`;
}

function referenceOf(text: string, prefix: string): Reference {
  const [, given, field, name] = REFERENCE.exec(text)!;
  const struct = given ??
    (OF_EVENT.includes(field) ? null : OF_TRANSACTION.includes(field) ? "transaction" : "source");
  return { struct, field, name: prefix + (name ?? (given === undefined ? field : `${given}_${field}`)) };
}
