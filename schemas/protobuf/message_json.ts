/**
 * The JSON mapping of proto3 (protobuf.dev, "ProtoJSON Format"), as far as it is not the types' own: names, integers of 64
 * bits, times.
 *
 * @module
 */
import { Moment, Unfit, type Value } from "../rules/values.ts";
import type { ProtoType } from "./proto.ts";

/** The name of a field in JSON: `order_id` is `orderId`. */
export function jsonName(name: string): string {
  return name.replace(/_+(.)?/g, (_, letter: string | undefined) => letter?.toUpperCase() ?? "");
}

/** A value without parts as JSON: 64 bit integers, bytes and times are strings, so are floats that JSON lacks. */
export function jsonScalar(type: ProtoType, value: Value): unknown {
  if (value instanceof Moment) return jsonMoment(value);
  if (value instanceof Uint8Array) return value.toBase64();
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "bigint") return value;
  if (type.kind === "enum") return type.names.get(Number(value)) ?? Number(value);
  return type.kind === "scalar" && type.scalar.endsWith("64") ? String(value) : Number(value);
}

function jsonMoment(moment: Moment): unknown {
  const seconds = moment.get("seconds")!, nanos = moment.get("nanos")!;
  const fraction = String(nanos < 0n ? -nanos : nanos).padStart(9, "0").replace(/0+$/, "");
  const point = fraction === "" ? "" : `.${fraction}`;
  if (moment.type === "google.protobuf.Duration") {
    const isNegative = seconds < 0n || nanos < 0n;
    return `${isNegative ? "-" : ""}${seconds < 0n ? -seconds : seconds}${point}s`;
  }
  const second = new Date(Number(seconds) * 1000);
  if (Number.isNaN(second.getTime())) throw new Unfit("", `the time of ${seconds} s is beyond the years of a calendar`);
  return second.toISOString().replace(".000Z", `${point}Z`);
}

/** The fields of a time or a duration in JSON. */
export function fromJsonMoment(text: string, as: "timestamp" | "duration", path: string): ReadonlyMap<string, bigint> {
  const wrong = () => new Unfit(path, `is ${JSON.stringify(text.slice(0, 60))}, expected a ${as}`);
  const pattern = as === "duration"
    ? /^(-?)(\d+)(?:\.(\d{1,9}))?s$/
    : /^()(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
  const [, sign, whole, fraction = "", zone = ""] = pattern.exec(text) ?? [];
  if (whole === undefined) throw wrong();
  const nanos = BigInt(fraction.padEnd(9, "0"));
  if (as === "duration") {
    const of = (value: bigint) => sign === "-" ? -value : value;
    return new Map([["seconds", of(BigInt(whole))], ["nanos", of(nanos)]]);
  }
  const ms = Date.parse(whole + zone);
  if (Number.isNaN(ms)) throw wrong();
  return new Map([["seconds", BigInt(ms / 1000)], ["nanos", nanos]]);
}
