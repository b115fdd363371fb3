import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileDatePattern, type DatePattern } from "./date_pattern.ts";

function compiled(text: string): DatePattern {
  const pattern = compileDatePattern(text);
  if (typeof pattern === "string") throw new Error(`${text} ${pattern}`);
  return pattern;
}

const iso = (micros: bigint | null) => micros === null ? null : new Date(Number(micros / 1000n)).toISOString();
const micros = (text: string) => BigInt(Date.parse(text)) * 1000n;

Deno.test("compileDatePattern() names what it does not know", () => {
  for (const pattern of ["YYYY-MM-dd", "GG", "w", "XXXX", "SSSSSSSSSS", "T", "'open"]) {
    assertEquals(typeof compileDatePattern(pattern), "string", pattern);
  }
});

// What SimpleDateFormat of Java 17 writes, in UTC and English.
const WRITTEN: readonly (readonly [pattern: string, at: string, text: string])[] = [
  ["EEE, dd MMM yyyy HH:mm:ss z", "2024-02-29T13:05:09.042Z", "Thu, 29 Feb 2024 13:05:09 UTC"],
  ["EEEE, MMMM d, yyyy h:mm a", "2024-02-29T13:05:09.042Z", "Thursday, February 29, 2024 1:05 PM"],
  ["MM/dd/yy hh:mm:ss a", "2024-12-31T00:59:59.999Z", "12/31/24 12:59:59 AM"],
  ["MM/dd/yy KK:kk", "1999-12-31T12:00:00.000Z", "12/31/99 00:12"],
  ["kk", "1999-12-31T00:00:00.000Z", "24"],
  ["yyyy-DDD", "2024-12-31T00:00:00.000Z", "2024-366"],
  ["D u", "1970-01-01T00:00:00.000Z", "1 4"],
  ["u E", "2024-03-03T00:00:00.000Z", "7 Sun"],
  ["yyyyMMddHHmmssSSS", "2024-02-29T13:05:09.042Z", "20240229130509042"],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-29T13:05:09.042Z", "2024-02-29T13:05:09.042Z"],
  ["d.M.yyyy 'um' HH:mm 'o''clock' ZZZ", "1970-02-01T00:00:00.000Z", "1.2.1970 um 00:00 o'clock +0000"],
  ["yyyyy LLL zzzz", "2024-02-29T00:00:00.000Z", "02024 Feb Coordinated Universal Time"],
];

Deno.test("compileDatePattern() writes what Java writes", () => {
  for (const [pattern, at, text] of WRITTEN) assertEquals(compiled(pattern).format(micros(at)), text, pattern);
});

const READ: readonly (readonly [pattern: string, text: string, at: string | null])[] = [
  ["EEE, dd MMM yyyy HH:mm:ss z", "Thu, 29 Feb 2024 13:05:09 GMT", "2024-02-29T13:05:09.000Z"],
  ["EEE, dd MMM yyyy HH:mm:ss z", "thu, 9 february 2024 13:05:09 PST", "2024-02-09T21:05:09.000Z"],
  ["EEE MMM d HH:mm:ss yyyy", "Thu Feb  1 13:05:09 2024", "2024-02-01T13:05:09.000Z"],
  ["dd MMM yyyy", "1 Foo 2024", null],
  ["MM/dd/yyyy", "1/2/2024", "2024-01-02T00:00:00.000Z"],
  ["MM/dd/yyyy", "1/2/24", null],
  ["MM/dd/yyyy", "02/30/2024", null],
  ["hh:mm a", "12:30 AM", "1970-01-01T00:30:00.000Z"],
  ["hh:mm a", "12:30 pm", "1970-01-01T12:30:00.000Z"],
  ["hh:mm a", "13:30 PM", null],
  ["hh:mm", "11:30", "1970-01-01T11:30:00.000Z"],
  ["kk:mm", "24:30", "1970-01-01T00:30:00.000Z"],
  ["yyyy-DDD", "2024-366", "2024-12-31T00:00:00.000Z"],
  ["yyyy-DDD", "2023-366", null],
  ["yyyyDDD", "2024001", "2024-01-01T00:00:00.000Z"],
  ["yyyyMMdd", "2024011", null],
  ["yyyy-MM-dd HH:mm:ss.S", "2024-01-01 00:00:00.5", "2024-01-01T00:00:00.500Z"],
  ["yyyy-MM-dd HH:mm:ss.S", "2024-01-01 00:00:00.123456", "2024-01-01T00:00:00.123Z"],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "2024-01-01T00:00:00+01:30", "2023-12-31T22:30:00.000Z"],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z"],
  ["HH:mm Z", "01:30 +0130", "1970-01-01T00:00:00.000Z"],
  ["HH:mm z", "01:30 GMT+1:30", "1970-01-01T00:00:00.000Z"],
  ["HH:mm z", "01:30 +0160", null],
  ["HH:mm z", "01:30 XYZ", null],
  ["d.M.yyyy 'um' HH:mm 'o''clock' Z", "1.2.1970 um 01:30 o'clock +0130", "1970-02-01T00:00:00.000Z"],
  ["yyyy-MM-dd", "2024-01-01 12:00", null],
  ["yyyy-MM-dd", "\u0662\u0660\u0662\u0664-01-01", null],
];

Deno.test("compileDatePattern() reads what Java reads, and refuses what Java counts on", () => {
  for (const [pattern, text, at] of READ) assertEquals(iso(compiled(pattern).parse(text)), at, `${pattern} ${text}`);
});

Deno.test("compileDatePattern() takes years of two digits from the hundred years around an instant", () => {
  const { parse } = compiled("dd/MM/yy");
  const near = Date.parse("2024-06-15T12:00:00Z");
  for (
    const [text, at] of [
      ["01/01/24", "2024-01-01"],
      ["01/01/44", "2044-01-01"],
      ["14/06/44", "2044-06-14"],
      ["16/06/44", "1944-06-16"],
      ["01/01/45", "1945-01-01"],
      ["01/01/99", "1999-01-01"],
      ["29/02/00", "2000-02-29"],
      ["29/02/23", null],
      ["01/01/1924", "1924-01-01"],
      ["01/01/124", "0124-01-01"],
    ] as const
  ) {
    assertEquals(iso(parse(text, near))?.slice(0, 10) ?? null, at, text);
  }
  assertEquals(parse("01/01/24"), null, "without an instant there is no such year");
});

Deno.test("compileDatePattern() writes no year before the first, and any later one", () => {
  const { format } = compiled("yyyy-MM-dd");
  assertEquals(format(micros("0001-01-01T00:00:00Z")), "0001-01-01");
  assertEquals(format(micros("0001-01-01T00:00:00Z") - 1n), null);
  assertEquals(format(micros("+012345-01-01T00:00:00Z")), "12345-01-01");
  assertEquals(format(2n ** 63n - 1n), null);
});

Deno.test("compileDatePattern() reads back what it wrote", () => {
  const patterns = ["EEE, dd MMM yyyy HH:mm:ss.SSSSSS z", "yyyyDDDhhmmssSSSSSSa", "MMMM d, yyyy, kk:m:s.SSSSSSXXX"].map(
    compiled,
  );
  const instants = fc.bigInt({ min: micros("0001-01-01T00:00:00Z"), max: micros("9999-12-31T23:59:59Z") });
  fc.assert(fc.property(instants, fc.constantFrom(...patterns), (instant, { format, parse }) => {
    assertEquals(parse(format(instant)!), instant);
  }));
});
