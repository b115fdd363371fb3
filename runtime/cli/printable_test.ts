import { assertEquals } from "@std/assert";
import { printable } from "./printable.ts";

Deno.test("printable() leaves words, tabs and lines, and nothing that steers a terminal", () => {
  assertEquals(printable("naïve\t日本\n👍"), "naïve\t日本\n👍");
  assertEquals(printable("a\u001b[2Jb\rc\u009bd\u202ee"), "a\ufffd[2Jb\ufffdc\ufffdd\ufffde");
});
