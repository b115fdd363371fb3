/**
 * The parts of @platformatic/kafka that every thread needs, without the rest of it: its index loads every client and the
 * registries' libraries, which takes a thread twice the time and a fifth of its memory more. The package exports its index alone,
 * so the files are found beside it; where they cannot be (another version, a program that was packed), the index serves.
 *
 * @module
 */
import type * as Client from "@platformatic/kafka";

/** A file of the package, by its path beside the index: it exports what the index re-exports of it. */
export async function clientPart<Names extends keyof typeof Client>(
  path: string,
  names: readonly Names[],
): Promise<Pick<typeof Client, Names>> {
  try {
    const part = await import(new URL(path, import.meta.resolve("@platformatic/kafka")).href);
    if (names.every((name) => name in part)) return part;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // "module not found"
  }
  return await import("@platformatic/kafka");
}

/** An API's module, by the path of its file. */
async function api<Name extends keyof typeof Client>(path: string, name: Name): Promise<typeof Client[Name]> {
  const part = await clientPart(`apis/${path}.js`, ["api" as Name]);
  return "api" in part ? part as unknown as typeof Client[Name] : part[name];
}

const [network, protocol, codecs, definitions, writer] = await Promise.all([
  clientPart("network/connection.js", ["Connection", "ConnectionStatuses"]),
  clientPart("protocol/errors.js", ["protocolErrors", "protocolErrorsCodesById"]),
  clientPart("protocol/compression.js", ["compressionsAlgorithms"]),
  clientPart("apis/definitions.js", ["createAPI"]),
  clientPart("protocol/writer.js", ["Writer"]),
]);

export const { Connection, ConnectionStatuses } = network;
export type Connection = Client.Connection;
export const { protocolErrors, protocolErrorsCodesById } = protocol;
export const { compressionsAlgorithms } = codecs;
export const { createAPI } = definitions;
export const { Writer } = writer;
export type Writer = Client.Writer;
export const apiVersionsV0 = await api("metadata/api-versions-v0", "apiVersionsV0");
export const apiVersionsV3 = await api("metadata/api-versions-v3", "apiVersionsV3");
export const metadataV10 = await api("metadata/metadata-v10", "metadataV10");
export const metadataV11 = await api("metadata/metadata-v11", "metadataV11");
export const metadataV12 = await api("metadata/metadata-v12", "metadataV12");
export const listOffsetsV4 = await api("consumer/list-offsets-v4", "listOffsetsV4");
export const listOffsetsV7 = await api("consumer/list-offsets-v7", "listOffsetsV7");
export const saslHandshakeV1 = await api("security/sasl-handshake-v1", "saslHandshakeV1");
