/**
 * Garbage, collected when there is much of it.
 *
 * @module
 */

/**
 * Collects this thread's garbage, where the program was started with V8's `--expose-gc` (as `deno task start` is). V8 lets
 * a heap grow to several times what is alive before it looks, and buffers of columns outside of the heap with it; with
 * three threads that is more than all that hundreds of tables hold. Takes some 50 ms: for moments after which most of the
 * heap is garbage.
 */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
