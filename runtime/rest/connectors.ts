/**
 * /connectors: connectors and their configurations.
 *
 * @module
 */
import { RequestRefused, type WorkerApi } from "../worker_api.ts";
import { BadRequest, configOf, objectOf, ofConnector, readJson, shown } from "./answers.ts";
import type { Route } from "./server.ts";

const INITIAL_STATES = ["RUNNING", "PAUSED", "STOPPED"] as const;

/** The routes. */
export function connectorRoutes(worker: WorkerApi): Route[] {
  const at = (method: string, path: string, handle: Route["handle"]): Route => ({ method, path, handle });
  return [
    at("GET", "/connectors", (request) => {
      const { searchParams } = new URL(request.url);
      if (!searchParams.has("expand")) return Response.json(worker.names());
      return Response.json(expanded(worker, searchParams.getAll("expand").flatMap((text) => text.split(","))));
    }),
    at("POST", "/connectors", async (request) => {
      const body = objectOf(await readJson(request), "The body", ["name", "config", "initial_state"]);
      const given = configOf(body.config ?? {});
      const name = nameOf(body.name);
      const initial = initialState(body.initial_state);
      const info = await ofConnector(name, () => worker.create(name, named(name, given), initial));
      return Response.json(info, { status: 201, headers: { location: locationOf(request, name) } });
    }),
    at("GET", "/connectors/:name", (_, { name }) => Response.json(worker.info(name))),
    at("DELETE", "/connectors/:name", async (_, { name }) => {
      await worker.delete(name);
      return new Response(null, { status: 204 });
    }),
    at("GET", "/connectors/:name/config", (_, { name }) => Response.json(worker.info(name).config)),
    at("PUT", "/connectors/:name/config", async (request, { name }) => {
      const config = named(name, configOf(await readJson(request)));
      const { created, info } = await ofConnector(name, () => worker.putConfig(name, config));
      if (!created) return Response.json(info);
      return Response.json(info, { status: 201, headers: { location: locationOf(request, name) } });
    }),
    at("PATCH", "/connectors/:name/config", async (request, { name }) => {
      const patch = configOf(await readJson(request), true);
      if ("name" in patch) agree(name, patch.name);
      return Response.json(await ofConnector(name, () => worker.patchConfig(name, patch)));
    }),
    at("GET", "/connectors/:name/tasks", (_, { name }) => {
      const configs = worker.taskConfigs(name);
      const tasks = worker.info(name).tasks.map((id) => ({ id, config: configs[`${name}-${id.task}`] ?? {} }));
      return Response.json(tasks);
    }),
    at("GET", "/connectors/:name/tasks-config", (_, { name }) => Response.json(worker.taskConfigs(name))),
    at("GET", "/connectors/:name/topics", (_, { name }) => {
      return Response.json({ [name]: { topics: worker.activeTopics(name) } });
    }),
    at("PUT", "/connectors/:name/topics/reset", (_, { name }) => {
      worker.resetActiveTopics(name);
      return new Response(null, { status: 200 });
    }),
  ];
}

function expanded(worker: WorkerApi, wanted: readonly string[]): Record<string, object> {
  const unknown = wanted.find((each) => !["status", "info"].includes(each));
  if (unknown !== undefined) throw new BadRequest(400, `expand must be status or info, current value is "${unknown}"`);
  const all: [string, object][] = [];
  for (const name of worker.names()) {
    try {
      const info = wanted.includes("info") ? { info: worker.info(name) } : {};
      const status = wanted.includes("status") ? { status: worker.status(name) } : {};
      all.push([name, { ...info, ...status }]);
    } catch (error) {
      // Deleted since it was listed.
      if (!(error instanceof RequestRefused && error.status === 404)) throw error;
    }
  }
  return Object.fromEntries(all);
}

function nameOf(given: unknown): string {
  const name = typeof given === "string" ? given.trim() : "";
  if (name === "") throw new BadRequest(400, "The body's name must be the connector's name");
  return name;
}

function initialState(given: unknown): typeof INITIAL_STATES[number] {
  if (given === undefined || given === null) return "RUNNING";
  const state = typeof given === "string" && INITIAL_STATES.find((each) => each === given.toUpperCase());
  if (state) return state;
  throw new BadRequest(
    400,
    `initial_state must be one of ${INITIAL_STATES.join(", ")}, current value is ${shown(given)}`,
  );
}

/** The configuration with its name in it, as Connect keeps it. */
function named(name: string, config: Record<string, string>): Record<string, string> {
  if (!Object.hasOwn(config, "name")) return { name, ...config };
  agree(name, config.name);
  return config;
}

function agree(name: string, inside: string | null): void {
  if (inside === name) return;
  const message = `Connector name configuration (${inside}) doesn't match connector name in the URL (${name})`;
  throw new BadRequest(400, message);
}

function locationOf(request: Request, name: string): string {
  return new URL(`/connectors/${encodeURIComponent(name)}`, request.url).href;
}
