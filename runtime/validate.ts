/**
 * Stage 3, validate: rows against their own schema (no null where it allows none) and against declared rules per field.
 * Works on columns: a value is decoded only where a pattern or a list of words needs its text.
 *
 * A rule names a field by its path, structs by dots. Where a batch's schema lacks the field, `required` refuses every row
 * and the other rules pass, as they do for a null. Tombstones have no fields: no rule is asked of them. Expressions
 * (`cel.ts`) come last, for rows that have kept all else.
 *
 * @module
 */
import { type Data, type Field, type Schema, Type } from "apache-arrow";
import { DataError, isNull, type RejectRow, type SinkBatch } from "./api/mod.ts";
import type { FieldRules } from "./config/validation_rules.ts";
import { bindRules, type Check } from "./field_rules.ts";

/** Validates the batches of one topic. */
export interface ValidateStage {
  /** The rows that keep the rules; each of the others was passed to `reject`, once, with its first failure. */
  validate(batch: SinkBatch, reject: RejectRow): SinkBatch;
}

/** Rules over whole rows, bound to a batch: for a row, what is wrong with it, or null. */
export type BindRowRules = (batch: SinkBatch) => (row: number) => DataError | null;

/** The validate stage for these rules; without rules only nulls are looked at. */
export function createValidateStage(
  rules: readonly FieldRules[],
  rowRules: BindRowRules | null = null,
): ValidateStage {
  const bound = new WeakMap<Schema, readonly BoundRules[]>();
  return {
    validate(batch, reject) {
      if (batch.numRows === 0) return batch;
      const { schema } = batch.data;
      let checks = bound.get(schema);
      if (!checks) bound.set(schema, checks = rules.map((each) => bind(each, schema)));
      const failures = new Failures(batch);
      schema.fields.forEach((field, i) => checkNulls(batch.data.data.children[i], field, field.name, null, failures));
      for (const each of checks) checkRules(each, batch.data.data.children, failures);
      if (rowRules) failures.find(rowRules(batch));
      return failures.settle(reject);
    },
  };
}

/** The first failure of each row. */
class Failures {
  #byRow: Map<number, DataError> | null = null;
  constructor(private readonly batch: SinkBatch) {}

  /** Whether the row needs no further look. */
  done(row: number): boolean {
    return this.#byRow?.has(row) || this.batch.isTombstone(row);
  }

  add(row: number, fieldPath: string, { reason, why }: { reason: string; why: string }): void {
    if (this.done(row)) return;
    this.#byRow ??= new Map();
    this.#byRow.set(row, new DataError(`Cannot accept ${fieldPath}: ${why}`, { reason, fieldPath }));
  }

  /** Asks of each row that has none yet. */
  find(check: (row: number) => DataError | null): void {
    for (let row = 0; row < this.rows; row++) {
      if (this.done(row)) continue;
      const error = check(row);
      if (error) (this.#byRow ??= new Map()).set(row, error);
    }
  }

  get rows(): number {
    return this.batch.numRows;
  }

  settle(reject: RejectRow): SinkBatch {
    if (!this.#byRow) return this.batch;
    const kept = new Int32Array(this.batch.numRows - this.#byRow.size);
    for (let row = 0, at = 0; row < this.batch.numRows; row++) {
      const error = this.#byRow.get(row);
      if (error) reject(row, error);
      else kept[at++] = row;
    }
    return this.batch.select(kept);
  }
}

const NULL_FAILURE = { reason: "null", why: "must not be null" };

/**
 * Finds nulls where the schema allows none. `rows` gives for each entry the row that it is in, -1 where that lies within a
 * null or an unused stretch; null: entry and row are the same.
 */
function checkNulls(data: Data, field: Field, path: string, rows: Int32Array | null, failures: Failures): void {
  if (!mayFail(data, field)) return;
  const hasNulls = data.nullCount > 0;
  if (!field.nullable && hasNulls) {
    for (let i = 0; i < data.length; i++) {
      const row = rows ? rows[i] : i;
      if (row >= 0 && isNull(data, i)) failures.add(row, path, NULL_FAILURE);
    }
  }
  const children = (field.type.children ?? []) as Field[];
  if (children.length === 0) return;
  if (field.type.typeId === Type.Struct) {
    const within = hasNulls || rows
      ? Int32Array.from({ length: data.length }, (_, i) => isNull(data, i) ? -1 : rows ? rows[i] : i)
      : null;
    children.forEach((child, i) => checkNulls(data.children[i], child, `${path}.${child.name}`, within, failures));
    return;
  }
  const [element] = data.children;
  const within = new Int32Array(element.length).fill(-1);
  for (let i = 0; i < data.length; i++) {
    if (!isNull(data, i)) within.fill(rows ? rows[i] : i, data.valueOffsets[i], data.valueOffsets[i + 1]);
  }
  if (field.type.typeId === Type.List) return checkNulls(element, children[0], `${path}[]`, within, failures);
  (children[0].type.children as Field[]).forEach((child, i) =>
    checkNulls(element.children[i], child, `${path}.${child.name}s`, within, failures)
  );
}

/** Whether there is a null below a field that allows none; most batches end here. */
function mayFail(data: Data, field: Field): boolean {
  if (!field.nullable && data.nullCount > 0) return true;
  const children = (field.type.children ?? []) as Field[];
  return children.some((child, i) => mayFail(data.children[i], child));
}

/** The rules of a field, bound to where a schema has it. */
interface BoundRules {
  readonly path: string;
  readonly required: boolean;
  /** Indices of children from the row down; null: the schema lacks the field. */
  readonly steps: readonly number[] | null;
  readonly checks: readonly Check[];
}

function bind(rules: FieldRules, schema: Schema): BoundRules {
  const found = locate(schema.fields, rules.field);
  return {
    path: rules.field,
    required: rules.required ?? false,
    steps: found && found.steps,
    checks: found ? bindRules(rules, found.field.type) : [],
  };
}

/** Where a path leads, through structs; a name may hold dots itself. */
function locate(fields: readonly Field[], path: string): { steps: number[]; field: Field } | null {
  for (const [i, field] of fields.entries()) {
    if (field.name === path) return { steps: [i], field };
    if (field.type.typeId !== Type.Struct || !path.startsWith(`${field.name}.`)) continue;
    const below = locate(field.type.children as Field[], path.slice(field.name.length + 1));
    if (below) return { steps: [i, ...below.steps], field: below.field };
  }
  return null;
}

const MISSING = { reason: "required field is missing", why: "is required, the schema of the record lacks it" };
const REQUIRED = { reason: "required field is null", why: "is required, current value is null" };

function checkRules({ path, required, steps, checks }: BoundRules, columns: readonly Data[], failures: Failures): void {
  if (steps === null) {
    if (required) { for (let row = 0; row < failures.rows; row++) failures.add(row, path, MISSING); }
    return;
  }
  let data = columns[steps[0]];
  const parents: Data[] = [];
  for (const step of steps.slice(1)) {
    if (data.nullCount > 0) parents.push(data);
    data = data.children[step];
  }
  const hasNulls = data.nullCount > 0 || parents.length > 0;
  if (checks.length === 0 && !hasNulls) return;
  for (let row = 0; row < data.length; row++) {
    if (hasNulls && (isNull(data, row) || parents.some((parent) => isNull(parent, row)))) {
      if (required) failures.add(row, path, REQUIRED);
      continue;
    }
    for (const check of checks) {
      const failure = check(data, row);
      if (failure === null) continue;
      failures.add(row, path, failure);
      break;
    }
  }
}
