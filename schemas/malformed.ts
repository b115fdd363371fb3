/**
 * What binary formats throw within a payload, and what becomes of it.
 *
 * @module
 */
import { DataError } from "../mod.ts";
import type { SchemaSource } from "./registered.ts";
import { detailsOf } from "./rows.ts";

/** Thrown by a read that the bytes do not allow. Not an Error: no stack is captured, so that a reject is cheap. */
export class Malformed {
  constructor(
    /** A short stable phrase, without values. */
    readonly reason: string,
    /** What was found and what was expected. */
    readonly what: string,
    readonly path: string,
    /** In the bytes of the cursor. */
    readonly position: number,
  ) {}

  /** The error of the record, whose value begins at `valueStart`: positions count from there. */
  explain(valueStart: number, source: SchemaSource): DataError {
    const { reason, what, path } = this;
    const bytePosition = this.position - valueStart;
    const where = path === "" ? "" : ` "${path}"`;
    return new DataError(`Cannot decode${where} at byte ${bytePosition}: ${what}`, {
      reason,
      bytePosition,
      ...(path === "" ? {} : { fieldPath: path }),
      ...detailsOf(source),
    });
  }
}
