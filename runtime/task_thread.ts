/**
 * A task's thread, both sides of it: `TaskThreads` starts them from the main thread, `runTaskThread` is what runs on one.
 * Only plain data crosses: the configuration's raw form first, then the messages of task_protocol.ts. What a task is made
 * of is loaded on its thread alone (run_task.ts).
 *
 * @module
 */
import type { RawConfig } from "./config/raw.ts";
import type { Plugins } from "./config/resolve_instance.ts";
import type { KafkaSettings } from "./kafka/settings.ts";
import type { LogLevel } from "./log.ts";
import type { TaskHost } from "./run_parts.ts";
import type { FromTask, ToTask } from "./task_protocol.ts";

/** What a thread is started with. */
export interface ThreadInit {
  readonly kind: "init";
  readonly raw: RawConfig;
  readonly instance: string;
  readonly task: number;
  /** What the task may hold in all. */
  readonly memoryBytes: number;
  /** What it may fetch; 0: as much as comes. */
  readonly fetchBytesPerSecond: number;
  readonly kafka: KafkaSettings;
  readonly log: { readonly level: LogLevel; readonly format: "json" | "text"; readonly file: string | null };
}

/** Levels of the log that were changed while the thread runs: by logger, in this order. */
export interface LogLevelsMessage {
  readonly kind: "log-levels";
  readonly levels: readonly (readonly [name: string, level: LogLevel])[];
}

/** The threads of a program. Each runs the module at `url`, which must call `runTaskThread`. */
export class TaskThreads {
  #spare: Thread | null = null;
  readonly #running = new Set<Worker>();
  #logLevels: LogLevelsMessage | null = null;

  constructor(private readonly url: string) {}

  /** Starts a thread for the first task to come: it loads what all tasks need while we find out what is to be done. */
  prepare(): void {
    this.#spare ??= createThread(this.url, "task");
  }

  /** Starts a task on a thread of its own. */
  start(init: ThreadInit, receive: (message: FromTask) => void): TaskHost {
    const { worker, listen } = this.#spare ?? createThread(this.url, `${init.instance}-${init.task}`);
    this.#spare = null;
    listen(receive);
    worker.postMessage(init);
    if (this.#logLevels) worker.postMessage(this.#logLevels);
    this.#running.add(worker);
    const terminate = () => {
      this.#running.delete(worker);
      worker.terminate();
    };
    return { post: (message: ToTask) => worker.postMessage(message), terminate };
  }

  /** Sets levels of the log on every thread, and on those to come. */
  setLogLevels(levels: LogLevelsMessage["levels"]): void {
    this.#logLevels = { kind: "log-levels", levels };
    for (const worker of this.#running) worker.postMessage(this.#logLevels);
  }
}

interface Thread {
  readonly worker: Worker;
  /** From then on messages go there, those that came before first. */
  listen(receive: (message: FromTask) => void): void;
}

function createThread(url: string, name: string): Thread {
  const worker = new Worker(url, { type: "module", name });
  const early: FromTask[] = [];
  let receive = (message: FromTask): void => void early.push(message);
  worker.onmessage = ({ data }: MessageEvent<FromTask>) => receive(data);
  worker.onerror = (event) => {
    event.preventDefault(); // a failed thread is the run's to judge, not the end of the process
    receive({ kind: "failed", name: "Error", message: event.message, stack: `${event.filename}:${event.lineno}` });
  };
  return {
    worker,
    listen(to) {
      receive = to;
      queueMicrotask(() => early.splice(0).forEach(to)); // not before the caller has the thread
    },
  };
}

/**
 * Runs a task on this thread: loads what it is made of, waits for `init`, then obeys messages until a `stop`. To be called
 * before anything is awaited: a message that nobody listens for is lost.
 */
export function runTaskThread(plugins: () => Promise<Plugins>): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent<ThreadInit | ToTask | LogLevelsMessage>) => void) | null;
    postMessage(message: FromTask): void;
  };
  const send = (message: FromTask) => scope.postMessage(message);
  const early: (ToTask | LogLevelsMessage)[] = [];
  let receive = (message: ToTask | LogLevelsMessage): void => void early.push(message);
  const parts = Promise.all([import("./run_task.ts"), plugins()]);
  parts.catch(() => {}); // told when there is a task
  scope.onmessage = ({ data }) => {
    if (data.kind !== "init") return receive(data);
    parts.then(([{ runTask }, known]) =>
      runTask(data, known, send, (door) => {
        receive = door;
        early.splice(0).forEach(door);
      })
    ).catch((error) => send(failure(error)));
  };
}

function failure(error: unknown): FromTask {
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return { kind: "failed", name, message, stack };
}
