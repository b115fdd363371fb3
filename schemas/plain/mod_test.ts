import { assertEquals } from "@std/assert";
import { allOf, collectRejects, contextOf, slabOf } from "../testing.ts";
import { stringOptions } from "./encodings.ts";
import { bytesConverter, stringConverter } from "./mod.ts";

const ENCODING_PROBLEM = "is no encoding that is known here, e.g. UTF-8, ISO-8859-1, UTF-16";

Deno.test("stringConverter keeps UTF-8 text and rejects the rest with the byte at fault", async () => {
  const good = ["", "plain", "grün 🚀", "\u0000"];
  const bad = [[0x61, 0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0x80]];
  const slab = slabOf([...good, null, ...bad.map((bytes) => Uint8Array.from(bytes))]);
  const { rejects, reject } = collectRejects();
  const converter = stringConverter.create({ "converter.encoding": "UTF-8" }, contextOf());
  const [run] = await converter.decode(slab, allOf(slab), reject);
  assertEquals([...run.rows], [0, 1, 2, 3]);
  assertEquals([...run.data.getChild("value")!], good);
  assertEquals([...rejects.keys()], [5, 6, 7, 8, 9, 10]);
  assertEquals(rejects.get(5)!.details, { reason: "malformed utf-8", bytePosition: 1 });
});

Deno.test("stringConverter agrees with a fatal TextDecoder on every sequence of two and many of four bytes", async () => {
  const values: Uint8Array[] = [];
  for (let i = 0; i < 65536; i += 3) values.push(Uint8Array.of(i >> 8, i & 255));
  for (let i = 0; i < 65536; i += 5) values.push(Uint8Array.of(0xe0 | (i >> 12), i >> 4, 0x80 | (i & 63), 0xbf));
  const slab = slabOf(values);
  const { rejects, reject } = collectRejects();
  await stringConverter.create({ "converter.encoding": "UTF-8" }, contextOf()).decode(slab, allOf(slab), reject);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const valid = (bytes: Uint8Array) => {
    try {
      return decoder.decode(bytes as Uint8Array<ArrayBuffer>) !== null;
    } catch {
      return false;
    }
  };
  for (const [i, value] of values.entries()) assertEquals(!rejects.has(i), valid(value), `${value}`);
});

Deno.test("bytesConverter keeps any bytes; nothing to decode gives no run", async () => {
  const values = [Uint8Array.of(0, 255), new Uint8Array(0)];
  const slab = slabOf(values);
  const { rejects, reject } = collectRejects();
  const converter = bytesConverter.create({}, contextOf());
  const [run] = await converter.decode(slab, allOf(slab), reject);
  assertEquals([...run.data.getChild("value")!].map((value) => [...value]), [[0, 255], []]);
  assertEquals(rejects.size, 0);
  assertEquals(await converter.decode(slab, new Int32Array(0), reject), []);
});

Deno.test("stringConverter reads other encodings, and rejects what is malformed in them", async () => {
  const cases: [encoding: string, good: string, text: string, bad: string | null][] = [
    ["ISO-8859-1", "80e4ff", "\u0080äÿ", null],
    ["US-ASCII", "617f", "a\u007f", "80"],
    ["UTF-16", "00e4d83dde80", "ä🚀", "d83d"],
    ["UTF-16", "fffee400", "ä", "fffe00d8"],
    ["windows-1252", "80", "€", null],
    ["shift_jis", "93fa", "日", "ff"],
  ];
  for (const [encoding, good, text, bad] of cases) {
    const slab = slabOf([Uint8Array.fromHex(good), ...(bad === null ? [] : [Uint8Array.fromHex(bad)])]);
    const { rejects, reject } = collectRejects();
    const converter = stringConverter.create({ "converter.encoding": encoding }, contextOf());
    const [run] = await converter.decode(slab, allOf(slab), reject);
    assertEquals([...run.data.getChild("value")!], [text], encoding);
    assertEquals([...rejects.values()].map(({ details }) => details.reason), bad === null ? [] : ["malformed text"]);
  }
  assertEquals(stringOptions["converter.encoding"].check!("klingon"), ENCODING_PROBLEM);
});
