/**
 * Protobuf schemas, as text or as descriptors, to a graph of types; the door of `protobufjs`, which parses and links them.
 *
 * @module
 */
import protobuf from "protobufjs";
import descriptors, { type IDescriptorProto, type IFileDescriptorProto } from "protobufjs/ext/descriptor.js";
import { DataError } from "../../mod.ts";
import { BUILT_IN_FILES } from "./built_in_files.ts";

/** Types of fields without parts. */
export type ScalarKind =
  | ("double" | "float" | "bool" | "string" | "bytes")
  | ("int32" | "uint32" | "sint32" | "fixed32" | "sfixed32")
  | ("int64" | "uint64" | "sint64" | "fixed64" | "sfixed64");

/** A type without parts. */
export interface ProtoScalar {
  readonly kind: "scalar";
  readonly scalar: ScalarKind;
}
/** Names by number; of aliases the first. */
export interface ProtoEnum {
  readonly kind: "enum";
  readonly name: string;
  readonly names: ReadonlyMap<number, string>;
}
/** Fields as they are declared. A message may contain itself: the types are a graph. */
export interface ProtoMessage {
  readonly kind: "message";
  /** The full name, without a leading dot. */
  readonly name: string;
  readonly fields: readonly ProtoField[];
}
/** Any type. */
export type ProtoType = ProtoScalar | ProtoEnum | ProtoMessage;

/** A field of a message. */
export interface ProtoField {
  readonly name: string;
  readonly number: number;
  /**
   * implicit: unset is the default; optional: unset is known; required: never unset. Messages are never implicit. A map's
   * `type` is that of its values.
   */
  readonly label: "implicit" | "optional" | "required" | "repeated" | "map";
  readonly type: ProtoType;
  /** A map's keys. */
  readonly key: ScalarKind | null;
  /** The oneof that the field is a member of. */
  readonly oneof: string | null;
  /** Whether the message stands between tags of its own instead of behind a length. */
  readonly isGroup: boolean;
  /** What `(confluent.field_meta).params` says. */
  readonly params: Readonly<Record<string, string>>;
  /** What `(confluent.field_meta).tags` says; absent: nothing. */
  readonly tags?: readonly string[];
}

/** A schema and all that it imports. */
export interface ProtoSchema {
  /** The message of a frame's indexes, e.g. [0]: the first one; [1, 0]: the first within the second. */
  messageAt(indexes: readonly number[]): ProtoMessage;
  /** Full names of the messages that the schema itself declares, without those within others, in its order. */
  readonly messageNames: readonly string[];
  /** The message of a full name, also of an imported one, or null. */
  messageNamed(name: string): ProtoMessage | null;
}

/** The text of a file that another one imports, by the path that the import says, or null. */
export type FindFile = (name: string) => string | null;

/** Files by the names under which a registered schema refers to them; of two of one name the first. */
export function fromReferences(references: readonly { name: string; text: string }[]): FindFile {
  return (name) => references.find((reference) => reference.name === name)?.text ?? null;
}

/**
 * Parses a schema, either the text of a `.proto` file or a FileDescriptorProto in base64, with the files that it imports:
 * those that every registry knows need not be found. Throws DataError "invalid schema".
 */
export function parseProto(text: string, find: FindFile = () => null): ProtoSchema {
  const linker = new Linker();
  try {
    // First: what it declares itself is what indexes count.
    const declared = linker.add(text, "");
    linker.addImports(find);
    linker.root.resolveAll();
    return new LinkedSchema(linker.root, declared, linker.metas);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const missing = linker.missing.length === 0
      ? ""
      : `; it imports ${linker.missing.map((name) => `"${name}"`).join(", ")}, which cannot be found`;
    throw invalid(`${(cause as Error).message}${missing}`, cause);
  }
}

/** A message that a file declares, and those within it, in the order in which indexes count. */
interface Declared {
  readonly name: string;
  readonly nested: readonly Declared[];
}

/** What `(confluent.field_meta)` says. */
interface Meta {
  readonly params: Record<string, string>;
  readonly tags: readonly string[];
}

