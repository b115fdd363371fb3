import { assertEquals } from "@std/assert";
import type { ConfigProblem } from "../api/mod.ts";
import { parseValidationRules } from "./validation_rules.ts";

function parse(map: Record<string, string>) {
  const problems: ConfigProblem[] = [];
  return { rules: parseValidationRules(map, "validate.", problems).fields, problems };
}

Deno.test("parseValidationRules() takes numbers, dates and timestamps as min and max", () => {
  for (const text of ["0.10", "-1e3", "2026-01-31", "2026-01-31T10:30", "2026-01-31 10:30:00.5+02:00"]) {
    assertEquals(parse({ "at.min": text, "at.max": text }), {
      rules: [{ field: "at", min: text, max: text }],
      problems: [],
    });
  }
});

Deno.test("parseValidationRules() refuses bounds that are neither a number nor a time that exists", () => {
  for (const text of ["soon", "2026-02-30", "2026-01-31Tnoon", "12:00"]) {
    assertEquals(parse({ "at.min": text }).problems, [{
      key: "validate.at.min",
      value: text,
      why: "must be a number, or a date or timestamp such as 2026-01-31 or 2026-01-31T12:00:00Z",
    }]);
  }
});

Deno.test("parseValidationRules() refuses bounds that no value can keep both of, times too", () => {
  const pairs = [["2", "1"], ["2026-02-01", "2026-01-31T23:59:59Z"], ["2026-01-31", "5"], [
    "2026-01-31T10:00:00Z",
    "2026-01-31T11:00:00+02:00",
  ]];
  for (const [min, max] of pairs) {
    assertEquals(parse({ "at.min": min, "at.max": max }).problems.map(({ why }) => why), [
      `is above at.max, which is ${max}`,
    ]);
  }
});

Deno.test("parseValidationRules() takes expressions by name, with what is said where they are false", () => {
  const problems: ConfigProblem[] = [];
  const map = {
    "a.b.cel": "value.x > 0",
    "a.b.message": "x is bought",
    "c.cel": "true",
    "d.message": "?",
    "c.min": "1",
  };
  assertEquals(parseValidationRules(map, "validate.", problems), {
    fields: [{ field: "c", min: "1" }],
    expressions: [
      { name: "a.b", expression: "value.x > 0", message: "x is bought" },
      { name: "c", expression: "true", message: null },
    ],
  });
  assertEquals(problems, [{
    key: "validate.d.message",
    value: "?",
    why: "has no effect without validate.d.cel",
  }]);
});
