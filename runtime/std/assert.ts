/**
 * The part of `@std/assert` that Sluice uses, over Node's assert, with the same signatures: for places where JSR cannot
 * be reached. `deno.json` maps `@std/assert` here; mapping it to `jsr:@std/assert` instead needs no other change.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

/** Thrown by every assertion of this module that does not hold. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws unless `condition` is truthy. */
export function assert(condition: unknown, message = "Assertion failed"): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Throws unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  wrapped(() => nodeAssert.deepStrictEqual(actual, expected), message);
}

/** Throws unless both are the same by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (!Object.is(actual, expected)) {
    throw new AssertionError(message ?? `Expected the same value: ${show(actual)} is not ${show(expected)}`);
  }
}

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(actual.includes(expected), message ?? `Expected ${show(actual)} to include ${show(expected)}`);
}

/** Throws unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assert(expected.test(actual), message ?? `Expected ${show(actual)} to match ${expected}`);
}

// deno-lint-ignore no-explicit-any -- the signature of @std/assert: any constructor of an error
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Throws unless `fn` throws an `ErrorClass` whose message includes `includes`; returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass?: ErrorClass<E>,
  includes?: string,
  message?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checked(error, ErrorClass, includes, message);
  }
  throw new AssertionError(message ?? "Expected the function to throw");
}

/** The same for a function that returns a promise. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass?: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checked(error, ErrorClass, includes, message);
  }
  throw new AssertionError(message ?? "Expected the promise to be rejected");
}

/** Always throws. */
export function fail(message = "Failed"): never {
  throw new AssertionError(message);
}

function checked<E extends Error>(
  error: unknown,
  ErrorClass: ErrorClass<E> | undefined,
  includes: string | undefined,
  message: string | undefined,
): E {
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(message ?? `Expected ${ErrorClass.name} to be thrown, got ${show(error)}`);
  }
  if (includes !== undefined && !(error instanceof Error && error.message.includes(includes))) {
    throw new AssertionError(message ?? `Expected the error to include ${show(includes)}, got ${show(error)}`);
  }
  return error as E;
}

function wrapped(check: () => void, message: string | undefined): void {
  try {
    check();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AssertionError(message === undefined ? why : `${message}\n${why}`);
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value instanceof Error ? value.stack : value);
}
