import { assertEquals } from "@std/assert";
import { jaasOptions } from "./jaas.ts";

Deno.test("jaasOptions() reads what Connect's users write, quoted in any way", () => {
  const module = "org.apache.kafka.common.security.plain.PlainLoginModule";
  assertEquals(jaasOptions(`${module} required username="me" password="p\\"w;\\\\";`), {
    username: "me",
    password: 'p"w;\\',
  });
  assertEquals(
    jaasOptions(`${module} required\n  clientId='a b' clientSecret=c/d== extension_logicalCluster=lkc-1 ;`),
    {
      clientId: "a b",
      clientSecret: "c/d==",
      extension_logicalCluster: "lkc-1",
    },
  );
  assertEquals(jaasOptions("software.amazon.msk.auth.iam.IAMLoginModule required;"), {});
});

Deno.test("jaasOptions() takes nothing that it does not understand whole", () => {
  for (const text of ["", "username=u", "X required username=", 'X required a="b', "X required a=b c", "X a=b;"]) {
    assertEquals(jaasOptions(text), null, text);
  }
});
