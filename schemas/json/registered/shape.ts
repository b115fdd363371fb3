/**
 * What values a JSON Schema lets through, as far as columns are concerned: shapes, and how they combine. `meet` is for
 * schemas that hold at once (`allOf`, what stands beside a `$ref`), `join` for schemas of which one holds (`oneOf`).
 *
 * @module
 */

import { DataError } from "../../../mod.ts";

/** Branches of a union: those of schemas that hold at once multiply. */
const BRANCHES_MAX = 1_000;

/** How a string or a number is held, where that is not what its JSON type says. */
export type Holding =
  | "date"
  | "timestamp"
  | "binary"
  | "int8"
  | "int16"
  | "int32"
  | "float32"
  | "epoch-days"
  | "epoch-millis"
  | `decimal(${number},${number})`;

/** The values that are not null. */
export type Shape =
  | { readonly kind: "any" }
  | { readonly kind: "never" }
  | { readonly kind: "boolean" }
  | { readonly kind: "string" | "integer" | "number"; readonly as: Holding | null }
  | { readonly kind: "list"; readonly element: Slot }
  | ObjectShape
  | { readonly kind: "union"; readonly branches: readonly Branch[] };

/** A shape, and whether null is let through too. */
export interface Slot {
  readonly shape: Shape;
  readonly nullable: boolean;
}

/** Objects. */
export interface ObjectShape {
  readonly kind: "object";
  /** In the order of columns. */
  readonly members: ReadonlyMap<string, Slot>;
  readonly required: ReadonlySet<string>;
  /** Members beside those; null: the schema says nothing about them. A slot of `never`: it forbids them. */
  readonly additional: Slot | null;
}

/** One of several shapes. */
export interface Branch {
  readonly name: string;
  /** Where its schema is: what tells it from other branches with values of the same JSON type. */
  readonly at: string | null;
  readonly shape: Shape;
}

/** Everything. */
export const ANY: Slot = { shape: { kind: "any" }, nullable: true };
/** Nothing. */
export const NEVER: Slot = { shape: { kind: "never" }, nullable: false };

/** What both let through. */
export function meet(a: Slot, b: Slot): Slot {
  return { shape: meetShapes(a.shape, b.shape), nullable: a.nullable && b.nullable };
}

/** What either lets through, as one column; objects are merged. */
export function join(a: Slot, b: Slot): Slot {
  return { shape: joinShapes(a.shape, b.shape), nullable: a.nullable || b.nullable };
}

/** What one of the branches lets through. Values that one column holds are held in one; objects are kept apart. */
export function unionOf(branches: readonly Branch[]): Shape {
  const out: Branch[] = [];
  for (const branch of branches.flatMap(({ shape, ...rest }) => branchesOf(shape, rest.name, rest.at))) {
    const { shape } = branch;
    if (shape.kind === "any") return shape;
    if (shape.kind === "never") continue;
    const same = shape.kind === "object" ? -1 : out.findIndex((other) => familyOf(other.shape) === familyOf(shape));
    if (same < 0) out.push(branch);
    else out[same] = { ...out[same], at: null, shape: joinShapes(out[same].shape, shape) };
  }
  const [first, ...others] = out;
  if (!first) return NEVER.shape;
  return others.every(({ shape }) => isSame(shape, first.shape))
    ? first.shape
    : { kind: "union", branches: distinct(out) };
}

/** Adds the members of `more` to an object as optional ones; of those that it has it keeps its own shape. */
export function withOptional(object: ObjectShape, more: ObjectShape): ObjectShape {
  const members = new Map(object.members);
  for (const [name, slot] of more.members) if (!members.has(name)) members.set(name, slot);
  return { ...object, members };
}

