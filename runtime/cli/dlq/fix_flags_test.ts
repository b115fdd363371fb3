import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../api/mod.ts";
import { parseFix } from "./fix_flags.ts";

Deno.test("parseFix() takes constants and nested fields, and tells all that is wrong at once", async () => {
  const { sets, casts, drops } = await parseFix({
    set: ['country = "DE"', "a.b=value.a.c == 1"],
    cast: ["p:decimal(10, 2)"],
    dropField: ["`x.y`.z"],
  });
  assertEquals(sets, [["country", '"DE"'], ["a.b", "value.a.c == 1"]]);
  assertEquals([casts, drops], [["p:decimal(10, 2)"], ["`x.y`.z"]]);
  const wrong = {
    set: ["country=DE", "=1", "a"],
    cast: ["n:int46"],
    dropField: ["a..b", "`a"],
    option: ["topics=x", "y"],
    schemaId: "v1",
  };
  const { problems } = await assertRejects(() => parseFix(wrong), ConfigError);
  assertEquals(problems.map(({ key }) => key), [
    ...["--set", "--set", "--set", "--cast", "--drop-field", "--drop-field", "--option", "--option", "--schema-id"],
  ]);
});
