import { assertEquals } from "@std/assert";
import { decodeRows, encodeRows, type RowField } from "./rows.ts";

const FIELDS: readonly RowField[] = [
  {
    name: "txn",
    type: { struct: [{ name: "appId", type: "string", required: true }, { name: "version", type: "long" }] },
  },
  {
    name: "add",
    type: {
      struct: [
        { name: "path", type: "string" },
        { name: "values", type: { map: "string" } },
        { name: "features", type: { list: "string" } },
        { name: "flag", type: "boolean" },
        { name: "offset", type: "int" },
      ],
    },
  },
];

Deno.test("encodeRows() and decodeRows() keep longs exact, and tell empty maps and lists from null", async () => {
  const rows = [
    { txn: { appId: "a", version: 9007199254740993n }, add: null },
    { txn: null, add: { path: "x", values: {}, features: [], flag: true, offset: 1 } },
    { txn: null, add: { path: "ü", values: { a: "1", b: null }, features: ["p", "q"], flag: false, offset: null } },
    { txn: null, add: { path: "z", values: null, features: null, flag: null, offset: -5 } },
    { txn: { appId: "", version: -1n }, add: null },
  ];
  const decoded = await decodeRows(encodeRows(FIELDS, rows));
  assertEquals(nullsFor(decoded), rows);
});

Deno.test("decodeRows() reads only the columns asked for, and leaves out those that are not there", async () => {
  const bytes = encodeRows(FIELDS, [{ txn: { appId: "a", version: 1 } }]);
  assertEquals(nullsFor(await decodeRows(bytes, ["txn", "absent"])), [{ txn: { appId: "a", version: 1n } }]);
  assertEquals(await decodeRows(bytes, ["absent"]), []);
});

/** Undefined, as the reader has it, as null. */
function nullsFor(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return value.map(nullsFor);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, nullsFor(entry)]));
}
