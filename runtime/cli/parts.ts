/**
 * The composition root: the only file that knows every part. The heavy half of each is loaded by the part itself, where it is
 * used.
 *
 * @module
 */
import type { DataType } from "apache-arrow";
import { deltaSink } from "../../connectors/delta-sink/mod.ts";
import { fileSink } from "../../connectors/file-sink/mod.ts";
import { avroConverter } from "../../schemas/avro/mod.ts";
import { jsonConverter } from "../../schemas/json/mod.ts";
import { jsonSchemaConverter } from "../../schemas/json/registered/mod.ts";
import { protobufConverter } from "../../schemas/protobuf/mod.ts";
import { bytesConverter, HEADER_CONVERTERS, NUMBER_CONVERTERS, stringConverter } from "../../schemas/plain/mod.ts";
import type { ConverterPlugin, SinkConnector, Values } from "../api/mod.ts";
import type { Plugins } from "../config/resolve_instance.ts";
import type { TableTools } from "./table_tools.ts";
import { createCatalogue } from "../plugins/catalogue.ts";

/** Everything that a configuration can choose from. */
export const plugins: Plugins = createCatalogue({
  connectors: [deltaSink, fileSink] as unknown as SinkConnector[],
  converters: [
    avroConverter,
    protobufConverter,
    jsonConverter,
    jsonSchemaConverter,
    stringConverter,
    bytesConverter,
    ...NUMBER_CONVERTERS,
  ] as unknown as ConverterPlugin[],
  headerConverters: HEADER_CONVERTERS,
}, async () => {
  const { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } = await import("../transforms/mod.ts");
  return { transforms: BUILT_IN_TRANSFORMS, predicates: BUILT_IN_PREDICATES };
});

/** Loaded by the commands that are about tables. */
export async function tables(): Promise<TableTools> {
  const [
    inspect,
    { applyTableSchema },
    { s3Options, s3Settings },
    { registryOptions },
    { columnsOfSubject, schemaOfId },
    { mappingOfSubject, subjectsOf },
    { arrowToDelta, arrowTypeToDelta, describeDeltaType },
    { createParquetFile },
    { fitOf },
    { ddlOfColumns, ddlOfTable },
    { Subjects },
  ] = await Promise.all([
    import("../../connectors/delta-sink/inspect.ts"),
    import("../../connectors/delta-sink/apply_schema.ts"),
    import("../../connectors/delta-sink/storage/s3/options.ts"),
    import("../../schemas/registry.ts"),
    import("../../schemas/subject_columns.ts"),
    import("../../schemas/mapping_report.ts"),
    import("../../connectors/delta-sink/delta/schema.ts"),
    import("../../connectors/delta-sink/parquet/parquet_file.ts"),
    import("../../connectors/delta-sink/fit.ts"),
    import("../../connectors/delta-sink/ddl.ts"),
    import("../../schemas/compatibility.ts"),
  ]);
  const tools = {
    ...{ describeTable: inspect.describeTable, inspectTable: inspect.inspectTable, sampleRows: inspect.sampleRows },
    ...{
      applyTableSchema,
      columnsOfSubject,
      createParquetFile,
      ddlOfColumns,
      ddlOfTable,
      fitOf,
      schemaOfId,
      registryOptions,
      storageOptions: s3Options,
      subjectsOf,
    },
    storageOf: (values: Values<typeof s3Options>) => ({ s3: s3Settings(values) }),
    createSubjects: (...given: ConstructorParameters<typeof Subjects>) => new Subjects(...given),
    mappingOfSubject: (...[asked, parts]: [Parameters<typeof mappingOfSubject>[0], Parameters<typeof subjectsOf>[1]]) =>
      mappingOfSubject(asked, parts, arrowToDelta),
    describeColumn: (type: DataType, path: string) => describeDeltaType(arrowTypeToDelta(type, path)),
  };
  return tools as unknown as TableTools; // as with plugins: what it declares is what it is given
}
