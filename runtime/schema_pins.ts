/**
 * The inferred schema of a topic's keys or values, the same for all tasks of the worker: tasks propose, the main thread
 * pins the first proposal for each topic and side, and answers all with it.
 *
 * @module
 */
import { type Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import type { Log, RecordSide } from "./api/mod.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";

/** The task's side. */
export class PinRequests {
  readonly #waiting = new Map<number, (schema: Schema) => void>();
  #last = 0;
  constructor(private readonly send: (message: FromTask) => void) {}

  propose(topic: string, side: RecordSide, schema: Schema): Promise<Schema> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.send({ kind: "pin", id, topic, side, schema: tableToIPC(new Table(schema), "stream") });
    });
  }

  answer({ id, schema }: ToTask & { kind: "pinned" }): void {
    this.#waiting.get(id)?.(tableFromIPC(schema).schema);
    this.#waiting.delete(id);
  }
}

/** The main thread's side. */
export class PinnedSchemas {
  readonly #schemas = new Map<string, Uint8Array>();
  constructor(private readonly log: Log) {}

  answer({ id, topic, side, schema }: FromTask & { kind: "pin" }): ToTask {
    const key = `${side} ${topic}`;
    if (!this.#schemas.has(key)) {
      this.#schemas.set(key, schema);
      const fields = tableFromIPC(schema).schema.fields.map(({ name, type }) => `${name}: ${type}`).join(", ");
      this.log.info("Pinned the schema inferred for a topic", { topic, side, schema: fields });
    }
    return { kind: "pinned", id, schema: this.#schemas.get(key)! };
  }
}
