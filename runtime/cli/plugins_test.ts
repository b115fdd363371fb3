import { assertEquals } from "@std/assert";
import { BUILT_IN_DOCS } from "./built_in_docs.ts";
import { plugins } from "./parts.ts";

Deno.test("BUILT_IN_DOCS has a line for each plugin that is built in, and for no other", async () => {
  await plugins.loadAll!();
  const kinds = {
    "connector": plugins.connectors,
    "converter": plugins.converters,
    "header converter": plugins.headerConverters!,
    "transform": plugins.transforms,
    "predicate": plugins.predicates!,
  };
  const names = Object.entries(kinds).flatMap(([kind, of]) => of.map(({ name }) => `${kind} ${name}`));
  assertEquals(Object.keys(BUILT_IN_DOCS).sort(), names.sort());
});
