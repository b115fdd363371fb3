/**
 * A new transform: it drops the records that lack a field, an example on columns.
 *
 * @module
 */

const MOD = `/**
 * NAME: drops the records whose field is null, tombstones aside.
 *
 * @module
 */
import { DataError, isNull, option, type TransformPlugin } from "@sluice/sluice";

const options = {
  "field": option.string({ doc: "The field that a record must have.", importance: "high" }),
} as const;

/** The transform: what a configuration names by \`transforms.<alias>.type: ./mod.ts\`. */
export const IDENT: TransformPlugin<typeof options> = {
  name: "NAME",
  doc: "Drops the records whose field is null.",
  options,
  create: ({ field }) => ({
    // Topic, partition and offsets stay what they are; rows that are left out are still accounted for.
    apply(batch, reject) {
      const column = batch.data.data.children[batch.data.schema.fields.findIndex(({ name }) => name === field)];
      if (column === undefined) {
        const error = new DataError(\`Cannot look at "\${field}": there is no such field\`, { reason: "no such field" });
        for (let row = 0; row < batch.numRows; row++) if (!batch.isTombstone(row)) reject(row, error);
        return batch;
      }
      const rows = Int32Array.from({ length: batch.numRows }, (_, row) => row);
      return batch.select(rows.filter((row) => batch.isTombstone(row) || !isNull(column, row)));
    },
  }),
};
`;

const MOD_TEST = `import { types } from "@sluice/sluice";
import { transformConformance } from "@sluice/sluice/conformance";
import { IDENT } from "./mod.ts";

// What every transform must do, with what each row is to become.
transformConformance("NAME", {
  make: () => IDENT.create({ field: "id" }, "value"),
  fields: [types.field("id", types.int64()), types.field("name", types.utf8())],
  samples: [
    { row: { id: 7n, name: "a" }, becomes: { id: 7n, name: "a" } },
    { row: { id: null, name: "b" }, becomes: "dropped" },
  ],
});

transformConformance("NAME without its field", {
  make: () => IDENT.create({ field: "other" }, "value"),
  fields: [types.field("id", types.int64())],
  samples: [{ row: { id: 7n }, becomes: "rejected" }],
});
`;

const CONFIG = `# The address that "services up" prints.
bootstrap.servers: 127.0.0.1:9092
connectors:
  NAME-example:
    connector: file-sink
    file.path: ./out
    topics: [orders]
    value.converter: json
    transforms: [mine]
    # A path is relative to this file.
    transforms.mine.type: ./mod.ts
    transforms.mine.field: id
`;

const README = `# NAME

Drops the records whose field is null.

| option  | type   | default  |                                   |
| ------- | ------ | -------- | --------------------------------- |
| \`field\` | string | required | The field that a record must have |

1. \`deno test -A\` - the conformance suite, with samples. Change \`mod.ts\`, and keep it green.
2. \`SLUICE services up\` - a Kafka on this machine; put the address that it prints into \`sluice.yaml\`.
3. \`deno run -A send.ts '{"id":1,"name":"oak"}' '{"name":"elm"}'\` - records for it.
4. \`SLUICE start --config sluice.yaml --until-caught-up\` - to its end. The oak is in \`out/\`.
5. \`SLUICE plugins docs ./mod.ts\` - its options, as others see them.
6. \`SLUICE services down\` - ends Kafka and what else was started.
`;

/** The files. */
export const TRANSFORM = { "mod.ts": MOD, "mod_test.ts": MOD_TEST, "sluice.yaml": CONFIG, "README.md": README };