function meetShapes(a: Shape, b: Shape): Shape {
  if (a.kind === "any" || b.kind === "never") return b;
  if (b.kind === "any" || a.kind === "never") return a;
  if (a.kind === "union") {
    // Branches are told apart where they are all that is known; beside members of its own an object is one.
    if (b.kind === "object" && b.members.size > 0 && a.branches.every(({ shape }) => shape.kind === "object")) {
      return a.branches.map(({ shape }) => meetShapes(b, shape)).reduce(joinShapes);
    }
    if (b.kind === "union" && a.branches.length * b.branches.length > BRANCHES_MAX) {
      const why = `alternatives that hold at once multiply to more than ${BRANCHES_MAX}`;
      throw new DataError(`Cannot hold the JSON Schema in columns: ${why}`, { reason: "schema too large" });
    }
    return unionOf(a.branches.map((branch) => ({ ...branch, shape: meetShapes(branch.shape, b) })));
  }
  if (b.kind === "union") return meetShapes(b, a);
  if (a.kind === "object" && b.kind === "object") return meetObjects(a, b);
  if (a.kind === "list" && b.kind === "list") return { kind: "list", element: meet(a.element, b.element) };
  if (isScalar(a) && isScalar(b) && familyOf(a) === familyOf(b)) {
    return { kind: a.kind === "integer" ? a.kind : b.kind, as: a.as ?? b.as };
  }
  return a.kind === "boolean" && b.kind === "boolean" ? a : NEVER.shape;
}

function meetObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const members = new Map(a.members);
  for (const [name, slot] of b.members) {
    const own = members.get(name);
    members.set(name, own ? meet(own, slot) : slot);
  }
  const additional = a.additional && b.additional ? meet(a.additional, b.additional) : a.additional ?? b.additional;
  return { kind: "object", members, required: new Set([...a.required, ...b.required]), additional };
}

function joinShapes(a: Shape, b: Shape): Shape {
  if (a.kind === "never" || b.kind === "any") return b;
  if (b.kind === "never" || a.kind === "any") return a;
  if (a.kind === "object" && b.kind === "object") return joinObjects(a, b);
  if (a.kind === "list" && b.kind === "list") return { kind: "list", element: join(a.element, b.element) };
  if (isScalar(a) && isScalar(b) && familyOf(a) === familyOf(b)) {
    return { kind: a.kind === b.kind ? a.kind : "number", as: a.as === b.as ? a.as : null };
  }
  if (a.kind === "boolean" && b.kind === "boolean") return a;
  return unionOf([{ name: nameOf(a), at: null, shape: a }, { name: nameOf(b), at: null, shape: b }]);
}

function joinObjects(a: ObjectShape, b: ObjectShape): ObjectShape {
  const members = new Map(a.members);
  for (const [name, slot] of b.members) {
    const own = members.get(name);
    members.set(name, own ? join(own, slot) : slot);
  }
  const additional = a.additional && b.additional ? join(a.additional, b.additional) : a.additional ?? b.additional;
  return { kind: "object", members, required: a.required.intersection(b.required), additional };
}

function isScalar(shape: Shape): shape is Extract<Shape, { as: Holding | null }> {
  return shape.kind === "string" || shape.kind === "integer" || shape.kind === "number";
}

/** Shapes of one family differ by what a column can be wide enough for. */
function familyOf({ kind }: Shape): string {
  return kind === "integer" ? "number" : kind;
}

/** The name of a branch that has no better one: JSON Schema's word for its type. */
export function nameOf({ kind }: Shape): string {
  return kind === "list" ? "array" : kind;
}

function branchesOf(shape: Shape, name: string, at: string | null): readonly Branch[] {
  return shape.kind === "union" ? shape.branches : [{ name, at, shape }];
}

/** Names that differ, in any case; a repeated one is numbered. */
function distinct(branches: readonly Branch[]): readonly Branch[] {
  const taken = new Set<string>();
  return branches.map((branch) => {
    let name = branch.name;
    for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${branch.name}_${i}`;
    taken.add(name.toLowerCase());
    return { ...branch, name };
  });
}

function isSame(a: Shape, b: Shape): boolean {
  return a === b || signature({ shape: a, nullable: false }) === signature({ shape: b, nullable: false });
}

function signature({ shape, nullable }: Slot): string {
  return JSON.stringify([nullable, shape], (_, value) => {
    if (value instanceof Map) return [...value];
    return value instanceof Set ? [...value].sort() : value;
  });
}
