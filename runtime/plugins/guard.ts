/**
 * Plugins of modules, held to their contracts: what they return has the shape that the runtime relies on, what they throw is
 * an error that names them, what they bring along of Arrow and of Sluice becomes ours, and a call that does not end is told.
 * Those that are built in go without: tests hold them.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import {
  type Clock,
  type Converter,
  type ConverterContext,
  DataError,
  type DecodedRows,
  FatalError,
  type Log,
  type Offsets,
  type RejectRecord,
  type RejectRow,
  SinkBatch,
  type Transform,
} from "../api/mod.ts";
import type { NamedPlugin } from "../config/choose_parts.ts";
import type { PluginKind } from "./module_names.ts";
import { ownBatch, ownSchema } from "./own_columns.ts";

/** After so long, and again after twice the time, a call that has not ended is told. */
const SILENT_MS = 30_000;

type Method = (...given: never[]) => unknown;
type Methods = Readonly<Record<string, unknown>>;

/** The plugin, under guard. `module` is where it is from. */
export function guarded(plugin: NamedPlugin, kind: PluginKind, module: string): NamedPlugin {
  const of = new Guard(`the ${kind} "${plugin.name}" (${module})`);
  const makers: Readonly<Record<PluginKind, () => Methods>> = {
    "connector": () => connectorMethods(of, plugin),
    "converter": () => ({
      create: (config: unknown, context: ConverterContext) =>
        guardedConverter(of, of.made(plugin, "create", ["decode"], config, withOwnSchemas(context))),
    }),
    "header converter": () => ({
      create: (config: unknown) => {
        const made = of.made(plugin, "create", ["convert"], config);
        return faced(made, {
          convert: (value: Uint8Array) => of.is(of.call(made, "convert", value), "convert", isBytes, "a Uint8Array"),
        });
      },
    }),
    "predicate": () => ({
      create: (config: unknown) => {
        const made = of.made(plugin, "create", ["holds"], config);
        const holds = (batch: SinkBatch) => of.call(made, "holds", batch);
        return faced(made, {
          holds: (batch: SinkBatch) => of.is(holds(batch), "holds", isVerdict, "a boolean, or a byte a row"),
        });
      },
    }),
    "transform": () => ({
      create: (config: unknown, side: unknown) =>
        guardedTransform(of, of.made(plugin, "create", ["apply"], config, side)),
    }),
  };
  return faced(plugin, makers[kind]()) as unknown as NamedPlugin;
}

/** Calls of one plugin. */
class Guard {
  constructor(private readonly name: string) {}

  /** A call that answers at once. */
  call(on: object, method: string, ...given: readonly unknown[]): unknown {
    try {
      return (Reflect.get(on, method) as Method).apply(on, given as never[]);
    } catch (error) {
      throw this.#thrown(method, error);
    }
  }

  /** A call that may take its time; told where that is long. */
  async wait(context: { clock: Clock; log: Log } | null, on: object, method: string, ...given: readonly unknown[]) {
    const answer = Promise.resolve(this.call(on, method, ...given)).catch((error) => {
      throw this.#thrown(method, error);
    });
    if (context === null) return await answer;
    const ended = new AbortController();
    this.#tell(context, method, ended.signal);
    try {
      return await answer;
    } finally {
      ended.abort();
    }
  }

  /** What a factory made: an object with these methods. */
  made(on: object, method: string, methods: readonly string[], ...given: readonly unknown[]): object {
    return this.object(this.call(on, method, ...given), method, methods);
  }

  object(value: unknown, method: string, methods: readonly string[]): object {
    const has = (value: unknown): value is object =>
      typeof value === "object" && value !== null &&
      methods.every((each) => typeof Reflect.get(value, each) === "function");
    return this.is(value, method, has, `an object with ${methods.join(", ")}`);
  }

  /** The value, where it is what the contract wants. */
  is<T>(value: unknown, method: string, test: (value: unknown) => value is T, wanted: string): T {
    if (test(value)) return value;
    const hint = isPromise(value) ? "; it must not be async" : "";
    throw new FatalError(
      `Cannot go on after ${method} of ${this.name}: it returned ${shown(value)}, wanted ${wanted}${hint}`,
    );
  }

