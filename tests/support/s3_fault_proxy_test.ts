import { assert, assertEquals } from "@std/assert";
import { NO_FAULTS, randomPlan, S3_FAULTS, type S3Fault, S3FaultProxy, strikeAt } from "./s3_fault_proxy.ts";

const TIMES = { holdMs: 50, lateMs: 50, slowMs: 40, awayMs: 200 };

/** What a client is told of a put, and of a get, and whether the put happened in the end. */
const WANTED: Readonly<Record<S3Fault, readonly [put: string, get: string, happened: boolean]>> = {
  "slow-down-before": ["503", "503", false],
  "error-before": ["500", "500", false],
  "timeout-before": ["broken", "broken", false],
  "drop-before": ["broken", "broken", false],
  "drop-mid-body": ["broken", "broken", false],
  "late": ["broken", "broken", true],
  "slow-down-after": ["503", "503", true],
  "error-after": ["500", "500", true],
  "timeout-after": ["broken", "broken", true],
  "drop-after": ["broken", "broken", true],
  "torn": ["broken", "broken", true],
  "torn-chunked": ["broken", "broken", true],
  "cut": ["broken", "200 part", true],
  "slow": ["200", "200 whole", true],
  "away": ["broken", "broken", false],
};

Deno.test("S3FaultProxy makes of each request what its fault says", async () => {
  await using store = Store.start();
  for (const fault of S3_FAULTS) {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    await using proxy = S3FaultProxy.start({ target: store.port, plan: strikeAt(1, fault), times: TIMES });
    const told = [];
    for (const name of ["put", "get"]) {
      store.objects.set("/bucket/get", bytes);
      proxy.begin(strikeAt(1, fault));
      told.push(
        await tell(
          name === "put" ? { url: `${proxy.url}/bucket/${fault}`, bytes } : { url: `${proxy.url}/bucket/get` },
        ),
      );
      await proxy.settled();
      assertEquals([...proxy.faults], [[fault, 1]]);
    }
    const happened = store.objects.get(`/bucket/${fault}`);
    assert(happened === undefined || happened.length === bytes.length, "an object is whole or not there");
    assertEquals([...told, happened !== undefined], [...WANTED[fault]], fault);
  }
});

Deno.test("S3FaultProxy passes on what is not struck: bodies of any length and in chunks, the Host header, connections", async () => {
  await using store = Store.start();
  await using proxy = S3FaultProxy.start({ target: store.port });
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  for (const length of [0, 1, 4096, 3 << 20]) {
    const bytes = new Uint8Array(length).map((_, i) => i);
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const put = await fetch(`${proxy.url}/bucket/key`, { method: "PUT", body, client });
      await put.body?.cancel();
      const answer = await fetch(`${proxy.url}/bucket/key`, { client });
      assertEquals(new Uint8Array(await answer.arrayBuffer()), bytes);
      assertEquals(answer.headers.get("seen-host"), `127.0.0.1:${proxy.port}`);
    }
  }
  client.close();
  assertEquals(proxy.faultCount, 0);
  assertEquals(proxy.requests, 16);
});

Deno.test("randomPlan() gives a request the same fault in every run of a seed", () => {
  const faults = (seed: number) => {
    const plan = randomPlan({ seed, ratio: 0.2, awayRatio: 0.01 });
    return Array.from(
      { length: 500 },
      (_, i) =>
        plan({ index: i + 1, operation: i % 2 ? "GetObject" : "PutIfAbsent", nth: 1, method: "GET", path: "b/k" }),
    );
  };
  assertEquals(faults(1), faults(1));
  assert(JSON.stringify(faults(1)) !== JSON.stringify(faults(2)));
  const count = faults(3).filter((fault) => fault !== null).length;
  assert(count > 60 && count < 150, `about a fifth: ${count}`);
});

Deno.test("S3FaultProxy refuses connections while it is away, and is back on its port", async () => {
  await using store = Store.start();
  await using proxy = S3FaultProxy.start({ target: store.port, plan: NO_FAULTS });
  proxy.goAway(100);
  assertEquals(await tell({ url: `${proxy.url}/bucket/key`, bytes: new Uint8Array(3) }), "broken");
  await proxy.settled();
  assertEquals(await tell({ url: `${proxy.url}/bucket/key`, bytes: new Uint8Array(3) }), "200");
});

/** Objects by path. */
class Store implements AsyncDisposable {
  readonly objects = new Map<string, Uint8Array>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "PUT") {
        try {
          this.objects.set(pathname, new Uint8Array(await request.arrayBuffer()));
        } catch {
          return new Response("cut short", { status: 400 }); // as a server sees a client that goes away
        }
        return new Response();
      }
      const found = this.objects.get(pathname);
      const headers = { "seen-host": request.headers.get("host") ?? "" };
      return new Response(found?.slice(), { status: found ? 200 : 404, headers });
    });
  }

  static start(): Store {
    return new Store();
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What a client without retries is told. */
async function tell({ url, bytes }: { url: string; bytes?: Uint8Array<ArrayBuffer> }): Promise<string> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const answer = await fetch(url, bytes ? { method: "PUT", body: bytes, client } : { client });
    const body = await answer.arrayBuffer();
    return bytes || !answer.ok
      ? `${answer.status}`
      : `${answer.status} ${body.byteLength === 60_000 ? "whole" : "part"}`;
  } catch (error) {
    if (error instanceof TypeError) return "broken";
    throw error;
  }
}
