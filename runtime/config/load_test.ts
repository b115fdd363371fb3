import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConfigError } from "../api/mod.ts";
import { loadConfig } from "./load.ts";
import { parseProperties } from "./properties.ts";
import type { RawKeys } from "./raw.ts";

const isWorkerKey = (key: string) => key === "bootstrap.servers";
const plain = (keys: RawKeys) => Object.fromEntries([...keys].map(([key, { value }]) => [key, value]));

Deno.test("parseProperties() reads comments, continuations, separators and escapes", () => {
  const text = "# no\n! no\n\na=1\n b : 2\nc 3\nd = x\\\n    y\\\\\ne\\=\\:k=v\\u0041\\t!\nempty\n#\\\nlast=\\\n";
  assertEquals(parseProperties(text).map(({ key, value }) => [key, value]), [
    ["a", "1"],
    ["b", "2"],
    ["c", "3"],
    ["d", "xy\\"],
    ["e=:k", "vA\t!"],
    ["empty", ""],
    ["last", ""],
  ]);
});

Deno.test("parseProperties() gives back what was escaped", () => {
  const escaped = (text: string) =>
    text.replace(/[^]/g, (c) => /[\\=: \t\f#!]/.test(c) ? `\\${c}` : c === "\n" ? "\\n" : c === "\r" ? "\\r" : c);
  fc.assert(fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string())), (pairs) => {
    const text = pairs.map(([key, value]) => `${escaped(key)} = ${escaped(value)}`).join("\n");
    assertEquals(parseProperties(text).map(({ key, value }) => [key, value]), pairs);
  }));
});

Deno.test("loadConfig() splits the worker's keys off Connect's forms and keeps the source", () => {
  const config = loadConfig('{"name":"o","config":{"bootstrap.servers":"a:1","topics":"t"}}', "o.json", isWorkerKey);
  assertEquals(plain(config.worker), { "bootstrap.servers": "a:1" });
  assertEquals(plain(config.connectors.get("o")!), { topics: "t" });
  assertEquals(config.connectors.get("o")!.get("topics")!.source, "o.json");
});

Deno.test("loadConfig() refuses properties without a name, and keys that are given twice", () => {
  assertThrows(
    () => loadConfig("topics=t", "o.properties", isWorkerKey),
    ConfigError,
    "name: is missing in o.properties",
  );
  assertThrows(
    () => loadConfig("name=o\ntopics=t\ntopics=u", "o.properties", isWorkerKey),
    ConfigError,
    'topics: is given twice: as "topics", twice; keep one',
  );
});

Deno.test("loadConfig() quotes nothing of a text that it cannot read", () => {
  for (
    const [text, path] of [['{"a": "s3cret"', "o.json"], ['a: "s3cret', "o.yaml"], ["a=\\u00zz s3cret", "o.properties"]]
  ) {
    const { message } = assertThrows(() => loadConfig(text, path, isWorkerKey), ConfigError, "at line 1, column");
    assertEquals(message.includes("s3cret"), false, message);
  }
});

Deno.test("loadConfig() refuses lists of maps and connectors that are no maps", () => {
  assertThrows(() => loadConfig("a: [{b: 1}]", "s.yaml", isWorkerKey), ConfigError, "a: holds a list with maps");
  assertThrows(() => loadConfig("connectors: [a]", "s.yaml", isWorkerKey), ConfigError, "connectors: is no map");
  assertThrows(() => loadConfig("connectors: {a: 1}", "s.yaml", isWorkerKey), ConfigError, "connectors.a: is no map");
  assertThrows(() => loadConfig("- a", "s.yaml", isWorkerKey), ConfigError, "s.yaml: holds no map");
  assertEquals(loadConfig("", "s.yaml", isWorkerKey).connectors.size, 0);
});
