/**
 * Values of one of several types: a struct with a member for each, of which one has the value.
 *
 * @module
 */
import type { DataType } from "apache-arrow";
import { StructColumn } from "../../mod.ts";
import { mismatch, type Reader } from "./readers.ts";
import type { Scanner } from "./scanner.ts";

/** One of the types. */
export interface UnionBranch {
  /** The type of its values in JSON, by which most branches are told apart. */
  readonly kind: JsonKind;
  readonly reader: Reader;
  /** Whether a parsed value is one of this branch's; null: the only one of its kind. */
  readonly accepts: ((value: unknown) => boolean) | null;
}

/** JSON's types. */
export type JsonKind = "string" | "number" | "boolean" | "list" | "object";

/** The first branch that takes a value has it. */
export class UnionReader implements Reader {
  readonly column: StructColumn;
  readonly #byKind = new Map<JsonKind, number[]>();
  readonly #wanted: string;

  constructor(
    readonly type: DataType,
    readonly branches: readonly UnionBranch[],
    readonly path: string,
    readonly nullable: boolean,
  ) {
    this.column = new StructColumn(type, branches.map(({ reader }) => reader.column));
    branches.forEach(({ kind }, i) => this.#byKind.set(kind, [...this.#byKind.get(kind) ?? [], i]));
    this.#wanted = `a value of one of these: ${branches.map(({ reader }) => reader.path).join(", ")}`;
  }

  read(scan: Scanner): void {
    const chosen = this.#choose(scan);
    const { branches } = this;
    for (let i = 0; i < branches.length; i++) {
      const { reader } = branches[i];
      if (i !== chosen) {
        reader.column.appendNull();
        continue;
      }
      scan.path = reader.path;
      reader.read(scan);
    }
    this.column.close();
  }

  forget(): void {
    for (const { reader } of this.branches) reader.forget?.();
  }

  #choose(scan: Scanner): number {
    const candidates = this.#byKind.get(kindAt(scan));
    if (!candidates) throw mismatch(scan, this.path, this.#wanted);
    if (candidates.length === 1) return candidates[0];
    const { bytes, depth, pos } = scan;
    scan.skip();
    const value = JSON.parse(TEXT.decode(bytes.subarray(pos, scan.pos)));
    scan.pos = pos;
    scan.depth = depth;
    const chosen = candidates.find((i) => this.branches[i].accepts?.(value) ?? true);
    if (chosen === undefined) throw mismatch(scan, this.path, this.#wanted);
    return chosen;
  }
}

const TEXT = new TextDecoder();

function kindAt(scan: Scanner): JsonKind {
  switch (scan.bytes[scan.pos]) {
    case 0x22:
      return "string";
    case 0x7b:
      return "object";
    case 0x5b:
      return "list";
    case 0x74:
    case 0x66:
      return "boolean";
    default:
      return "number";
  }
}
