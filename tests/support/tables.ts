/**
 * Tables as others see them: delta-rs and DuckDB (its kernel in Rust), each in a Python process.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DUCKDB_DELTA, runPython } from "./python.ts";

/** A row: integers and decimals as text, times in ISO 8601 (UTC), bytes as hex, maps as sorted [key, value] pairs. */
export type PlainRow = Record<string, unknown>;

/** What delta-rs says of a table. */
export interface DeltaRsTable {
  readonly version: number;
  readonly files: number;
  readonly rows: PlainRow[];
  readonly partitionColumns: readonly string[];
  /** Of the app ids that were asked for. */
  readonly txns: Readonly<Record<string, number | null>>;
  readonly types: Readonly<Record<string, string>>;
}

const PLAIN = `
import sys, json, datetime, decimal
import pyarrow as pa
def plain(v, t):
    if v is None: return None
    if pa.types.is_struct(t): return {f.name: plain(v[f.name], f.type) for f in t}
    if pa.types.is_map(t):
        pairs = v.items() if isinstance(v, dict) else v
        return sorted(([plain(k, t.key_type), plain(x, t.item_type)] for k, x in pairs), key=lambda p: p[0])
    if pa.types.is_list(t) or pa.types.is_large_list(t): return [plain(x, t.value_type) for x in v]
    if isinstance(v, bool): return v
    if isinstance(v, (int, decimal.Decimal)): return str(v)
    if isinstance(v, datetime.datetime):
        return v.astimezone(datetime.timezone.utc).isoformat() if v.tzinfo else v.isoformat()
    if isinstance(v, datetime.date): return v.isoformat()
    if isinstance(v, bytes): return v.hex()
    return v
def rows(table):
    columns = [[plain(v, f.type) for v in table.column(i).to_pylist()] for i, f in enumerate(table.schema)]
    return [dict(zip(table.schema.names, row)) for row in zip(*columns)]
`;

/** How to reach a store of objects. */
export interface StoreAccess {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Reads a table with delta-rs; `appIds` are those whose offsets it is asked for. */
export async function readDeltaRs(
  uri: string,
  appIds: readonly string[] = [],
  access: StoreAccess | null = null,
): Promise<DeltaRsTable> {
  const options = access && {
    AWS_ENDPOINT_URL: access.endpoint,
    AWS_ALLOW_HTTP: "true",
    AWS_REGION: access.region,
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
  };
  const script = PLAIN + `
import deltalake
dt = deltalake.DeltaTable(sys.argv[1], storage_options=json.loads(sys.argv[3]))
fields = json.loads(dt.schema().to_json())["fields"]
print(json.dumps({
    "version": dt.version(), "files": len(dt.file_uris()), "rows": rows(dt.to_pyarrow_table()),
    "partitionColumns": dt.metadata().partition_columns,
    "txns": {a: dt.transaction_version(a) for a in json.loads(sys.argv[2])},
    "types": {f["name"]: f["type"] if isinstance(f["type"], str) else f["type"]["type"] for f in fields},
}))`;
  return JSON.parse(await runPython(script, uri, JSON.stringify(appIds), JSON.stringify(options)));
}

/** The rows of a table by DuckDB. */
export async function readDuckDb(uri: string, access: StoreAccess | null = null): Promise<PlainRow[]> {
  const script = PLAIN + DUCKDB_DELTA + `
con.execute("SET TimeZone = 'UTC'")
access = json.loads(sys.argv[2])
if access:
    load("httpfs")
    con.execute("CREATE SECRET (TYPE s3, KEY_ID '{accessKeyId}', SECRET '{secretAccessKey}', REGION '{region}', "
        "ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)".format(**access))
print(json.dumps(rows(con.execute("select * from delta_scan('" + sys.argv[1] + "')").fetch_arrow_table())))`;
  const secret = access && { ...access, host: new URL(access.endpoint).host };
  return JSON.parse(await runPython(script, uri, JSON.stringify(secret)));
}

/** The same rows, each once; `key` is a column of integers that tells them apart. Names the first that differs. */
export function assertRows(found: readonly PlainRow[], wanted: readonly PlainRow[], key: string): void {
  const sorted = (rows: readonly PlainRow[]) =>
    [...rows].sort((a, b) => BigInt(String(a[key])) < BigInt(String(b[key])) ? -1 : 1);
  const keys = (rows: readonly PlainRow[]) => rows.map((row) => String(row[key])).join(" ");
  const [left, right] = [sorted(found), sorted(wanted)];
  assertEquals(keys(left), keys(right), "the rows that are there");
  left.forEach((row, i) => assertEquals(row, right[i]));
}
