/**
 * /connector-plugins: what a connector can be made of, and whether a configuration would do.
 *
 * @module
 */
import { pluginName } from "../config/choose_parts.ts";
import { type ConfigContext, type ConfigInfos, configInfos, CONNECT_OPTIONS } from "../config/config_infos.ts";
import { configKeys } from "../config/config_keys.ts";
import type { WorkerApi } from "../worker_api.ts";
import { BadRequest, configOf, flag, readJson } from "./answers.ts";
import type { Route } from "./server.ts";

/** What they are made of. */
export interface PluginContext extends ConfigContext {
  readonly worker: Pick<WorkerApi, "revealed">;
  readonly version: string;
}

/** The routes. */
export function pluginRoutes(context: PluginContext): Route[] {
  const { plugins, version } = context;
  const kinds = [
    { type: "sink", of: plugins.connectors },
    { type: "converter", of: plugins.converters },
    { type: "header_converter", of: plugins.headerConverters ?? [] },
    { type: "transformation", of: plugins.transforms },
    { type: "predicate", of: plugins.predicates ?? [] },
  ];
  const find = async (given: string) => {
    await plugins.loadAll?.();
    for (const { type, of } of kinds) {
      const name = pluginName(given, of.map((plugin) => plugin.name));
      const plugin = of.find((each) => each.name === name);
      if (plugin) return { type, plugin };
    }
    throw new BadRequest(404, `Unknown plugin ${given}; GET /connector-plugins?connectorsOnly=false lists them`);
  };
  return [
    {
      method: "GET",
      path: "/connector-plugins",
      handle: async (request) => {
        await plugins.loadAll?.();
        const shown = flag(request, "connectorsOnly", true) ? kinds.slice(0, 1) : kinds;
        return Response.json(shown.flatMap(({ type, of }) =>
          of.map((plugin) => ({
            class: plugin.name,
            type,
            version: "version" in plugin ? plugin.version : version, // what is built in has the worker's
          }))
        ));
      },
    },
    {
      method: "GET",
      path: "/connector-plugins/:plugin/config",
      handle: async (_, { plugin: given }) => {
        const { type, plugin } = await find(given);
        return Response.json(configKeys(type === "sink" ? { ...CONNECT_OPTIONS, ...plugin.options } : plugin.options));
      },
    },
    {
      method: "PUT",
      path: "/connector-plugins/:plugin/config/validate",
      handle: async (request, { plugin: given }) => {
        const config = configOf(await readJson(request));
        const names = plugins.connectors.map(({ name }) => name);
        const wanted = pluginName(given, names);
        if (!names.includes(wanted)) {
          throw new BadRequest(404, `Unknown connector type ${given}; there is ${names.join(", ")}`);
        }
        const included = config["connector.class"] ?? config.connector;
        if (included !== undefined && pluginName(included, names) !== wanted) {
          const message = `Included connector type ${included} does not match request type ${given}`;
          throw new BadRequest(400, message);
        }
        const whole = included === undefined ? { ...config, "connector.class": given } : config;
        return Response.json(await validated(whole, context));
      },
    },
  ];
}

/** What was got from a connector holds masks: they are its secrets, as a PUT of the same would take them. */
function validated(given: Record<string, string>, context: PluginContext): Promise<ConfigInfos> {
  const name = given.name ?? "";
  const { config, unknown } = context.worker.revealed(name, given);
  const why = `stands for a secret, and connector "${name}" has none of this key; give it`;
  const keys = Object.keys(given).filter((key) => config[key] !== given[key]);
  return configInfos(config, context, { keys, missing: new Map(unknown.map((key) => [key, why])) });
}
