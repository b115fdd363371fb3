/**
 * Traces of rounds by the real program: Deno's exporter sends them to a collector of the test's.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { resultOf, Scratch } from "./program.ts";
import { makeTopic } from "./support.ts";
import { json, produce } from "./topics.ts";

/** A span as OTLP's JSON has it. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message: string };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface Export {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }[];
  }[];
}

Deno.test("start with OTEL_DENO sends a trace of each round: tasks, tables and group offsets within it", async () => {
  await using scratch = await Scratch.make();
  await using collector = collect();
  const topics = [await makeTopic(scratch.bootstrap, 2), await makeTopic(scratch.bootstrap, 2)];
  for (const topic of topics) {
    const records = Array.from({ length: 20 }, (_, i) => json({ n: i }, { partition: i % 2 }));
    await produce(scratch.bootstrap, topic, records);
  }
  const config = await scratch.config({ topics, "tasks.max": 2 });
  scratch.env = {
    "OTEL_DENO": "true",
    "OTEL_SERVICE_NAME": "sluice-test",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
    "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
  };
  const ended = await scratch.start(config, "--until-caught-up").end();
  const result = resultOf(ended);
  assertEquals(result.rows, 40);
  const { spans } = collector;

  const rounds = spans.filter(({ name }) => name === "round");
  assert(rounds.length > 0, `no round among ${spans.map(({ name }) => name).join(", ")}`);
  assertEquals(new Set(rounds.map(({ traceId }) => traceId)).size, rounds.length, "a trace each");
  for (const round of rounds) {
    assertEquals([round.parentSpanId, attribute(round, "sluice.connector")], ["", scratch.name]);
    const children = spans.filter(({ parentSpanId }) => parentSpanId === round.spanId);
    const prepares = children.filter(({ name }) => name === "prepare");
    assertEquals(prepares.map((span) => attribute(span, "sluice.task")).sort(), [0, 1]);
    for (const span of children) {
      assertEquals([span.traceId, attribute(span, "sluice.epoch")], [round.traceId, attribute(round, "sluice.epoch")]);
      assert(BigInt(span.startTimeUnixNano) >= BigInt(round.startTimeUnixNano), `${span.name} begins before its round`);
      assert(BigInt(span.endTimeUnixNano) <= BigInt(round.endTimeUnixNano), `${span.name} ends after its round`);
      assertEquals(span.status.code, 0);
    }
  }
  const commits = spans.filter(({ name }) => name === "commit");
  const committed = Map.groupBy(commits, (span) => attribute(span, "sluice.table"));
  assertEquals([...committed.keys()].sort(), topics.map((topic) => scratch.table(topic)).sort());
  for (const [i, topic] of topics.entries()) {
    const own = committed.get(scratch.table(topic))!;
    assertEquals(own.reduce((sum, span) => sum + Number(attribute(span, "sluice.rows")), 0), 20);
    const { table, version, files, bytes } = result.tables.find(({ table }) => table === scratch.table(topic))!;
    assert(
      own.some((span) => attribute(span, "sluice.version") === version),
      `${i}: no version ${version} of ${table}`,
    );
    assertEquals(own.reduce((sum, span) => sum + Number(attribute(span, "sluice.files")), 0), files);
    assertEquals(own.reduce((sum, span) => sum + Number(attribute(span, "sluice.bytes")), 0), bytes);
    for (const span of own) {
      assertEquals([attribute(span, "sluice.outcome"), attribute(span, "sluice.topics")], ["committed", [topic]]);
      assert(ended.stderr.includes(`trace_id=${span.traceId}`), ended.stderr);
    }
  }
  const advances = spans.filter(({ name }) => name === "advance");
  const advanced = new Set(advances.flatMap((span) => attribute(span, "sluice.topics") as string[]));
  assertEquals([...advanced].sort(), topics.toSorted());
  for (const span of [...commits, ...advances]) {
    assert(rounds.some(({ spanId }) => spanId === span.parentSpanId), `${span.name} is in no round`);
  }
});

/** A collector that takes OTLP over HTTP; spans are the program's own, without those that Deno makes. */
function collect(): AsyncDisposable & { readonly url: string; readonly spans: Span[] } {
  const spans: Span[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    if (new URL(request.url).pathname === "/v1/traces") {
      const { resourceSpans }: Export = JSON.parse(body);
      const scopes = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).filter(({ scope }) =>
        scope.name === "sluice"
      );
      spans.push(...scopes.flatMap((scope) => scope.spans));
    }
    return new Response("{}", { headers: { "content-type": "application/json" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    spans,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function attribute(span: Span, key: string): unknown {
  const value = span.attributes.find((each) => each.key === key)?.value;
  return value === undefined ? undefined : plain(value);
}

/** An OTLP value: 64-bit integers come as text. */
function plain(value: Readonly<Record<string, unknown>>): unknown {
  const [[kind, held]] = Object.entries(value);
  if (kind === "intValue") return Number(held);
  if (kind !== "arrayValue") return held;
  return (held as { values: Readonly<Record<string, unknown>>[] }).values.map(plain);
}
