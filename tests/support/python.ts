/**
 * Pythons with libraries that are not ours: delta-rs and DuckDB, which read what we write, and Confluent's serializers,
 * which write what we read; clients of Kafka Connect's REST API. Virtual environments in the cache folder, made once.
 *
 * @module
 */
import { exists } from "../../runtime/cli/exists.ts";
import { cacheDir } from "../../runtime/cli/services/artifacts.ts";

/** Pinned: what they report is compared with what we report. */
const PACKAGES = {
  python: [
    "deltalake==1.6.6",
    "duckdb==1.4.4",
    "duckdb-ext-delta==1.4.4.20260205",
    "pyarrow==22.0.0",
    "duckdb-ext-httpfs==1.4.4.20260205",
  ],
  confluent: ["confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.0", "grpcio-tools==1.85.1"],
  connect: ["kafka-connect-py==1.0.0", "kafka-connect-api==0.5.10"],
};

const made = new Map<string, Promise<string>>();

/** The path of an interpreter. The first call of a machine installs the packages, which takes about half a minute. */
export function python(of: keyof typeof PACKAGES = "python"): Promise<string> {
  if (!made.has(of)) made.set(of, make(of));
  return made.get(of)!;
}

/** Runs a script; returns what it printed. Throws with its stderr where it fails. */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  // Threads of the libraries can abort an interpreter that ends in the ordinary way.
  const ended = `${script}\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n`;
  return await output(await python(), ["-c", ended, ...args]);
}

/** Runs a script file with Confluent's serializers. */
export async function runConfluent(path: string, ...args: string[]): Promise<string> {
  return await output(await python("confluent"), [path, ...args]);
}

/** Runs a script file with clients of Kafka Connect's REST API. */
export async function runConnectClients(path: string, ...args: string[]): Promise<string> {
  return await output(await python("connect"), [path, ...args]);
}

/**
 * The head of a script that reads a Delta table with DuckDB: then `con.execute("... delta_scan('...')")`. `load("httpfs")`
 * is for S3.
 */
export const DUCKDB_DELTA = `
import duckdb, glob, os, sysconfig
con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
con.execute("SET enable_progress_bar = false")  # it would go to the standard output
def load(name):
    con.execute("LOAD '" + glob.glob(sysconfig.get_path("purelib") + f"/duckdb_ext/**/{name}.duckdb_extension", recursive=True)[0] + "'")
load("delta")
`;

/** A folder for each set of packages: a test run of another checkout goes on with its own. */
async function make(of: keyof typeof PACKAGES): Promise<string> {
  const wanted = PACKAGES[of].join("\n");
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(wanted)));
  const dir = `${cacheDir()}/${of}-${hash.subarray(0, 4).toHex()}`;
  const bin = `${dir}/bin/python3`;
  const marker = `${dir}/packages`;
  await Deno.mkdir(cacheDir(), { recursive: true });
  using file = await Deno.open(`${dir}.lock`, { create: true, write: true });
  await file.lock(true); // test files run beside each other
  if (await exists(marker)) return bin;
  await run("python3", ["-m", "venv", "--clear", dir]);
  await run(bin, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES[of]]);
  await Deno.writeTextFile(marker, wanted);
  return bin;
}

async function output(program: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (code !== 0) throw new Error(`The script failed:\n${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function run(program: string, args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
}
