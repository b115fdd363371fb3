/**
 * Configurations as the program would read them, with every connector and converter that it has.
 *
 * @module
 */
import { deltaSink } from "../../connectors/delta-sink/mod.ts";
import { fileSink } from "../../connectors/file-sink/mod.ts";
import type { ConverterPlugin, SinkConnector } from "../../mod.ts";
import { type ReadConfig, readConfig } from "../../runtime/config/read_config.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "../../runtime/transforms/mod.ts";
import { avroConverter } from "../../schemas/avro/mod.ts";
import { jsonConverter } from "../../schemas/json/mod.ts";
import { jsonSchemaConverter } from "../../schemas/json/registered/mod.ts";
import { bytesConverter, HEADER_CONVERTERS, NUMBER_CONVERTERS, stringConverter } from "../../schemas/plain/mod.ts";

/** What references in the text may name. */
export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Parses the text of a YAML file; throws ConfigError where the program would refuse it. */
export function readYaml(text: string, { environment = {}, files = {} }: Surroundings = {}): Promise<ReadConfig> {
  const path = "sluice.yaml";
  const readTextFile = (wanted: string) => {
    const found = wanted === path ? text : files[wanted];
    return found === undefined ? Promise.reject(new Deno.errors.NotFound(wanted)) : Promise.resolve(found);
  };
  return readConfig({ path, environment, readTextFile }, {
    connectors: [deltaSink, fileSink] as unknown as SinkConnector[],
    converters: [
      avroConverter,
      jsonConverter,
      jsonSchemaConverter,
      stringConverter,
      bytesConverter,
      ...NUMBER_CONVERTERS,
    ] as unknown as ConverterPlugin[],
    headerConverters: HEADER_CONVERTERS,
    transforms: BUILT_IN_TRANSFORMS,
    predicates: BUILT_IN_PREDICATES,
  });
}
