/**
 * What connectors and tasks do: status, restart, pause, resume, stop.
 *
 * @module
 */
import type { WorkerApi } from "../worker_api.ts";
import { BadRequest, flag } from "./answers.ts";
import type { Route } from "./server.ts";

/** The routes. */
export function stateRoutes(worker: WorkerApi): Route[] {
  const at = (method: string, path: string, handle: Route["handle"]): Route => ({ method, path, handle });
  const accepted = () => new Response(null, { status: 202 });
  const done = () => new Response(null, { status: 204 });
  return [
    at("GET", "/connectors/:name/status", (_, { name }) => Response.json(worker.status(name))),
    at("GET", "/connectors/:name/tasks/:task/status", (_, { name, task }) => {
      const found = worker.status(name).tasks.find(({ id }) => String(id) === task);
      if (!found) throw new BadRequest(404, `No status found for task ${name}-${task}`);
      return Response.json(found);
    }),
    at("POST", "/connectors/:name/restart", async (request, { name }) => {
      const how = {
        includeTasks: flag(request, "includeTasks", false),
        onlyFailed: flag(request, "onlyFailed", false),
      };
      const status = await worker.restart(name, how);
      // Connect answers the plain restart, which is older, without a body.
      return how.includeTasks || how.onlyFailed ? Response.json(status, { status: 202 }) : done();
    }),
    at("POST", "/connectors/:name/tasks/:task/restart", async (_, { name, task }) => {
      if (!/^\d{1,9}$/.test(task)) throw new BadRequest(404, `Connector "${name}" has no task ${task}`);
      await worker.restartTask(name, Number(task));
      return done();
    }),
    at("PUT", "/connectors/:name/pause", async (_, { name }) => {
      await worker.pause(name);
      return accepted();
    }),
    at("PUT", "/connectors/:name/resume", async (_, { name }) => {
      await worker.resume(name);
      return accepted();
    }),
    at("PUT", "/connectors/:name/stop", async (_, { name }) => {
      await worker.stopConnector(name);
      return done();
    }),
  ];
}
