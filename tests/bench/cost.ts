/**
 * What running costs in a month: a worker that always runs, with short or long rounds, and drains that a schedule starts.
 * Pure arithmetic over costs that cost_run.ts measures.
 *
 * @module
 */
import type { Prices } from "./flags.ts";

/** What something takes. `puts` are requests that are paid as such (writes and lists), `gets` the others but deletes. */
export interface Cost {
  readonly cpuS: number;
  readonly gbS: number;
  readonly puts: number;
  readonly gets: number;
  /** How long it lasts; 0 where it takes no time of its own. */
  readonly seconds: number;
}

/** What was measured. */
export interface UnitCosts {
  /** A drain that finds nothing: start, look, end. */
  readonly drain: Cost;
  /** What a drain's commit adds to that. */
  readonly drainCommit: Cost;
  /** What a drain takes for each million records beyond its first few. */
  readonly drainMillion: Cost;
  /** A second of a running worker that has nothing to do. */
  readonly idleSecond: Cost;
  /** What a commit of a few records adds in a running worker. */
  readonly workerCommit: Cost;
  /** What each million records adds in a running worker. */
  readonly workerMillion: Cost;
}

/** How the sink is run. */
export type Mode =
  | { readonly kind: "worker"; readonly commitS: number }
  | { readonly kind: "drain"; readonly everyS: number };

/** A month of it. */
export interface MonthlyCost extends Cost {
  readonly money: number;
  /** Part of the time that a drain runs; a schedule with 1 or more does not keep up. */
  readonly busy: number;
}

/** Seconds of a month: 730 hours. */
export const MONTH_S = 730 * 3600;

/** What the README's table compares. */
const MODES: readonly Mode[] = [
  { kind: "worker", commitS: 1 },
  { kind: "worker", commitS: 10 },
  { kind: "worker", commitS: 60 },
  { kind: "drain", everyS: 15 },
  { kind: "drain", everyS: 60 },
  { kind: "drain", everyS: 600 },
  { kind: "drain", everyS: 3600 },
];

/** Records a second. */
const RATES: readonly number[] = [10, 100, 1000, 10_000];

const NOTHING: Cost = { cpuS: 0, gbS: 0, puts: 0, gets: 0, seconds: 0 };

/** All of them together, each so many times. */
export function sumCosts(...parts: readonly (readonly [times: number, cost: Cost])[]): Cost {
  return parts.reduce<Cost>((sum, [times, cost]) => ({
    cpuS: sum.cpuS + times * cost.cpuS,
    gbS: sum.gbS + times * cost.gbS,
    puts: sum.puts + times * cost.puts,
    gets: sum.gets + times * cost.gets,
    seconds: sum.seconds + times * cost.seconds,
  }), NOTHING);
}

/** What `whole` takes beyond `part`, never less than nothing: measured small differences may come out negative. */
export function beyond(whole: Cost, part: Cost): Cost {
  const difference = sumCosts([1, whole], [-1, part]);
  return {
    cpuS: Math.max(0, difference.cpuS),
    gbS: Math.max(0, difference.gbS),
    puts: Math.max(0, difference.puts),
    gets: Math.max(0, difference.gets),
    seconds: Math.max(0, difference.seconds),
  };
}

/** What running for `durationS` at a steady rate takes. */
export function costOf(mode: Mode, rate: number, durationS: number, units: UnitCosts): Cost {
  const millions = rate * durationS / 1e6;
  if (mode.kind === "worker") {
    const commits = Math.min(durationS / mode.commitS, rate * durationS); // a round without records makes no commit
    return sumCosts([durationS, units.idleSecond], [commits, units.workerCommit], [millions, units.workerMillion]);
  }
  const drains = durationS / mode.everyS;
  const commits = Math.min(drains, rate * durationS);
  return sumCosts([drains, units.drain], [commits, units.drainCommit], [millions, units.drainMillion]);
}

/** A month at a steady rate. */
export function monthlyCost(mode: Mode, rate: number, units: UnitCosts, prices: Prices): MonthlyCost {
  const cost = costOf(mode, rate, MONTH_S, units);
  return { ...cost, money: money(cost, prices), busy: mode.kind === "worker" ? 1 : cost.seconds / MONTH_S };
}

/** What it is paid with. */
export function money({ cpuS, gbS, puts, gets }: Cost, prices: Prices): number {
  return puts / 1000 * prices.put1000 + gets / 1000 * prices.get1000 + cpuS / 3600 * prices.vcpuHour +
    gbS / 3600 * prices.gbHour;
}

/** The comparison as a table in Markdown. */
export function costTable(units: UnitCosts, prices: Prices): string {
  const rows = RATES.flatMap((rate) =>
    MODES.map((mode) => {
      const { puts, gets, cpuS, gbS, money, busy } = monthlyCost(mode, rate, units, prices);
      const cells = [puts, gets].map((requests) => short(requests));
      cells.push(
        ...[cpuS, gbS].map((seconds) => (seconds / 3600).toFixed(1)),
        busy < 1 || mode.kind === "worker" ? money.toFixed(2) : "cannot keep up",
      );
      return [grouped(rate), modeName(mode), ...cells];
    })
  );
  const head = ["records/s", "mode", "PUT/month", "GET/month", "CPU h", "GB h", "money"];
  return markdown([head, head.map((_, i) => i < 2 ? "---" : "--:"), ...rows]);
}

/** The measured parts as a table in Markdown. */
export function unitTable(units: UnitCosts): string {
  const names: Record<keyof UnitCosts, string> = {
    drain: "a drain that finds nothing",
    drainCommit: "+ its commit",
    drainMillion: "+ a million records",
    idleSecond: "a second of an idle worker",
    workerCommit: "+ a commit",
    workerMillion: "+ a million records",
  };
  const rows = Object.entries(names).map(([key, name]) => {
    const { cpuS, gbS, puts, gets, seconds } = units[key as keyof UnitCosts];
    return [
      name,
      ...[cpuS, gbS].map((value) => value.toPrecision(3)),
      puts.toFixed(1),
      gets.toFixed(1),
      seconds.toFixed(2),
    ];
  });
  return markdown([
    ["what", "CPU s", "GB s", "PUT", "GET", "seconds"],
    ["---", "--:", "--:", "--:", "--:", "--:"],
    ...rows,
  ]);
}

/** As people say it. */
export function modeName(mode: Mode): string {
  const time = (seconds: number) =>
    seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
  return mode.kind === "worker" ? `worker, rounds of ${time(mode.commitS)}` : `drain every ${time(mode.everyS)}`;
}

function markdown(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function short(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(2)} M`;
  return count >= 1000 ? `${(count / 1000).toFixed(1)} k` : count.toFixed(0);
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
