import { assertEquals } from "@std/assert";
import { metricTables } from "./support/metric_tables.ts";
import { optionTables, unaligned } from "./support/option_tables.ts";

Deno.test("the option tables in the documentation are those of the declarations (print them by: deno task docs)", async () => {
  for await (const { url, held, wanted } of optionTables()) {
    assertEquals(unaligned(held), unaligned(wanted), url.pathname);
  }
});

Deno.test("the tables of metrics in the documentation are those of the declarations (print them by: deno task docs)", async () => {
  const { held, wanted } = await metricTables();
  assertEquals(unaligned(held), unaligned(wanted));
});
