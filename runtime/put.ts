/**
 * Stage 5, put: hands a batch to the sink, again after a RetriableError, and counts what it took.
 *
 * @module
 */
import type { Retry, SinkBatch, SinkTask } from "./api/mod.ts";

/** Hands a batch to the sink; resolves once the sink has taken it. */
export async function put(sink: SinkTask<unknown>, batch: SinkBatch, retry: Retry): Promise<void> {
  await retry(`put ${batch.topic}-${batch.partition} [${batch.from}, ${batch.to})`, () => sink.put(batch));
}
