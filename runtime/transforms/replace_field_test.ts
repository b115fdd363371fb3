import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FatalError } from "../api/mod.ts";
import { parseConfig } from "../config/parse_config.ts";
import { replaceField } from "./replace_field.ts";
import { anySide, anyTestBatch, reference, transformed } from "./side_test_support.ts";

const someNames = fc.subarray(["f0", "f1", "f2", "x"]);

Deno.test("ReplaceField keeps, drops and renames fields of keys and values, by the options' old names too", () => {
  fc.assert(fc.property(anyTestBatch(1), anySide, someNames, someNames, someNames, fc.boolean(), (...args) => {
    const [given, side, include, exclude, olds, isOld] = args;
    const lists = isOld ? { whitelist: include, blacklist: exclude } : { include, exclude };
    const got = transformed(replaceField, { ...lists, renames: olds.map((old) => `${old}:new ${old}`) }, given, side);
    const wanted = reference(given, side, (row) =>
      row && Object.fromEntries(
        Object.entries(row)
          .filter(([name]) => !exclude.includes(name) && (include.length === 0 || include.includes(name)))
          .map(([name, value]) => [olds.includes(name) ? `new ${name}` : name, value]),
      ));
    assertEquals({ rows: got.rows, rejects: got.rejects }, wanted);
  }));
});

Deno.test("ReplaceField takes one name of an option, and pairs in renames", () => {
  const create = (options: object) => replaceField.create({ ...EMPTY, ...options }, "value");
  assertThrows(() => create({ include: ["a"], whitelist: ["b"] }), FatalError, "old name whitelist");
  const keys = new Map([["renames", { value: "a:b:c", source: "test", parts: [] }]]);
  assertThrows(() => parseConfig(replaceField.options, keys), Error, "must be old:new");
});

const EMPTY = {
  include: [],
  exclude: [],
  renames: [],
  whitelist: [],
  blacklist: [],
  "replace.null.with.default": true,
};
