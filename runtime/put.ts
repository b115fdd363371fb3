/**
 * Stage 5, put: hands a batch to the sink, again after a RetriableError, and counts what it took.
 *
 * @module
 */
import { recycle } from "./api/buffers.ts";
import { type RawRecords, type Retry, SinkBatch, type SinkTask, type TopicPartition } from "./api/mod.ts";

/** Hands a batch to the sink; resolves once the sink has taken it. */
export async function put(sink: SinkTask<unknown>, batch: SinkBatch, retry: Retry): Promise<void> {
  await retry(`put ${batch.topic}-${batch.partition} [${batch.from}, ${batch.to})`, () => sink.put(batch));
}

/** Hands over that there is nothing in `[from, to)` any more. */
export async function putGap(
  sink: SinkTask<unknown>,
  { partition, from, to }: { readonly partition: TopicPartition; readonly from: bigint; readonly to: bigint },
  retry: Retry,
): Promise<void> {
  await put(sink, SinkBatch.empty(emptyRecords(partition, from, to), from, to), retry);
}

/** The memory of a batch's columns is used again, where the sink keeps nothing of them. */
export function recycleBatch(sink: SinkTask<unknown>, { data, keys }: SinkBatch): void {
  if (!sink.copies) return;
  for (const column of [...data.data.children, ...keys?.data.children ?? []]) recycle(column);
}

function emptyRecords({ topic, topicId, partition }: TopicPartition, from: bigint, to: bigint): RawRecords {
  const none = new Int32Array(0);
  return {
    topic,
    topicId,
    partition,
    bytes: new Uint8Array(0),
    count: 0,
    from,
    to,
    baseOffset: from,
    offsetDeltas: none,
    timestampsMs: new Float64Array(0),
    keyStarts: none,
    keyEnds: none,
    valueStarts: none,
    valueEnds: none,
    headerStarts: none,
  };
}
