import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { hexDump, oneLine, print, printJson, shellWord, sizeText, table } from "./text.ts";

Deno.test("hexDump() marks a byte, also the one behind the last", () => {
  const bytes = new TextEncoder().encode("0123456789abcdefXY");
  assertEquals(
    hexDump(bytes, 17),
    "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n" +
      `00000010  58 59${" ".repeat(14 * 3)}  |XY|\n${" ".repeat(13)}^^ byte 17`,
  );
  assertEquals(hexDump(bytes.subarray(0, 16), 16).split("\n")[2], `${" ".repeat(10)}^^ byte 16: the end`);
});

Deno.test("hexDump() ends for any bytes and mark, and shows the mark of what it cuts", () => {
  fc.assert(fc.property(fc.nat(1200), fc.option(fc.integer({ min: -5, max: 1300 })), (length, mark) => {
    const lines = hexDump(new Uint8Array(length), mark).split("\n");
    const isIn = mark !== null && mark >= 0 && mark <= length;
    assertEquals(lines.some((line) => line.includes(`^^ byte ${mark}`)), isIn && length > 0);
    assertEquals(lines.length <= 40, true);
  }));
});

Deno.test("oneLine() leaves nothing in a text that steers a terminal", () => {
  assertEquals(oneLine("a\n\u001b[31mb\u202e", 20), "a \ufffd[31mb\ufffd");
  assertEquals(oneLine("abcdefgh", 6), "abc...");
  assertEquals([sizeText(12), sizeText(1536), sizeText(300 * 1024 * 1024)], ["12 B", "1.5 KiB", "300 MiB"]);
  assertEquals(table(["A", "COUNT"], [["xyz", 1]]), "A    COUNT\nxyz      1");
});

Deno.test("table() takes more rows than a call takes arguments", () => {
  const rows = Array.from({ length: 300_000 }, (_, i) => [i, "x"]);
  assertEquals(table(["A", "B"], rows).length, (6 + 3 + 1) * 300_001 - 1);
});

Deno.test("shellWord() is one word to a shell, whatever a letter holds", async () => {
  const words = ["a.b", "it's", "$(reboot)", "`x`", "a b;c", '"', "", "orders-value@3", "!x"];
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${words.map(shellWord).join(" ")}`] })
    .output();
  assertEquals(new TextDecoder().decode(stdout), words.map((word) => `${word}\n`).join(""));
});

Deno.test("print() and printJson() give a terminal nothing that steers it, and JSON stays what it is", () => {
  const said: string[] = [];
  const { log } = console;
  console.log = (text: string) => void said.push(text);
  const value = { stage: "\u001b[2J\u009b31m\u202e\u007f", text: "\u00e9\n" };
  try {
    print(value.stage);
    printJson(JSON.stringify(value));
  } finally {
    console.log = log;
  }
  assertEquals(said[0], "\ufffd[2J\ufffd31m\ufffd\ufffd");
  assertEquals(said[1].includes("\u009b") || said[1].includes("\u202e") || said[1].includes("\u007f"), false);
  assertEquals(JSON.parse(said[1]), value);
});
