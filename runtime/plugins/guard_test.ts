import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Converter,
  DataError,
  FatalError,
  type Log,
  RetriableError,
  SinkBatch,
  type SinkConnector,
  type Transform,
  types,
} from "../api/mod.ts";
import type { NamedPlugin } from "../config/choose_parts.ts";
import { batchOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { Schema } from "apache-arrow";
import { guarded } from "./guard.ts";
import type { PluginKind } from "./module_names.ts";

const MODULE = "file:///a.ts#it";

function guard<T>(kind: PluginKind, members: object): T {
  return guarded({ name: "it", version: "1", options: {}, ...members } as NamedPlugin, kind, MODULE) as unknown as T;
}

const SCHEMA = new Schema([types.field("id", types.int64())]);

function batch(): SinkBatch {
  const raw = slabOf([{ value: "x" }, { value: "y" }]);
  return new SinkBatch(batchOf(SCHEMA, [{ id: 1n }, { id: 2n }]), { raw, rows: Int32Array.of(0, 1) }, raw.from, raw.to);
}

const lines: string[] = [];
const log: Log = {
  debug: () => {},
  info: () => {},
  warn: (message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  error: () => {},
  with: () => log,
};
const clock = new FakeClock();
const context = { clock, log } as never;

async function messageOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    assert(error instanceof Error);
    return error.message;
  }
  return "nothing was thrown";
}

Deno.test("guarded() names the plugin, its module and what was wanted where a call returns something else", async () => {
  const task = (members: object) => async () => {
    const whole = { open() {}, put() {}, preCommit: () => [], close: () => [], stop() {}, ...members };
    const made = await guard<SinkConnector>("connector", { createTask: () => whole }).createTask({} as never, context);
    return made;
  };
  const { raw } = batch().origin;
  const decode = (runs: unknown) => async () => {
    const converter = guard<{ create(...given: unknown[]): Converter }>("converter", {
      create: () => ({ decode: () => runs }),
    });
    return await converter.create({}, null).decode(raw, Int32Array.of(0, 1), () => {});
  };
  const apply = (out: unknown) => () =>
    guard<{ create(): Transform }>("transform", { create: () => ({ apply: () => out }) }).create().apply(
      batch(),
      () => {},
    );
  const holds = (out: unknown) => () =>
    guard<{ create(): { holds(of: SinkBatch): unknown } }>("predicate", { create: () => ({ holds: () => out }) })
      .create().holds(batch());
  const { data } = batch();
  const cases: readonly (readonly [act: () => unknown, of: string, message: string])[] = [
    [
      async () => await (await task({ open: null })()),
      "connector",
      "createTask of K: it returned an object with open, put",
    ],
    [
      async () => (await task({ preCommit: () => null })()).preCommit(),
      "connector",
      "preCommit of K: it returned null, wanted a list of shares",
    ],
    [
      async () => (await task({ preCommit: () => [{}] })()).preCommit(),
      "connector",
      "preCommit of K: it returned a list of 1",
    ],
    [
      async () => (await task({ close() {} })()).close([]),
      "connector",
      "close of K: it returned undefined, wanted offsets",
    ],
    [
      () => guard<SinkConnector>("connector", { createTask() {} }).createTask({} as never, context),
      "connector",
      "createTask of K: it returned undefined",
    ],
    [
      () => guard<{ create(): unknown }>("transform", { create: () => null }).create(),
      "transform",
      "create of K: it returned null, wanted an object with apply",
    ],
    [decode(null), "converter", "decode of K: it returned null, wanted a list of { data"],
    [decode([{ data, rows: [0, 1] }]), "converter", "decode of K: it returned a list of 1, wanted a list of { data"],
    [
      decode([{ data, rows: Int32Array.of(0) }]),
      "converter",
      "decode of K: it returned a list of 1, wanted a list of { data",
    ],
    [decode([]), "converter", 'decode of K: it returned "0 rows and 0 rejected records for 2", wanted each record'],
    [apply(undefined), "transform", "apply of K: it returned undefined, wanted a batch"],
    [
      apply(Promise.resolve(batch())),
      "transform",
      "apply of K: it returned a promise, wanted a batch of the one that it was given; it must not be async",
    ],
    [holds(1), "predicate", "holds of K: it returned 1, wanted a boolean, or a byte a row"],
  ];
  for (const [act, kind, message] of cases) {
    assertStringIncludes(
      await messageOf(act),
      `Cannot go on after ${message.replace("K", `the ${kind} "it" (${MODULE})`)}`,
    );
  }
});

Deno.test("guarded() makes errors of what is thrown that is none, and leaves verdicts alone", async () => {
  const throwing = (thrown: unknown) =>
    guard<SinkConnector>("connector", {
      check: () => Promise.reject(thrown),
      createTask: () => {
        throw thrown;
      },
    });
  const name = `the connector "it" (${MODULE})`;
  assertEquals(
    await messageOf(() => throwing(undefined).check({} as never, [], context)),
    `check of ${name} threw undefined; throw a RetriableError, DataError or FatalError`,
  );
  assertStringIncludes(await messageOf(() => throwing("no luck").createTask({} as never, context)), `threw "no luck"`);
  const verdict = new RetriableError("away");
  assertEquals(await throwing(verdict).check({} as never, [], context).catch((error) => error), verdict);
});

Deno.test("guarded() refuses rejections without a DataError and its reason", () => {
  const of = (error: unknown) =>
    guard<{ create(): Transform }>("transform", {
      create: () => ({
        apply(given: SinkBatch, reject: (row: number, error: unknown) => void) {
          reject(1, error);
          return given;
        },
      }),
    }).create();
  for (const wrong of ["bad", new Error("bad"), new DataError("bad", {} as never), undefined]) {
    assertThrows(() => of(wrong).apply(batch(), () => {}), FatalError, "wanted a DataError with a reason");
  }
  const rejected: number[] = [];
  of(new DataError("bad", { reason: "no such field" })).apply(batch(), (row) => void rejected.push(row));
  assertEquals(rejected, [1]);
});

Deno.test("guarded() tells of calls that do not end, and of none that do", async () => {
  lines.length = 0;
  let end = () => {};
  const connector = guard<SinkConnector>("connector", {
    check: () => new Promise<void>((resolve) => end = resolve),
  });
  const checking = connector.check({} as never, [], context);
  await clock.advance(29_000);
  assertEquals(lines, []);
  await clock.advance(1_000);
  await clock.advance(60_000);
  end();
  await checking;
  await clock.advance(600_000);
  assertEquals(lines.map((line) => /"waitedMs":(\d+)/.exec(line)?.[1]), ["30000", "90000"]);
  assertStringIncludes(
    lines[0],
    `A call of a plugin has not ended yet {"plugin":"the connector \\"it\\" (${MODULE})","call":"check"`,
  );
});

Deno.test("guarded() keeps what else a plugin has, its own this and private members", async () => {
  class Plugin {
    #reason = "for a reason";
    readonly name = "it";
    readonly options = {};
    sides = ["value"];
    check() {
      return this.#reason;
    }
    create() {
      return { apply: (given: SinkBatch) => given };
    }
  }
  const plugin = guarded(Object.freeze(new Plugin()) as never, "transform", MODULE) as unknown as Plugin;
  assertEquals([plugin.name, plugin.check(), plugin.sides, "routing" in plugin], [
    "it",
    "for a reason",
    ["value"],
    false,
  ]);
  const given = batch();
  assertEquals(plugin.create().apply(given), given);
  await assertRejects(() => guard<SinkConnector>("connector", { check: 1 }).check({} as never, [], context), TypeError);
});