type Metas = Map<protobuf.Field, Meta>;

/** Collects files in one root; it does not matter in which order. */
class Linker {
  readonly root = new protobuf.Root();
  /** Of fields that came by a descriptor. */
  readonly metas: Metas = new Map();
  /** Imports that nobody has; they may be about options only, which we do not read. */
  readonly missing: string[] = [];
  private readonly wanted: string[] = [];

  add(text: string, name: string): readonly Declared[] {
    const descriptor = isDescriptor(text) ? Uint8Array.fromBase64(text) : null;
    // The library keeps names as members of objects: this one would be lost without a word, and its field with it.
    if ((descriptor ? LATIN1.decode(descriptor) : text).includes("__proto__")) {
      throw invalid('it has the name "__proto__", which cannot be told from what JavaScript means by it');
    }
    return descriptor ? this.addDescriptor(readDescriptor(descriptor)) : this.addText(text, name);
  }

  addImports(find: FindFile): void {
    const seen = new Set<string>();
    for (let name = this.wanted.pop(); name !== undefined; name = this.wanted.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      // Ours before what is found: the types that mean something must be the ones that we know.
      const json = name.startsWith("google/protobuf/") ? protobuf.common.get(name) : null;
      if (json) this.root.addJSON(json.nested!);
      else if (name === "google/protobuf/descriptor.proto") this.addDescriptorTypes();
      else {
        const text = Object.hasOwn(BUILT_IN_FILES, name) ? BUILT_IN_FILES[name] : find(name);
        if (text === null) this.missing.push(name);
        else this.add(text, name);
      }
    }
  }

  private addText(text: string, name: string): readonly Declared[] {
    const { package: packageName, imports = [], weakImports = [] } = parseText(text, this.root, name);
    this.wanted.push(...imports, ...weakImports);
    return typesOf(packageName === undefined ? this.root : this.root.lookup(packageName)).map(declaredBy);
  }

  private addDescriptor(file: IFileDescriptorProto): readonly Declared[] {
    const namespace = file.package ? this.root.define(file.package) : this.root;
    const context = { edition: editionOf(file), features: featuresOf(file), keepCase: true };
    this.wanted.push(...(file.dependency as string[] | undefined) ?? []);
    for (const message of file.messageType ?? []) {
      const type = protobuf.Type.fromDescriptor(message, context);
      namespace.add(type);
      this.collectMetas(message, type);
    }
    for (const type of file.enumType ?? []) namespace.add(protobuf.Enum.fromDescriptor(type, context));
    const prefix = file.package ? `${file.package}.` : "";
    return (file.messageType ?? []).map((message) => declaredIn(message, prefix));
  }

  private collectMetas(message: IDescriptorProto, type: protobuf.Type): void {
    for (const { name, options } of message.field ?? []) {
      const meta = metaOf((options as { $unknowns?: Uint8Array[] } | undefined)?.$unknowns ?? []);
      if (meta) this.metas.set(type.fields[name!], meta);
    }
    for (const nested of message.nestedType ?? []) {
      const inner = type.nested?.[nested.name!];
      if (inner instanceof protobuf.Type) this.collectMetas(nested, inner);
    }
  }

  private addDescriptorTypes(): void {
    const { nested } = (descriptors as unknown as protobuf.Namespace).toJSON() as { nested?: protobuf.AnyNestedObject };
    this.root.define("google.protobuf").addJSON(nested as unknown as Record<string, protobuf.AnyNestedObject>);
  }
}

/** Types made of a root's, once each, one after the other: they may refer to each other in chains of any length. */
class LinkedSchema implements ProtoSchema {
  private readonly messages = new Map<protobuf.Type, ProtoMessage>();
  private readonly enums = new Map<protobuf.Enum, ProtoEnum>();

