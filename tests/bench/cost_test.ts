import { assert, assertEquals } from "@std/assert";
import { beyond, type Cost, costOf, costTable, MONTH_S, monthlyCost, type UnitCosts, unitTable } from "./cost.ts";

const PRICES = { put1000: 5, get1000: 1, vcpuHour: 36, gbHour: 3.6 };
const cost = (cpuS: number, gbS: number, puts = 0, gets = 0, seconds = 0): Cost => ({ cpuS, gbS, puts, gets, seconds });
const UNITS: UnitCosts = {
  drain: cost(1, 0.2, 1, 5, 2),
  drainCommit: cost(0.1, 0.02, 2, 1, 0.2),
  drainMillion: cost(2, 0.3, 1, 0, 3),
  idleSecond: cost(0.01, 0.12),
  workerCommit: cost(0.05, 0, 2, 0),
  workerMillion: cost(3, 0.1, 0.5, 0),
};

Deno.test("costOf() a worker is its idle time, its commits and its records", () => {
  const found = costOf({ kind: "worker", commitS: 10 }, 1000, 1000, UNITS);
  assertEquals(round(found), cost(1000 * 0.01 + 100 * 0.05 + 3, 120.1, 200.5, 0));
});

Deno.test("costOf() no more commits than records", () => {
  assertEquals(costOf({ kind: "worker", commitS: 1 }, 0.5, 100, UNITS).puts, 100.000025);
  assertEquals(costOf({ kind: "drain", everyS: 10 }, 0, 100, UNITS), round(cost(10, 2, 10, 50, 20)));
});

Deno.test("monthlyCost() multiplies with the prices, and says how busy a schedule is", () => {
  const { money, busy, puts } = monthlyCost({ kind: "drain", everyS: 60 }, 1000, UNITS, PRICES);
  const drains = MONTH_S / 60, millions = 1000 * MONTH_S / 1e6;
  assertEquals(puts, drains * 3 + millions);
  const cpuS = drains * 1.1 + millions * 2, gbS = drains * 0.22 + millions * 0.3;
  const wanted = puts / 1000 * 5 + drains * 6 / 1000 + cpuS / 100 + gbS / 1000;
  assert(Math.abs(money - wanted) < 1e-6 * wanted, `${money} ${wanted}`);
  assert(Math.abs(busy - (2.2 / 60 + 0.003)) < 1e-9, String(busy));
});

Deno.test("beyond() is never negative", () => {
  assertEquals(beyond(cost(2, 1, 5, 1, 3), cost(1, 2, 3, 1, 1)), cost(1, 0, 2, 0, 2));
});

Deno.test("costTable() and unitTable() are Markdown, a row for each mode and rate", () => {
  const table = costTable(UNITS, PRICES).split("\n");
  assertEquals(table.length, 2 + 4 * 7);
  assert(table.every((row) => row.split("|").length === 9), table[2]);
  assert(table.some((row) => row.startsWith("| 10,000 | drain every 10 min |")));
  const slow = { ...UNITS, drainMillion: cost(2, 0.3, 1, 0, 300) };
  assert(costTable(slow, PRICES).includes("cannot keep up"));
  assertEquals(unitTable(UNITS).split("\n").length, 8);
});

function round(of: Cost): Cost {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, Math.round(value * 1e6) / 1e6])) as never;
}
