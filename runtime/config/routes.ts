/**
 * What a chain makes of the names of topics, known before any record: a topic feeds one target.
 *
 * @module
 */
import type { ConfigProblem, PredicatePlugin, Routing, SinkConnector, Values } from "../api/mod.ts";
import type { ConfigDef } from "../api/config_def.ts";
import type { NamedPlugin, TransformStep } from "./choose_parts.ts";

type Steps = readonly TransformStep<NamedPlugin>[];

/** The name that a chain gives a topic. Where it depends on rows, the name up to there. */
export function routedTopic(steps: Steps, topic: string): string {
  let name = topic;
  for (const step of steps) {
    const routing = routingOf(step);
    if (routing === "rows") return name;
    if (routing !== null) name = routing(name);
  }
  return name;
}

/** Adds a problem where rows of one topic would come under different names, and the sink cannot have that. */
export function checkRoutes(
  steps: Steps,
  plugin: SinkConnector,
  values: Values<ConfigDef>,
  path: string,
  problems: ConfigProblem[],
): void {
  const step = steps.find((each) => routingOf(each) === "rows");
  if (!step) return;
  const refused = plugin.routedRows
    ? plugin.routedRows(values)
    : `${plugin.name} does not say that it takes rows of one topic under different names`;
  if (refused === null) return;
  const isConditional = step.predicate !== null && step.plugin.routing!(step.config) !== "rows";
  const why = isConditional
    ? `names the topic of some rows by the predicate ${
      step.predicate!.plugin.name
    }, which looks at records: a partition ` +
      `would go to several targets. ${refused}; or take the predicate away, or choose one that looks at the topic's name`
    : `names the topic of each row by its record: a partition would go to several targets. ${refused}`;
  problems.push({ key: `${path}transforms.${step.alias}`, value: step.plugin.name, why });
}

/** What a step does to a name, its predicate included; null: nothing. */
function routingOf({ plugin, config, predicate, negate }: Steps[number]): Routing | null {
  const routing = plugin.routing?.(config) ?? null;
  if (routing === null || predicate === null) return routing;
  const holds = (predicate.plugin as Partial<PredicatePlugin>).ofTopic?.(predicate.config);
  if (!holds || routing === "rows") return "rows";
  return (topic) => holds(topic) !== negate ? routing(topic) : topic;
}
