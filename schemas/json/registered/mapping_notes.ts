/**
 * A JSON Schema's shape as a report of its mapping tells it.
 *
 * @module
 */
import { known, LINES_MAX, type Note, toDecide, type WriterField } from "../../mapping_notes.ts";
import { below } from "../../rows.ts";
import type { ObjectShape, Shape, Slot } from "./shape.ts";

/** Every place of the schema in order; what is below a path of `jsonPaths` is left out. */
export function jsonSchemaFields({ shape, nullable }: Slot, jsonPaths: ReadonlySet<string>): WriterField[] {
  const out: WriterField[] = [];

  function visit(path: string, { shape, nullable }: Slot): void {
    if (out.length >= LINES_MAX) return;
    const isChosen = jsonPaths.has(path);
    const [note, decide] = (isChosen ? null : noteOf(shape)) ?? [null, false];
    out.push({ path, writer: writerText(shape) + (nullable ? " or null" : ""), note, decide });
    if (!isChosen) parts(path, shape);
  }

  function parts(path: string, shape: Shape): void {
    switch (shape.kind) {
      case "list":
        return visit(`${path}[]`, shape.element);
      case "union":
        for (const { name, shape: branch } of shape.branches) {
          visit(below(path, name), { shape: branch, nullable: false });
        }
        return;
      case "object":
        // Of what is text as a whole there are no parts.
        if (shape.members.size === 0) return isText(shape) ? undefined : visit(`${path}{}`, shape.additional!);
        for (const [name, slot] of shape.members) visit(below(path, name), slot);
    }
  }

  const isRow = (shape.kind === "object" && shape.members.size > 0) || shape.kind === "union";
  if (isRow) parts("", shape);
  else visit("value", { shape, nullable });
  if (isRow && shape.kind === "object" && shape.additional === null) {
    const note = "members that the schema does not name come in this column: records that have some are rejected " +
      "unless schema.evolution is add";
    out.push({ path: "_additional_properties", writer: "other members", note, decide: true });
  }
  return out;
}

function noteOf(shape: Shape): Note {
  switch (shape.kind) {
    case "any":
    case "never":
      return toDecide("the schema says nothing that a column could be made of, or contains itself: JSON text");
    case "union": {
      const names = shape.branches.map(({ name }) => name).join(", ");
      return toDecide(
        `of several types: a struct with a nullable member each (${names}); json.unions: json, JSON text`,
      );
    }
    case "number":
      return shape.as === null ? known("the nearest double: integers beyond 2^53 are rounded") : null;
    case "object":
      if (shape.members.size > 0) return null;
      return isText(shape) ? toDecide("an object of which nothing is known: JSON text") : null;
    default:
      return null;
  }
}

/** Whether nothing is known of what is in an object. */
function isText({ members, additional }: ObjectShape): boolean {
  return members.size === 0 && (additional === null || ["any", "never"].includes(additional.shape.kind));
}

function writerText(shape: Shape): string {
  switch (shape.kind) {
    case "any":
    case "never":
      return "anything";
    case "list":
      return `array of ${writerText(shape.element.shape)}`;
    case "union":
      return shape.branches.map((branch) => writerText(branch.shape)).join(" | ");
    case "boolean":
    case "object":
      return shape.kind;
    default:
      return shape.as === null ? shape.kind : `${shape.kind} (${shape.as})`;
  }
}
