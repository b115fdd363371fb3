import { assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import { types } from "./api/mod.ts";
import { PinnedSchemas, PinRequests } from "./schema_pins.ts";
import type { FromTask } from "./task_protocol.ts";
import { collectingLog } from "../tests/support/log.ts";

Deno.test("PinnedSchemas gives every task the first proposal, keys and values of a topic apart", async () => {
  const pinned = new PinnedSchemas(collectingLog());
  const task = () => {
    const requests: PinRequests = new PinRequests((message) => {
      requests.answer(pinned.answer(message as FromTask & { kind: "pin" }) as never);
    });
    return requests;
  };
  const schema = (name: string) => new Schema([types.field(name, types.int64())]);
  const names = async (...given: Parameters<PinRequests["propose"]>) => (await task().propose(...given)).names;
  assertEquals(await names("orders", "value", schema("a")), ["a"]);
  assertEquals(await names("orders", "key", schema("id")), ["id"]);
  assertEquals(await names("orders", "value", schema("b")), ["a"]);
  assertEquals(await names("orders", "key", schema("b")), ["id"]);
  assertEquals(await names("clicks", "value", schema("b")), ["b"]);
});
