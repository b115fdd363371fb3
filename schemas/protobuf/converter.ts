/**
 * The converter: records of registered schemas, or bare payloads of one message, to rows.
 *
 * @module
 */
import { ConfigError, type Converter, type ConverterContext, DataError, type Values } from "../../mod.ts";
import {
  createBareConverter,
  createRegisteredConverter,
  type RegisteredFormat,
  type WriterSchema,
} from "../registered.ts";
import { Decoder } from "./decoder.ts";
import type { protobufOptions } from "./mod.ts";
import { fromReferences, parseProto, type ProtoMessage, type ProtoSchema } from "./proto.ts";

/** Makes a converter; ConfigError where not exactly one of a registry and a schema is set, or it cannot be used. */
export function createConverter(config: Values<typeof protobufOptions>, context: ConverterContext): Converter {
  const { side, jsonPaths } = context;
  const [schemaKey, messageKey] = [`${side}.schema`, `${side}.message`] as const;
  const [path, message] = [config[schemaKey], config[messageKey]];
  if (config["schema.registry.url"].length > 0) {
    const useless = [[schemaKey, path], [messageKey, message]].filter(([, value]) => value !== null);
    if (useless.length === 0) return createRegisteredConverter(protobufFormat(jsonPaths), config, context);
    const why = "has no effect with schema.registry.url: there each record names its schema and message; remove one";
    throw new ConfigError(useless.map(([key, value]) => ({ key: key!, value: value!, why })));
  }
  if (path !== null) {
    return createBareConverter(bareDecoder(path, message, { schemaKey, messageKey }, jsonPaths), context);
  }
  throw new ConfigError([{
    key: schemaKey,
    why: `missing: the protobuf converter needs schema.registry.url, or ${schemaKey} for payloads without a frame`,
  }]);
}

function protobufFormat(jsonPaths: ReadonlySet<string>): RegisteredFormat {
  const latestDecoders = new WeakMap<WriterSchema, Decoder>();
  const decoderOf = (writer: WriterSchema): Decoder => {
    const { schema, message } = linked(writer);
    return new Decoder(message, schema, { jsonPaths, source: writer.source });
  };
  return {
    schemaType: "PROTOBUF",
    mismatch: "not a protobuf schema",
    hasMessageIndexes: true,
    compile(writer, latest) {
      if (!latest) return decoderOf(writer);
      // The bytes of any version are read by the fields' numbers.
      let decoder = latestDecoders.get(latest);
      if (!decoder) latestDecoders.set(latest, decoder = decoderOf(latest));
      return decoder;
    },
    messageName: (writer) => linked(writer).message.name,
    async loadMessages() {
      const { ProtobufMessages } = await import("./message.ts");
      return (writer) => new ProtobufMessages(linked(writer).message, writer.source);
    },
  };
}

function linked({ text, references, messageIndexes, messageName }: WriterSchema): {
  readonly schema: ProtoSchema;
  readonly message: ProtoMessage;
} {
  const schema = parseProto(
    text,
    fromReferences(references.map(({ name, schema }) => ({ name, text: schema.schema }))),
  );
  if (messageName === undefined) return { schema, message: schema.messageAt(messageIndexes) };
  const message = schema.messageNamed(messageName);
  if (message) return { schema, message };
  throw new DataError(`Cannot find message ${messageName} in the version that records are brought to`, {
    reason: "unknown message",
  });
}

function bareDecoder(
  path: string,
  name: string | null,
  keys: { readonly schemaKey: string; readonly messageKey: string },
  jsonPaths: ReadonlySet<string>,
): Decoder {
  const problem = (key: string, value: string, why: string) => new ConfigError([{ key, value, why }]);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const why = `cannot be read: ${(error as Error).message}; expected the path of a .proto file`;
    throw problem(keys.schemaKey, path, why);
  }
  try {
    const schema = parseProto(text, (imported) => readBeside(path, imported));
    const message = name === null ? schema.messageAt([0]) : schema.messageNamed(name);
    if (message) return new Decoder(message, schema, { jsonPaths });
    throw problem(keys.messageKey, name!, `names no message of ${path}; expected a full name, e.g. shop.v1.Order`);
  } catch (error) {
    if (error instanceof DataError) throw problem(keys.schemaKey, path, error.message);
    throw error;
  }
}

/** Imports are relative to the folder of the file. */
function readBeside(path: string, imported: string): string | null {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  try {
    return Deno.readTextFileSync(folder + imported);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
