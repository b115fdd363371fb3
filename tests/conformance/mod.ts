/**
 * What every connector, converter and transform must do, as functions that define tests: for authors of their own.
 *
 * ```ts ignore
 * import { connectorConformance } from "@sluice/sluice/conformance";
 * connectorConformance("my-sink", makeFixture, { exactlyOnce: false });
 * ```
 *
 * Run by `deno test`. Each defines its tests under the name that it is given.
 *
 * @module
 */
export { configOf } from "./config.ts";
export { connectorConformance, type ConnectorFixture } from "./connector.ts";
export { type ConverterCase, converterConformance, type ConverterSamples } from "./converter.ts";
export { type RowSample, type TransformCase, transformConformance } from "./transform.ts";
export { batchOf, type Plain, plain, rowsOf } from "./rows.ts";
export { slabOf, type SlabOptions, type SlabRecord } from "./slab.ts";
