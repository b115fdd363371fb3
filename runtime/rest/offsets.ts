/**
 * /connectors/{c}/offsets: where partitions stand (KIP-875). Offsets are integers of any size in JSON; they are read exactly.
 *
 * @module
 */
import type { ConnectorOffset, WorkerApi } from "../worker_api.ts";
import { BadRequest, objectOf, readJson, shown } from "./answers.ts";
import type { Route } from "./server.ts";

/** The routes. */
export function offsetRoutes(worker: WorkerApi): Route[] {
  const path = "/connectors/:name/offsets";
  return [
    {
      method: "GET",
      path,
      handle: async (_, { name }) => {
        const offsets = (await worker.offsets(name)).map(offsetText);
        return new Response(`{"offsets":[${offsets.join(",")}]}`, { headers: { "content-type": "application/json" } });
      },
    },
    {
      method: "PATCH",
      path,
      handle: async (request, { name }) => {
        const offsets = offsetsOf(await readJson(request));
        mustBeStopped(worker, name);
        await worker.alterOffsets(name, offsets);
        return Response.json({ message: "The offsets for this connector have been altered successfully" });
      },
    },
    {
      method: "DELETE",
      path,
      handle: async (_, { name }) => {
        mustBeStopped(worker, name);
        await worker.resetOffsets(name);
        return Response.json({ message: "The offsets for this connector have been reset successfully" });
      },
    },
  ];
}

function mustBeStopped(worker: WorkerApi, name: string): void {
  const { state } = worker.status(name).connector;
  if (state === "STOPPED") return;
  throw new BadRequest(
    400,
    "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified " +
      `connector by issuing a 'PUT' request to the '/connectors/${name}/stop' endpoint; it is ${state}`,
  );
}

/** As JSON text: a bigint may be more than a double holds. */
function offsetText({ topic, partition, offset }: ConnectorOffset): string {
  const of = JSON.stringify({ kafka_topic: topic, kafka_partition: partition });
  return `{"partition":${of},"offset":${offset === null ? "null" : `{"kafka_offset":${offset}}`}}`;
}

function offsetsOf(body: unknown): ConnectorOffset[] {
  const { offsets } = objectOf(body, "The body", ["offsets"]);
  if (!Array.isArray(offsets) || offsets.length === 0) {
    throw new BadRequest(400, "Partitions / offsets need to be provided for an alter offsets request");
  }
  const seen = new Set<string>();
  return offsets.map((entry: unknown) => {
    const { partition, offset } = objectOf(entry, "An entry of offsets", ["partition", "offset"]);
    const at = objectOf(partition, "A partition", ["kafka_topic", "kafka_partition"]);
    const topic = at.kafka_topic;
    if (typeof topic !== "string" || topic === "") throw new BadRequest(400, "kafka_topic must be a topic's name");
    const number = wholeNumber(at.kafka_partition, "kafka_partition");
    if (number > 0x7fffffffn) throw new BadRequest(400, `kafka_partition cannot be ${number}`);
    const key = `${topic}-${number}`;
    if (seen.has(key)) throw new BadRequest(400, `The partition ${key} is given twice`);
    seen.add(key);
    if (offset === undefined) throw new BadRequest(400, `${key} has no offset; null resets the partition`);
    const to = offset === null ? null : objectOf(offset, "An offset", ["kafka_offset"]).kafka_offset;
    return { topic, partition: Number(number), offset: to === null ? null : wholeNumber(to, "kafka_offset") };
  });
}

/** A number, or its digits as text (Connect takes both). A number that a double cannot hold is refused, not rounded. */
function wholeNumber(value: unknown, what: string): bigint {
  const isWhole = typeof value === "number"
    ? Number.isSafeInteger(value) && value >= 0
    : typeof value === "string" && /^\d{1,19}$/.test(value);
  if (!isWhole) {
    const hint = typeof value === "number" && value > Number.MAX_SAFE_INTEGER ? "; give it as text" : "";
    throw new BadRequest(
      400,
      `${what} must be a whole number from 0, current value is ${shown(value)}${hint}`,
    );
  }
  const number = BigInt(value as number | string);
  if (number > 0x7fffffffffffffffn) throw new BadRequest(400, `${what} cannot be ${number}`);
  return number;
}