  constructor(
    private readonly root: protobuf.Root,
    private readonly declared: readonly Declared[],
    private readonly metas: Metas,
  ) {
    const made: [protobuf.Type, ProtoField[]][] = [];
    const namespaces: protobuf.NamespaceBase[] = [root];
    for (let at = namespaces.pop(); at; at = namespaces.pop()) {
      if (at instanceof protobuf.Type) {
        const fields: ProtoField[] = [];
        this.messages.set(at, { kind: "message", name: at.fullName.slice(1), fields });
        made.push([at, fields]);
      }
      for (const object of at.nestedArray) {
        if (object instanceof protobuf.Namespace || object instanceof protobuf.Type) namespaces.push(object);
      }
    }
    for (const [type, fields] of made) {
      for (const field of type.fieldsArray) {
        // Extensions are other people's fields: without their names' place in the message they are unknown fields.
        if (!field.declaringField) fields.push(this.field(field));
      }
    }
  }

  get messageNames(): readonly string[] {
    return this.declared.map(({ name }) => name);
  }

  messageAt(indexes: readonly number[]): ProtoMessage {
    let nested = this.declared;
    let found: Declared | undefined;
    for (const index of indexes) {
      found = nested[index];
      if (!found) {
        const count = nested.length === 0 ? "there is none" : `expected 0 to ${nested.length - 1}`;
        throw new DataError(
          `Cannot find message [${indexes}] of the schema: index ${index} names no message, ${count}`,
          {
            reason: "unknown message index",
          },
        );
      }
      nested = found.nested;
    }
    const message = found && this.messageNamed(found.name);
    if (!message) throw invalid(`[${indexes}] names no message`);
    return message;
  }

  messageNamed(name: string): ProtoMessage | null {
    // Not by `lookup`, which remembers every name that it was ever asked for; an Any may ask for anything.
    let at: protobuf.ReflectionObject = this.root;
    for (const part of name.split(".")) {
      const nested: Record<string, protobuf.ReflectionObject> = (at as protobuf.NamespaceBase).nested ?? {};
      if (!Object.hasOwn(nested, part)) return null;
      at = nested[part];
    }
    return at instanceof protobuf.Type ? this.messages.get(at)! : null;
  }

  private field(field: protobuf.Field): ProtoField {
    const { name, id: number, partOf } = field;
    const { params, tags } = this.metas.get(field) ?? parsedMeta(field);
    const meta = tags.length > 0 ? { params, tags } : { params };
    const shared = { name, number, ...meta, oneof: partOf && !field.getOption("proto3_optional") ? partOf.name : null };
    if (field instanceof protobuf.MapField) {
      return { ...shared, label: "map", type: this.type(field), key: field.keyType as ScalarKind, isGroup: false };
    }
    const type = this.type(field);
    // How a map reads where a registry has made text of a descriptor.
    const entry = field.resolvedType;
    if (entry instanceof protobuf.Type && field.repeated && entry.getOption("map_entry") === true) {
      const { 1: key, 2: value } = entry.fieldsById;
      if (!key || !value || key.resolvedType) throw invalid(`the map entry ${entry.fullName} has no key and value`);
      return { ...shared, label: "map", type: this.type(value), key: key.type as ScalarKind, isGroup: false };
    }
    const isPresent = type.kind === "message" || field.hasPresence;
    const label = field.repeated ? "repeated" : field.required ? "required" : isPresent ? "optional" : "implicit";
    return { ...shared, label, type, key: null, isGroup: Boolean(field.delimited) };
  }

  private type({ type, resolvedType }: protobuf.Field): ProtoType {
    if (resolvedType instanceof protobuf.Type) return this.messages.get(resolvedType)!;
    if (!(resolvedType instanceof protobuf.Enum)) return { kind: "scalar", scalar: type as ScalarKind };
    let known = this.enums.get(resolvedType);
    if (!known) {
      const names = new Map<number, string>();
      for (const [name, number] of Object.entries(resolvedType.values)) if (!names.has(number)) names.set(number, name);
      known = { kind: "enum", name: resolvedType.fullName.slice(1), names };
      this.enums.set(resolvedType, known);
    }
    return known;
  }
}

