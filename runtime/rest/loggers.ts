/**
 * /admin/loggers: levels of the log while the worker runs. There are `root` and one logger for each connector, whose lines
 * carry its name, on the threads of its tasks too.
 *
 * @module
 */
import { connectorLogger, LOG_LEVELS, type LogLevel, type LogLevels, ROOT_LOGGER } from "../log.ts";
import type { WorkerApi } from "../worker_api.ts";
import { BadRequest, objectOf, readJson, shown } from "./answers.ts";
import type { Route } from "./server.ts";

/** log4j's levels, as clients of Connect send them. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  ...Object.fromEntries(LOG_LEVELS.map((level) => [level.toUpperCase(), level])),
  TRACE: "debug",
  FATAL: "error",
  CRITICAL: "error",
};

/** The routes. */
export function loggerRoutes({ worker, levels, passLevels }: {
  readonly worker: WorkerApi;
  readonly levels: LogLevels;
  readonly passLevels: (levels: readonly (readonly [name: string, level: LogLevel])[]) => void;
}): Route[] {
  const names = () => [ROOT_LOGGER, ...worker.names().map(connectorLogger)].sort();
  const nameOf = (given: string) => {
    const name = given.toLowerCase() === ROOT_LOGGER ? ROOT_LOGGER : given;
    if (!names().includes(name)) {
      throw new BadRequest(404, `Logger ${given} not found; there are ${names().join(", ")}`);
    }
    return name;
  };
  const show = (name: string) => {
    const set = levels.levels();
    const { level, setMs } = set.get(name) ?? set.get(ROOT_LOGGER)!;
    return { level: level.toUpperCase(), last_modified: setMs };
  };
  return [
    {
      method: "GET",
      path: "/admin/loggers",
      handle: () => Response.json(Object.fromEntries(names().map((name) => [name, show(name)]))),
    },
    { method: "GET", path: "/admin/loggers/:logger", handle: (_, { logger }) => Response.json(show(nameOf(logger))) },
    {
      method: "PUT",
      path: "/admin/loggers/:logger",
      handle: async (request, { logger }) => {
        const { level } = objectOf(await readJson(request), "The body", ["level"]);
        if (level === undefined) throw new BadRequest(400, "Desired 'level' parameter was not specified in request.");
        const wanted = typeof level === "string" && Object.hasOwn(LEVELS, level.toUpperCase())
          ? LEVELS[level.toUpperCase()]
          : null;
        if (!wanted) {
          throw new BadRequest(404, `invalid log level ${shown(level)}; there are ${Object.keys(LEVELS).join(", ")}`);
        }
        const scope = new URL(request.url).searchParams.get("scope") ?? "worker";
        if (scope !== "worker" && scope !== "cluster") {
          throw new BadRequest(400, `scope must be worker or cluster, current value is "${scope}"`);
        }
        const name = nameOf(logger);
        levels.setLevel(name, wanted);
        passLevels([...levels.levels()].map(([each, { level: now }]) => [each, now]));
        // One worker is the cluster; Connect tells names for a worker only.
        if (scope === "cluster") return new Response(null, { status: 204 });
        return Response.json(name === ROOT_LOGGER ? names() : [name]);
      },
    },
  ];
}
