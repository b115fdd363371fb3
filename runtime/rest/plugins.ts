/**
 * /connector-plugins: what a connector can be made of, and whether a configuration would do.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { pluginName } from "../config/choose_parts.ts";
import { type ConfigContext, type ConfigInfos, configInfos, CONNECT_OPTIONS } from "../config/config_infos.ts";
import { configKeys } from "../config/config_keys.ts";
import { rawKeys } from "../config/raw.ts";
import { prepareRaw } from "../config/read_config.ts";
import { isModuleName } from "../plugins/module_names.ts";
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
  const find = async (named: string) => {
    await plugins.loadAll?.();
    const given = await nameOf(named, context);
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
        const included = config["connector.class"] ?? config.connector;
        // Modules first: what they export is among the names then.
        const named = await nameOf(given, context);
        const other = included === undefined ? null : await nameOf(included, context).catch((error: unknown) => {
          if (!(error instanceof BadRequest)) throw error;
          return null; // what is wrong with it is part of the answer
        });
        const names = plugins.connectors.map(({ name }) => name);
        const wanted = pluginName(named, names);
        if (!names.includes(wanted)) {
          throw new BadRequest(404, `Unknown connector type ${given}; there is ${names.join(", ")}`);
        }
        if (other !== null && pluginName(other, names) !== wanted) {
          const message = `Included connector type ${included} does not match request type ${given}`;
          throw new BadRequest(400, message);
        }
        const whole = included === undefined ? { ...config, "connector.class": given } : config;
        return Response.json(await validated(whole, context));
      },
    },
  ];
}

/** A module's path or URL stands for the connector that it exports, which is loaded for it; else the name itself. */
async function nameOf(given: string, { plugins, passedOn, references }: PluginContext): Promise<string> {
  if (!isModuleName(given)) return given;
  const worker = new Map([...passedOn].filter(([key]) => key === "plugin.path"));
  const raw = { worker, connectors: new Map([["class", rawKeys({ "connector.class": given }, "REST")]]) };
  const problems: ConfigProblem[] = [];
  const { connectors } = await prepareRaw(raw, references, plugins, problems);
  if (problems.length > 0) throw new BadRequest(404, `Unknown connector type ${given}: it ${problems[0].why}`);
  return String(connectors.get("class")!.get("connector.class")!.value);
}

/** What was got from a connector holds masks: they are its secrets, as a PUT of the same would take them. */
function validated(given: Record<string, string>, context: PluginContext): Promise<ConfigInfos> {
  const name = given.name ?? "";
  const { config, unknown } = context.worker.revealed(name, given);
  const why = `stands for a secret, and connector "${name}" has none of this key; give it`;
  const keys = Object.keys(given).filter((key) => config[key] !== given[key]);
  return configInfos(config, context, { keys, missing: new Map(unknown.map((key) => [key, why])) });
}