function parseText(text: string, root: protobuf.Root, name: string): protobuf.IParserResult {
  const { parse } = protobuf as unknown as { parse: typeof protobuf.parse & { filename: string | null } };
  // The parser names it in its messages; it forgets it where it succeeds only.
  parse.filename = name === "" ? null : name;
  try {
    return parse(text, root, { keepCase: true });
  } finally {
    parse.filename = null;
  }
}

function typesOf(parent: protobuf.ReflectionObject | null): protobuf.Type[] {
  const nested = parent instanceof protobuf.Namespace ? parent.nestedArray : [];
  return nested.filter((object) => object instanceof protobuf.Type) as protobuf.Type[];
}

function declaredBy(type: protobuf.Type): Declared {
  return { name: type.fullName.slice(1), nested: typesOf(type).map(declaredBy) };
}

/** Also entries of maps are counted here, as by producers that read descriptors. */
function declaredIn(message: IDescriptorProto, prefix: string): Declared {
  const name = `${prefix}${message.name}`;
  return { name, nested: (message.nestedType ?? []).map((nested) => declaredIn(nested, `${name}.`)) };
}

/** No text of a schema is base64: it has a semicolon or a brace. */
function isDescriptor(text: string): boolean {
  return /^[A-Za-z0-9+/=\s]+$/.test(text) && text.trim() !== "";
}

const LATIN1 = new TextDecoder("latin1");

function readDescriptor(bytes: Uint8Array): IFileDescriptorProto {
  const reader = protobuf.Reader.create(bytes);
  // Confluent's options are unknown to the library.
  reader.discardUnknown = false;
  return descriptors.FileDescriptorProto.decode(reader) as unknown as IFileDescriptorProto;
}

/** FileDescriptorProto's `Edition`. */
const EDITIONS: Readonly<Record<number, string>> = { 1000: "2023", 1001: "2024" };

function editionOf({ syntax, edition }: IFileDescriptorProto): string {
  if (syntax !== "editions") return syntax === "proto3" ? "proto3" : "proto2";
  const known = EDITIONS[edition ?? 0];
  if (known === undefined) throw invalid(`its edition is ${edition}, expected 2023 or 2024`);
  return known;
}

/** Features of the file as text has them: names of values. */
function featuresOf({ options }: IFileDescriptorProto): descriptors.IFeatureSet | undefined {
  const features = (options as { features?: protobuf.Message } | undefined)?.features;
  if (!features) return undefined;
  const named = descriptors.FeatureSet.toObject(features, { enums: String });
  return Object.fromEntries(
    Object.entries(named).map(([key, value]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  ) as descriptors.IFeatureSet;
}

/** The number of `confluent.field_meta` among the options of a field. */
const FIELD_META = 1088;
const META = protobuf.parse(
  `syntax = "proto3"; message Options { Meta meta = ${FIELD_META}; }
   message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }`,
).root.lookupType("Options");

/** `(confluent.field_meta)` of a descriptor: to the library it is an unknown option. */
function metaOf(unknowns: readonly Uint8Array[]): Meta | null {
  const bytes = unknowns.flatMap((part) => [...part]);
  if (bytes.length === 0) return null;
  return (META.decode(Uint8Array.from(bytes)) as unknown as { meta?: Meta }).meta ?? null;
}

/** `(confluent.field_meta)` of text: lists of keys and values, and of tags, or one of them. */
function parsedMeta({ parsedOptions }: protobuf.Field): Meta {
  const params: Record<string, string> = {};
  const tags: string[] = [];
  for (const option of (parsedOptions ?? []) as unknown as Record<string, { params?: unknown; tags?: unknown }>[]) {
    const meta = option["(confluent.field_meta)"] ?? option["(.confluent.field_meta)"];
    for (const entry of [meta?.params ?? []].flat() as { key?: unknown; value?: unknown }[]) {
      if (typeof entry.key === "string") params[entry.key] = String(entry.value ?? "");
    }
    tags.push(...[meta?.tags ?? []].flat().map(String));
  }
  return { params, tags };
}

function invalid(why: string, cause?: unknown): DataError {
  return new DataError(
    `Cannot use the protobuf schema: ${why}`,
    { reason: "invalid schema" },
    cause === undefined ? undefined : { cause },
  );
}
