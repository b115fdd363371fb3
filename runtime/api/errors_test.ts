import { assert, assertEquals } from "@std/assert";
import { DataError, FatalError, RetriableError, TopicsError } from "./errors.ts";

Deno.test("RetriableError and the others are told apart by instanceof, across copies of their module too", async () => {
  const text = await Deno.readTextFile(new URL("./errors.ts", import.meta.url));
  const copy: typeof import("./errors.ts") = await import(`data:application/typescript;base64,${btoa(text)}`);
  assert(copy.DataError !== DataError);
  const theirs = new copy.DataError("no", { reason: "no" });
  assert(theirs instanceof DataError && theirs instanceof Error && !((theirs as unknown) instanceof FatalError));
  assert(new copy.RetriableError("later") instanceof RetriableError);
  const topics: unknown = new copy.TopicsError(new Map([["t", new Error("x")]]));
  assert(topics instanceof TopicsError && topics instanceof FatalError);
  const fatal: unknown = new copy.FatalError("stop");
  assert(fatal instanceof FatalError && !(fatal instanceof TopicsError));
  for (const other of [new Error("FatalError"), { name: "FatalError" }, null, undefined, "FatalError"]) {
    assertEquals(other instanceof FatalError, false);
  }
});

Deno.test("FatalError can be derived from: only those of the class are of it", () => {
  class Broken extends FatalError {}
  assert(new Broken("x") instanceof Broken && new Broken("x") instanceof FatalError);
  assertEquals(new FatalError("x") instanceof Broken, false);
});
