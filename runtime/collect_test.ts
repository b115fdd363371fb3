import { assertEquals } from "@std/assert";
import { GiveBack } from "./collect.ts";

Deno.test("GiveBack collects once after the start, and once after each time of work", () => {
  let collected = 0;
  const giveBack = new GiveBack(() => collected++);
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