  /** A rejection's error, where it is one. */
  rejection(error: unknown, method: string): DataError {
    if (error instanceof DataError && typeof error.details?.reason === "string" && error.details.reason !== "") {
      return error;
    }
    throw new FatalError(
      `Cannot set a record aside in ${method} of ${this.name}: it was rejected with ${shown(error)}, ` +
        'wanted a DataError with a reason, e.g. new DataError("Cannot decode: ...", { reason: "no such field" })',
    );
  }

  /** Errors pass: their stacks name the module. */
  #thrown(method: string, error: unknown): Error {
    if (error instanceof Error) return error;
    const why = `${method} of ${this.name} threw ${shown(error)}; throw a RetriableError, DataError or FatalError`;
    const bug = new Error(why);
    bug.stack = `Error: ${why}`; // ours tells nobody anything, and what was thrown has none
    return bug;
  }

  async #tell({ clock, log }: { clock: Clock; log: Log }, method: string, ended: AbortSignal): Promise<void> {
    for (let ms = SILENT_MS, all = 0; !ended.aborted; ms *= 2) {
      // Its only failure is that the call has ended.
      if (await clock.sleep(ms, ended).then(() => false, () => true)) return;
      log.warn("A call of a plugin has not ended yet", { plugin: this.name, call: method, waitedMs: all += ms });
    }
  }
}

function connectorMethods(of: Guard, plugin: NamedPlugin): Methods {
  const { createCommitter, previewTask } = plugin as unknown as Methods;
  const task = (method: string) => async (config: unknown, context: { clock: Clock; log: Log }) =>
    guardedTask(of, of.object(await of.wait(context, plugin, method, config, context), method, TASK), context);
  return {
    check: (config: unknown, topics: unknown, context: { clock: Clock; log: Log }) =>
      of.wait(context, plugin, "check", config, topics, context),
    createTask: task("createTask"),
    ...(previewTask ? { previewTask: task("previewTask") } : {}),
    ...(createCommitter
      ? {
        createCommitter: async (config: unknown, context: { clock: Clock; log: Log }) => {
          const made = of.object(
            await of.wait(context, plugin, "createCommitter", config, context),
            "createCommitter",
            ["committedOffsets", "commit", "initialize", "stop"],
          );
          return faced(made, {
            committedOffsets: async (...given: unknown[]) =>
              of.is(await of.wait(context, made, "committedOffsets", ...given), "committedOffsets", isList, "offsets"),
            commit: async (epoch: number, table: string, shares: readonly unknown[]) =>
              of.is(
                await of.wait(context, made, "commit", epoch, table, shares),
                "commit",
                (all): all is unknown[] => isList(all) && all.length === shares.length && all.every(hasKind),
                `an outcome for each of the ${shares.length} shares`,
              ),
            initialize: (at: Offsets) => of.wait(context, made, "initialize", at),
          });
        },
      }
      : {}),
  };
}

const TASK = ["open", "put", "preCommit", "close", "stop"];

function guardedTask(of: Guard, task: object, context: { clock: Clock; log: Log }): object {
  const { settle, targetSchema } = task as Methods;
  const wait = (method: string) => (...given: unknown[]) => of.wait(context, task, method, ...given);
  return faced(task, {
    open: wait("open"),
    put: wait("put"),
    preCommit: async () =>
      of.is(
        await of.wait(context, task, "preCommit"),
        "preCommit",
        isShares,
        "a list of shares, [] where nothing was put",
      ),
    close: async (...given: unknown[]) =>
      of.is(
        await of.wait(context, task, "close", ...given),
        "close",
        isList,
        "offsets, [] where nothing is read again",
      ),
    stop: wait("stop"),
    ...(settle ? { settle: wait("settle") } : {}),
    ...(targetSchema
      ? {
        targetSchema: async (topic: string) => {
          const schema = await of.wait(context, task, "targetSchema", topic) as Schema | null;
          return schema && ownSchema(schema);
        },
      }
      : {}),
  });
}

