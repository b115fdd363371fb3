import { assertEquals } from "@std/assert";
import { createLetterCondition, letterConditionProblem } from "../cel_letters.ts";
import { ChoiceCounts, chosenLetters } from "./choose.ts";
import type { Letter } from "./letter.ts";
import { letterOf } from "./letters_fixture.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function* streamOf(letters: readonly Letter[]): AsyncGenerator<Letter> {
  yield* letters;
}

Deno.test("chosenLetters() gives copies once, and only letters of the state and the tuple asked for", async () => {
  const letters = [letterOf({}, 1), letterOf({}, 1), letterOf({ attempts: 2 }, 1), letterOf({ reason: "other" }, 2)];
  const counts = new ChoiceCounts();
  const found = await Array.fromAsync(chosenLetters(streamOf(letters), {
    filter: { state: "open", reason: "malformed json" },
    stateOf: ({ attempts }) => attempts === 1 ? "replayed" : "open",
  }, counts));
  assertEquals(found.map(({ letter }) => letter), [letters[2]]);
  assertEquals([counts.read, counts.copies], [4, 1]);
});

Deno.test("createLetterCondition() sees what a letter says and what is in it", async () => {
  const letters = [
    letterOf({ value: bytes('{"id": 9007199254740993, "who": {"name": "ada"}}') }, 1),
    letterOf({ value: bytes("no json"), headers: [{ key: "trace", value: bytes("t1") }] }, 2),
    letterOf({ value: new Uint8Array([255, 254]), attempts: 3, origin: null }, 3),
    letterOf({ value: null, schemaId: 7, stage: "TASK_PUT", fieldPath: "a.b" }, 4),
  ];
  const offsets = async (where: string) => {
    assertEquals(letterConditionProblem(where), null, where);
    const counts = new ChoiceCounts();
    const choosing = { filter: {}, stateOf: () => "open" as const, where: createLetterCondition(where) };
    const found = await Array.fromAsync(chosenLetters(streamOf(letters), choosing, counts));
    return [found.map(({ letter }) => Number(letter.at.offset)), counts.unevaluated];
  };
  assertEquals(await offsets("value.id == 9007199254740993"), [[1], 3]);
  assertEquals(await offsets('value.who.name.startsWith("a")'), [[1], 3]);
  assertEquals(await offsets('value == "no json" || headers.trace == "t1"'), [[2], 3]);
  assertEquals(await offsets("attempts > 1"), [[3], 0]);
  assertEquals(await offsets('topic == "dead" && offset == 3'), [[3], 0]);
  assertEquals(await offsets('schema_id == 7 && stage == "TASK_PUT" && field == "a.b"'), [[4], 0]);
  assertEquals(await offsets("value == null"), [[4], 0]);
  assertEquals(await offsets('timestamp < timestamp("2023-11-14T22:13:20.002Z")'), [[1], 0]);
  assertEquals(letterConditionProblem("valu.id == 1")?.includes('did you mean "value"?'), true);
  assertEquals(createLetterCondition("offset > 1").decodes, false);
  assertEquals(createLetterCondition("has(value.x)").decodes, true);
});

Deno.test("chosenLetters() of a connector leaves out those of others that share the queue, and says how many", async () => {
  const letters = [
    letterOf({ connector: "x" }, 1),
    letterOf({ connector: "y" }, 1), // the same record: the other connector's is no copy
    letterOf({ connector: "" }, 2), // does not say
    letterOf({ connector: "y" }, 3),
  ];
  const of = async (connector?: string) => {
    const counts = new ChoiceCounts();
    const choosing = { filter: {}, stateOf: () => "open" as const, connector };
    const found = await Array.fromAsync(chosenLetters(streamOf(letters), choosing, counts));
    return [found.map(({ letter }) => letters.indexOf(letter)), counts.read, counts.copies, counts.others];
  };
  assertEquals(await of("x"), [[0, 2], 2, 0, 2]);
  assertEquals(await of("y"), [[1, 2, 3], 3, 0, 1]);
  assertEquals(await of(), [[0, 1, 2, 3], 4, 0, 0]);
});
