import { assertMatch } from "@std/assert";
import { clusterId } from "./kafka.ts";

Deno.test("clusterId() never begins with a dash, which Kafka's own tool takes for a flag", () => {
  for (let first = 0; first < 256; first++) {
    assertMatch(clusterId(new Uint8Array(16).fill(first)), /^[A-Za-z][\w-]{21}$/);
  }
});
