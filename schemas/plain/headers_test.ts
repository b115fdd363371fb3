import { assertEquals, assertThrows } from "@std/assert";
import { type ConfigDef, DataError, type HeaderConverter, type Values } from "../../mod.ts";
import { HEADER_CONVERTERS } from "./headers.ts";

function converterOf(name: string, config: Record<string, unknown> = {}): HeaderConverter {
  return HEADER_CONVERTERS.find((plugin) => plugin.name === name)!.create(config as Values<ConfigDef>);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("HEADER_CONVERTERS has simple first: text as it is, base64 where it is no UTF-8", () => {
  assertEquals(HEADER_CONVERTERS.map(({ name }) => name), ["simple", "string", "json", "bytes"]);
  const { isText, convert } = converterOf("simple");
  assertEquals([isText, textOf(convert(bytesOf("grün"))), textOf(convert(Uint8Array.of(0, 255)))], [
    true,
    "grün",
    "AP8=",
  ]);
});

Deno.test("HEADER_CONVERTERS reject what is no text in the encoding, or no JSON", () => {
  const latin = converterOf("string", { "converter.encoding": "ISO-8859-1" });
  assertEquals(textOf(latin.convert(Uint8Array.of(0xe4))), "ä");
  const utf8 = converterOf("string", { "converter.encoding": "UTF-8" });
  assertEquals(assertThrows(() => utf8.convert(Uint8Array.of(0xe4)), DataError).details.reason, "malformed utf-8");
  const json = converterOf("json");
  assertEquals(textOf(json.convert(bytesOf('{"a": 1.50}'))), '{"a": 1.50}');
  assertEquals(assertThrows(() => json.convert(bytesOf("{a}")), DataError).details.reason, "malformed json");
  const { isText, convert } = converterOf("bytes");
  assertEquals([isText, convert(Uint8Array.of(0, 255))], [false, Uint8Array.of(0, 255)]);
});
