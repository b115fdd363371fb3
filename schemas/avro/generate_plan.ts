/**
 * What of a plan becomes code, and how much it is.
 *
 * @module
 */
import { type Column, type ListColumn, StructColumn } from "../../mod.ts";
import { nullsOf } from "../column_code.ts";
import type { Plan } from "./resolve.ts";
import type { AvroType } from "./schema.ts";
import { unionShape } from "./types.ts";

/** Unions of more branches may have an index of more than a byte. */
const BRANCHES_MAX = 63;
/** Nulls that code may write for all branches of a union. */
const NULLS_MAX = 2_000;
/** Digits that 8 bytes hold in any case. */
const DIGITS_MAX = 18;

/** The columns below `column` (itself included) that steps append to: code does not touch their arrays. */
export function closureColumns(plan: Plan, column: Column, into = new Set<Column>()): Set<Column> {
  const walk = (inner: Plan, target: Column | null) => {
    if (target !== null) closureColumns(inner, target, into);
  };
  switch (plan.op) {
    case "nothing":
    case "refuse":
    case "enum":
      break;
    case "scalar": {
      const { writer, reader } = plan;
      const name = reader.kind === "bytes" || reader.kind === "fixed" ? reader.logical?.name : undefined;
      const isLarge = name === "decimal" &&
        ((reader.logical as { precision: number }).precision > DIGITS_MAX ||
          (writer.kind === "fixed" && writer.size > 8));
      if (isLarge || name === "duration" || name === "uuid") into.add(column);
      break;
    }
    case "record":
      for (const part of plan.parts) {
        if ("skip" in part || part.column < 0) continue;
        walk(part.plan, (column as StructColumn).children[part.column]);
      }
      break;
    case "array":
      // Items without bytes are counted over the whole payload.
      if (plan.itemBytesMin === 0) into.add(column);
      else walk(plan.item, (column as ListColumn).child);
      break;
    case "map":
      walk(plan.value, ((column as ListColumn).child as StructColumn).children[1]);
      break;
    case "choose":
      if (plan.branches.length > BRANCHES_MAX || plan.branches.length * nullsWithin(column) > NULLS_MAX) {
        into.add(column);
      } else for (const branch of plan.branches) walk(branch, column);
      break;
    case "member": {
      const { members } = unionShape(plan.into);
      const at = members.findIndex((member) => member.branch === plan.branch);
      if (at >= 0) walk(plan.plan, members.length === 1 ? column : (column as StructColumn).children[at]);
      break;
    }
    case "default":
    case "json":
      into.add(column);
  }
  return into;
}

/** Nulls that code writes for one value of a union. */
function nullsWithin(column: Column): number {
  return column instanceof StructColumn ? column.children.reduce((sum, child) => sum + nullsOf(child), 0) : 1;
}

/** About how many values code for the plan reads or writes. */
export function sizeOf(plan: Plan): number {
  switch (plan.op) {
    case "record":
      return plan.parts.reduce((sum, part) => sum + ("skip" in part ? 1 : sizeOf(part.plan)), 0);
    case "array":
      return 2 + sizeOf(plan.item);
    case "map":
      return 3 + sizeOf(plan.value);
    case "choose":
      return plan.branches.reduce((sum, branch) => sum + sizeOf(branch), 0);
    case "member": {
      const { members } = unionShape(plan.into);
      return sizeOf(plan.plan) + (members.length > 1 ? members.length : 0);
    }
    default:
      return 1;
  }
}

/** Whether a value that nobody reads is passed by a few lines of code. */
export function isSimpleSkip(type: AvroType): boolean {
  switch (type.kind) {
    case "record":
    case "array":
    case "map":
      return false;
    case "union":
      return type.branches.length <= 2 &&
        type.branches.every((branch) => branch.kind !== "union" && isSimpleSkip(branch));
    default:
      return true;
  }
}