function guardedConverter(of: Guard, made: object): object {
  const { schema, columnsOf, wants, learn } = made as Converter;
  return faced(made, {
    ...(schema ? { schema: ownSchema(schema) } : {}),
    decode: async (records: unknown, indices: Int32Array, reject: RejectRecord) => {
      let count = 0;
      const rejecting: RejectRecord = (index, error) => {
        count++;
        reject(index, of.rejection(error, "decode"));
      };
      const runs = of.is(
        await of.wait(null, made, "decode", records, indices, rejecting),
        "decode",
        isRuns,
        "a list of { data: a record batch, rows: an Int32Array with the record of each of its rows }",
      );
      const rejects = count;
      for (const { rows } of runs) count += rows.length;
      if (count !== indices.length) {
        of.is(
          `${count - rejects} rows and ${rejects} rejected records for ${indices.length}`,
          "decode",
          (_): _ is never => false,
          "each record as a row, or rejected, once",
        );
      }
      return runs.map(({ data, rows }) => ({ data: ownBatch(data), rows }));
    },
    ...(wants ? { wants: () => of.wait(null, made, "wants") } : {}),
    ...(learn ? { learn: (sample: unknown) => of.wait(null, made, "learn", sample) } : {}),
    ...(columnsOf
      ? { columnsOf: async (of_: unknown) => ownSchema(await of.wait(null, made, "columnsOf", of_) as Schema) }
      : {}),
  });
}

/** What a converter proposes is sent to the main thread. */
function withOwnSchemas(context: ConverterContext): ConverterContext {
  if (!context) return context;
  return { ...context, pinSchema: (proposal) => context.pinSchema(ownSchema(proposal)) };
}

function guardedTransform(of: Guard, made: object): Transform {
  return {
    apply(batch, reject) {
      const rejecting: RejectRow = (row, error) => reject(row, of.rejection(error, "apply"));
      const out = of.is(
        of.call(made, "apply", batch, rejecting),
        "apply",
        isBatch,
        "a batch of the one that it was given",
      );
      const { data, origin, from, to, tombstones, keys, changes } = out;
      const [ownData, ownKeys] = [ownBatch(data), keys && ownBatch(keys)];
      if (out.constructor === SinkBatch && ownData === data && ownKeys === keys) return out;
      return new SinkBatch(ownData, origin, from, to, tombstones, ownKeys, changes);
    },
  };
}

/** An object as `original` shows itself, with some of its members in other hands. Its own methods keep their `this`. */
function faced(original: object, others: Methods): object {
  const face = {};
  for (let of: object = original; of !== null && of !== Object.prototype && of !== Function.prototype;) {
    for (const key of Object.getOwnPropertyNames(of)) {
      if (key === "constructor" || Object.hasOwn(face, key)) continue;
      const get = () => {
        const value: unknown = Reflect.get(original, key, original);
        return typeof value === "function" ? value.bind(original) : value;
      };
      Object.defineProperty(face, key, { get, enumerable: true, configurable: true });
    }
    of = Object.getPrototypeOf(of);
  }
  for (const [key, value] of Object.entries(others)) {
    Object.defineProperty(face, key, { value, enumerable: true, configurable: true });
  }
  return face;
}

const isObject = (value: unknown): value is Methods => typeof value === "object" && value !== null;
const isList = (value: unknown): value is unknown[] => Array.isArray(value);
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isPromise = (value: unknown) => isObject(value) && typeof value.then === "function";
const isVerdict = (value: unknown): value is boolean | Uint8Array => typeof value === "boolean" || isBytes(value);
const hasKind = (value: unknown) => isObject(value) && typeof value.kind === "string";
const isShares = (value: unknown): value is unknown[] =>
  isList(value) && value.every((share) => isObject(share) && isList(share.ranges) && isObject(share.stats));
const isColumns = (value: unknown): value is RecordBatch =>
  isObject(value) && isObject(value.schema) && isObject(value.data) && typeof value.numRows === "number";
const isRuns = (value: unknown): value is DecodedRows[] =>
  isList(value) && value.every((run) =>
    isObject(run) && isColumns(run.data) && run.rows instanceof Int32Array &&
    run.data.numRows === run.rows.length
  );
const isBatch = (value: unknown): value is SinkBatch =>
  isObject(value) && isObject(value.origin) && isColumns(value.data) && typeof value.select === "function";

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 200));
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isPromise(value)) return "a promise";
  return isObject(value) ? `an object with ${Object.keys(value).join(", ") || "nothing in it"}` : String(value);
}
