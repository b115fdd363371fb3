/**
 * A new converter: text with separators to string columns.
 *
 * @module
 */

const MOD = `/**
 * NAME: text with separators, one column for each of the names that are given.
 *
 * @module
 */
import { createColumn, DataError, option, rawValue, recordBatch, types } from "@sluice/sluice";
import type { BytesColumn, ConverterPlugin } from "@sluice/sluice";
import { Schema } from "apache-arrow";

const options = {
  "NAME.columns": option.list({ doc: "The names of the columns, in order.", importance: "high" }),
  "NAME.separator": option.string({ doc: "What stands between values.", default: ";" }),
} as const;

/** The converter: what a configuration names by \`value.converter: ./mod.ts\`. */
export const IDENT: ConverterPlugin<typeof options> = {
  name: "NAME",
  doc: "Text with separators, a column for each of the names that are given.",
  options,
  create(config) {
    const [names, separator] = [config["NAME.columns"], config["NAME.separator"]];
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    // One schema, one object: what others derive from a schema is kept by its identity.
    const schema = new Schema(names.map((name) => types.field(name, types.utf8())));
    return {
      schema,
      decode(records, indices, reject) {
        const columns = names.map(() => createColumn(types.utf8()) as BytesColumn);
        // A record decodes whole or is rejected once: nothing is appended before all of it is known to be good.
        const rows = indices.filter((index) => {
          const bytes = rawValue(records, index)!;
          let values: string[];
          try {
            values = text.decode(bytes).split(separator);
          } catch (cause) {
            reject(index, new DataError("Cannot decode: the value is no UTF-8", { reason: "no UTF-8" }, { cause }));
            return false;
          }
          if (values.length !== names.length) {
            const message = \`Cannot decode: there are \${values.length} values, wanted \${names.length}\`;
            reject(index, new DataError(message, { reason: "another number of values" }));
            return false;
          }
          values.forEach((value, i) => columns[i].appendString(value));
          return true;
        });
        const data = recordBatch(schema, columns.map((column) => column.finish()), rows.length);
        return Promise.resolve([{ data, rows }]);
      },
    };
  },
};
`;

const MOD_TEST = `import { converterConformance } from "@sluice/sluice/conformance";
import { IDENT } from "./mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

// What every converter must do: samples decode to their rows, whatever else comes is rejected and harms nothing.
converterConformance("NAME", {
  make: () => {
    const config = { "NAME.columns": ["a", "b"], "NAME.separator": ";" };
    return Promise.resolve(IDENT.create(config, undefined as never)); // it needs nothing of its context
  },
  samples: [{
    good: [
      { bytes: bytes("1;2"), row: { a: "1", b: "2" } },
      { bytes: bytes(";"), row: { a: "", b: "" } },
    ],
  }],
  bad: [bytes("1"), bytes("1;2;3"), Uint8Array.of(0xff, 0x3b)],
});
`;

const CONFIG = `# The address that "services up" prints.
bootstrap.servers: 127.0.0.1:9092
connectors:
  NAME-example:
    connector: file-sink
    file.path: ./out
    topics: [orders]
    # A path is relative to this file.
    value.converter: ./mod.ts
    NAME.columns: [id, name]
`;

const README = `# NAME

Text with separators to columns: \`7;oak\` to \`{"id":"7","name":"oak"}\`.

- \`NAME.columns\`: the names of the columns, in order; required.
- \`NAME.separator\`: what stands between values; \`;\` unless told.

1. \`deno test -A\` - the conformance suite, with samples. Change \`mod.ts\`, and keep it green.
2. \`SLUICE services up\` - a Kafka on this machine; put the address that it prints into \`sluice.yaml\`.
3. \`deno run -A send.ts '7;oak' '8;elm'\` - records for it.
4. \`SLUICE start --config sluice.yaml --until-caught-up\` - to the topic's end. \`out/\` has the rows.
5. \`SLUICE plugins docs ./mod.ts\` - its options, as others see them.
6. \`SLUICE services down\` - ends Kafka and what else was started.
`;

/** The files. */
export const CONVERTER = { "mod.ts": MOD, "mod_test.ts": MOD_TEST, "sluice.yaml": CONFIG, "README.md": README };
