import { assertEquals } from "@std/assert";
import { GiveBack } from "./collect.ts";

Deno.test("GiveBack collects once after the start, and once after each time of work", () => {
  let collected = 0;
  const giveBack = new GiveBack({ collect: () => collected++ });
  const after = (seconds: number, read: number) => {
    for (let i = 0; i < seconds; i++) giveBack.second(read);
    return collected;
  };
  assertEquals(after(2, 0), 0);
  assertEquals(after(10, 0), 1);
  let read = 0;
  for (let i = 0; i < 20; i++) giveBack.second(read += 100_000);
  assertEquals(collected, 1, "nothing is collected while there is work");
  assertEquals(after(10, read), 2);
});

Deno.test("GiveBack collects garbage where a thread at work holds more than it may, and not again before it has grown", () => {
  const MiB = 1024 * 1024;
  let held = 100 * MiB, read = 0;
  const collected: string[] = [];
  const collect = (what: string) => {
    collected.push(what);
    held -= 30 * MiB;
  };
  const giveBack = new GiveBack({ memoryBytes: 128 * MiB, heldBytes: () => held, collect });
  const second = (heldMiB: number) => {
    held = heldMiB * MiB;
    giveBack.second(read += 100_000);
    return collected.length;
  };
  assertEquals([second(100), second(128)], [0, 0], "it may hold that");
  assertEquals(second(170), 1);
  assertEquals([second(150), second(155)], [1, 1], "140 were left: there is little garbage");
  assertEquals(second(160), 2);
  assertEquals([second(60), second(129)], [2, 3]);
  assertEquals(collected, ["garbage", "garbage", "garbage"]);
});
