import { assertEquals, assertThrows } from "@std/assert";
import { MiB } from "../api/config_def.ts";
import { type ConfigProblem, FatalError } from "../api/errors.ts";
import { checkBudgets, divideBudgets, remainingBudget } from "./budgets.ts";

const instance = (name: string, tasksMax: number, memoryMiB = 128) => ({
  name,
  values: { "tasks.max": tasksMax, "memory.bytes": memoryMiB * MiB },
});
const limits = (threads: number, memoryMiB: number) => ({
  "worker.threads": threads,
  "worker.memory.bytes": memoryMiB * MiB,
});
const divided = (...[worker, instances]: Parameters<typeof divideBudgets>) =>
  [...divideBudgets(worker, instances)].map(([name, { tasksMax, taskMemoryBytes }]) =>
    `${name}: ${tasksMax} x ${taskMemoryBytes / MiB}`
  );
const problemsOf = (...[worker, instances]: Parameters<typeof divideBudgets>) => {
  const problems: ConfigProblem[] = [];
  checkBudgets(worker, instances, problems);
  return problems.map(({ key, why }) => `${key} ${why}`);
};

Deno.test("divideBudgets() without limits leaves every instance what it asks for", () => {
  assertEquals(divided(limits(0, 0), [instance("a", 4), instance("b", 1, 64)]), ["a: 4 x 128", "b: 1 x 64"]);
});

Deno.test("divideBudgets() deals threads in turns, so that a large instance does not starve a small one", () => {
  assertEquals(divided(limits(5, 0), [instance("a", 8), instance("b", 1), instance("c", 3)]), [
    "a: 2 x 128",
    "b: 1 x 128",
    "c: 2 x 128",
  ]);
  assertEquals(divided(limits(50, 0), [instance("a", 2), instance("b", 1)]), ["a: 2 x 128", "b: 1 x 128"]);
});

Deno.test("divideBudgets() divides memory by memory.bytes, never more than that", () => {
  assertEquals(divided(limits(0, 160), [instance("a", 2, 128), instance("b", 1, 64)]), ["a: 2 x 64", "b: 1 x 32"]);
  assertEquals(divided(limits(0, 4096), [instance("a", 2)]), ["a: 2 x 128"]);
});

Deno.test("checkBudgets() refuses what cannot serve every instance, and says what would", () => {
  assertEquals(problemsOf(limits(2, 0), ["a", "b", "c"].map((name) => instance(name, 1))), [
    "worker.threads is less than one for each of 3 instances: raise it to at least 3, or run fewer instances in this " +
    "process",
  ]);
  const three = [instance("a", 3)];
  assertEquals(problemsOf(limits(0, 40), three), [
    "worker.memory.bytes leaves a task 13.3MiB where it needs 16MiB: raise it to 48MiB, or lower tasks.max or " +
    "worker.threads",
  ]);
  assertEquals(problemsOf(limits(0, 48), three), []);
  assertEquals(problemsOf(limits(2, 40), three), []);
});

Deno.test("remainingBudget() leaves those that run what they have, and gives the rest", () => {
  const both = [instance("a", 4), instance("b", 4)];
  const a = { tasksMax: 3, taskMemoryBytes: 30 * MiB };
  assertEquals(remainingBudget(limits(0, 0), both, "b", [a]), { tasksMax: 4, taskMemoryBytes: 128 * MiB });
  assertEquals(remainingBudget(limits(5, 150), both, "b", [a]), { tasksMax: 2, taskMemoryBytes: 30 * MiB });
  assertEquals(remainingBudget(limits(8, 150), both, "b", []), {
    tasksMax: 4,
    taskMemoryBytes: Math.floor(150 / 8 * MiB),
  });
  assertThrows(() => remainingBudget(limits(3, 0), both, "b", [a]), FatalError, "all 3 of worker.threads");
  assertThrows(() => remainingBudget(limits(5, 110), both, "b", [a]), FatalError, "leave each of its tasks 10MiB");
});
