import { assertEquals } from "@std/assert";
import { slabOf } from "../tests/conformance/slab.ts";
import { collectingLog } from "../tests/support/log.ts";
import { ConsumeStage } from "./consume.ts";
import type { Fetched, Fetcher } from "./kafka/types.ts";

const PARTITION = { topic: "orders", topicId: "AAAAAAAAAAAAAAAAAAAAAA", partition: 0 };

function stage() {
  const caughtUp: number[] = [];
  const fetcher = { assign() {}, remove() {} } as unknown as Fetcher;
  const consume = new ConsumeStage(fetcher, {
    offsetsMissing: "fail",
    log: collectingLog(),
    onCaughtUp: ({ partition }) => caughtUp.push(partition),
  });
  return { consume, caughtUp };
}

function fetched(from: bigint, count: number): Fetched {
  const records = slabOf(Array.from({ length: count }, () => ({})), { from });
  return { kind: "records", ...PARTITION, epoch: 1, records, endOffset: 100n, logStartOffset: 0n };
}

Deno.test("ConsumeStage.accept() cuts what lies beyond the end of a drain, and takes nothing after it", () => {
  for (const [first, taken] of [[5, 4], [4, 4]]) {
    const { consume, caughtUp } = stage();
    consume.open({ ...PARTITION, epoch: 1, offset: 0n, absent: true, until: 4n });
    // Records go on coming while a drain reads: one poll brings what is wanted and what follows it.
    const accepted = [fetched(0n, first), fetched(BigInt(first), 3)].map((each) => consume.accept(each));
    assertEquals(accepted.map(({ kind }) => kind), ["records", "dropped"]);
    assertEquals(accepted.flatMap((each) => each.kind === "records" ? [each.records.count, each.records.to] : []), [
      taken,
      4n,
    ]);
    assertEquals(caughtUp, [0], "told once");
  }
});

Deno.test("ConsumeStage.accept() drops what was read before a move, under an older epoch or from elsewhere", () => {
  const { consume } = stage();
  consume.open({ ...PARTITION, epoch: 1, offset: 0n, absent: true, until: null });
  assertEquals(consume.accept(fetched(0n, 5)).kind, "records");
  consume.seek(PARTITION, 2n);
  assertEquals(consume.accept(fetched(5n, 5)).kind, "dropped");
  consume.open({ ...PARTITION, epoch: 2, offset: 2n, absent: false, until: null });
  assertEquals(consume.accept(fetched(2n, 5)).kind, "dropped");
});
