import { assertEquals, assertThrows } from "@std/assert";
import { FatalError } from "../../../mod.ts";
import { decodePath, encodePath, parseActions, serializeActions } from "./actions.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("parseActions() keeps 64 bit integers exact and serializeActions() writes them back", () => {
  const line = '{"txn":{"appId":"a","version":9223372036854775807,"lastUpdated":5}}\n{"new":{"x":9007199254740993}}\n';
  const actions = parseActions(bytes(line), "it");
  assertEquals(actions[0].txn?.version, 9223372036854775807n);
  assertEquals(new TextDecoder().decode(serializeActions(actions)), line);
});

Deno.test("parseActions() names the line that is not an action", () => {
  const error = assertThrows(() => parseActions(bytes('{"add":{}}\n{"ad'), "0.json"), FatalError);
  assertEquals(error.message.startsWith("Cannot read 0.json: line 2 is not an action"), true);
});

Deno.test("encodePath() encodes by segments and keeps the equals sign", () => {
  const path = "date=2026-11-21/a b%20ü#?.parquet";
  assertEquals(encodePath(path), "date=2026-11-21/a%20b%2520%C3%BC%23%3F.parquet");
  assertEquals(decodePath(encodePath(path)), path);
});
