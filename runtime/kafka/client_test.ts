import { assert, assertStrictEquals } from "@std/assert";
import * as whole from "@platformatic/kafka";
import * as parts from "./client.ts";

Deno.test("client.ts finds its parts beside the package's index, and they are the index's own", () => {
  for (const [name, part] of Object.entries(parts)) {
    if (name === "clientPart") continue;
    const own = whole[name as keyof typeof whole];
    assert(own !== undefined, `the package exports ${name}`);
    // The index wraps an API's file in a namespace: what is in it is the same.
    if (typeof part === "object" && part !== null && "api" in part) {
      assertStrictEquals(part.api, (own as unknown as typeof part).api);
      assert(part !== (whole as unknown), `${name} is a file of its own`);
    } else assertStrictEquals(part as unknown, own as unknown);
  }
});

Deno.test("clientPart() falls back to the index where a file is not there, or has not what is wanted", async () => {
  assertStrictEquals(await parts.clientPart("network/gone.js", ["Connection"]), whole);
  assertStrictEquals(await parts.clientPart("protocol/errors.js", ["Connection"]), whole);
  assert(await parts.clientPart("network/connection.js", ["Connection"]) as unknown !== whole);
});
