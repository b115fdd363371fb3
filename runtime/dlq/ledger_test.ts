import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FatalError } from "../api/mod.ts";
import { letterOf } from "./letters_fixture.ts";
import { fixSelection } from "./fix_selection.ts";
import { NO_FIX } from "./fix_spec.ts";
import { withSchemaId } from "./fix.ts";
import { entryChange, Ledger } from "./ledger.ts";
import { type Letter, letterKey, type LetterState } from "./letter.ts";
import { OffsetSet } from "./offset_set.ts";
import { Copies } from "./queue.ts";
import {
  beginChanges,
  dropPieces,
  endChanges,
  holderOf,
  openRun,
  pieceChanges,
  piecesOf,
  type Run,
  selectionOf,
} from "./run_record.ts";

const RUN: Run = {
  id: "r1",
  state: "open",
  target: { kind: "sink" },
  fix: NO_FIX,
  attemptsMax: 3,
  connector: "c",
  queueId: "q",
  counts: { chosen: 2, replayed: 0, refused: 0, quarantined: 0 },
  begunMs: 1,
  endedMs: null,
};

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function* each(letters: readonly Letter[], state: LetterState = "open") {
  for (const letter of letters) yield await Promise.resolve({ letter, state });
}

Deno.test("Ledger says of a letter what its record's newest entry says, and of later letters that they are open", () => {
  const ledger = new Ledger();
  const [first, later] = [letterOf({ attempts: 1 }), letterOf({ attempts: 2 })];
  assertEquals(ledger.stateOf(first), "open");
  ledger.take(...entryChange(first, { state: "replayed", attempts: 1, run: "r", atMs: 1, note: null }));
  assertEquals([ledger.stateOf(first), ledger.stateOf(later)], ["replayed", "open"]);
  ledger.take(...entryChange(later, { state: "resolved", attempts: 2, run: "", atMs: 1, note: "why" }));
  assertEquals([ledger.stateOf(first), ledger.stateOf(later)], ["resolved", "resolved"]);
  ledger.take(...entryChange(later, null));
  assertEquals([ledger.stateOf(later), ledger.size], ["open", 0]);
});

Deno.test("Ledger tells records of a topic that was created again from those at the same place before", () => {
  const ledger = new Ledger();
  const at = { topic: "orders", partition: 0, offset: 0n };
  const [before, after, without] = [{ ...at, topicId: "one" }, { ...at, topicId: "two" }, at].map((origin) =>
    letterOf({ origin })
  );
  ledger.take(...entryChange(before, { state: "replayed", attempts: 1, run: "r", atMs: 1, note: null }));
  assertEquals([before, after, without].map((letter) => ledger.stateOf(letter)), ["replayed", "open", "open"]);
  const copies = new Copies();
  assertEquals([before, after, without, after].map((letter) => copies.isCopy(letter)), [false, false, false, true]);
});

Deno.test("Ledger counts how often a letter was refused that no new one can follow; it stays open until it is quarantined", () => {
  for (const letter of [letterOf({ origin: null, attempts: 2 }), letterOf({ attempts: 2 })]) {
    const ledger = new Ledger();
    const entry = { attempts: 3, of: 2, run: "r", atMs: 1, note: null };
    ledger.take(...entryChange(letter, { ...entry, state: "open" }));
    assertEquals([ledger.stateOf(letter), ledger.attemptsOf(letter)], ["open", 3]);
    const earlier = { ...letter, attempts: 1 };
    assertEquals([ledger.stateOf(earlier), ledger.attemptsOf(earlier)], ["replayed", 1]);
    ledger.take(...entryChange(letter, { ...entry, state: "quarantined", attempts: 4 }));
    assertEquals([ledger.stateOf(letter), ledger.attemptsOf(letter)], ["quarantined", 4]);
  }
});

Deno.test("Ledger does not take the letters of a topic that is named run for runs", () => {
  const ledger = new Ledger();
  const letter = letterOf({ origin: { topic: "run", partition: 0, offset: 5n } });
  ledger.take(...entryChange(letter, { state: "resolved", attempts: 1, run: "", atMs: 1, note: null }));
  assertEquals([ledger.stateOf(letter), ledger.runIds(), openRun(ledger)], ["resolved", [], null]);
});

Deno.test("Ledger refuses entries that are none", () => {
  for (const text of ["", "{}", '{"state": "lost", "attempts": 1}', '{"state": "replayed"}']) {
    const ledger = new Ledger();
    ledger.take("orders/0/1", bytesOf(text));
    assertThrows(() => ledger.assertSound(), FatalError, "no state of a letter");
    ledger.take("orders/0/1", null); // as the message says
    ledger.assertSound();
  }
});

Deno.test("Ledger says of garbage which key holds it, and shows it without what steers a terminal", () => {
  const ledger = new Ledger();
  ledger.take("k\u001b[2J", bytesOf('{"state\u001b[31m'));
  const error = assertThrows(() => ledger.assertSound(), FatalError);
  assertEquals([...error.message].some((char) => char < " "), false);
  assertStringIncludes(error.message, String.raw`k\u001b[2J`);
});

Deno.test("openRun() and holderOf() refuse runs that are none", () => {
  for (const text of ["", "null", "5", "{}", '{"id": "r1", "state": "lost"}', '{"id": "r1", "state": "open"}']) {
    const ledger = new Ledger();
    ledger.take("run:r1", bytesOf(text));
    assertThrows(() => openRun(ledger), FatalError, "no run");
    ledger.take("run:r1/holder", bytesOf(text));
    assertThrows(() => holderOf(ledger, "r1"), FatalError, "no holder");
  }
});

Deno.test("a run's record holds its selection and plan until it ends", () => {
  const ledger = new Ledger();
  const selection = new OffsetSet();
  for (let offset = 0n; offset < 50_000n; offset += 2n) selection.add(0, offset);
  const run = { ...RUN, counts: { ...RUN.counts, chosen: selection.size } };
  for (const change of beginChanges(run, selection)) ledger.take(...change);
  assertEquals(openRun(ledger), run);
  assertEquals([...selectionOf(ledger, run).texts(1e9)], [...selection.texts(1e9)]);
  const [, first] = beginChanges(run, selection).map(([key]) => key);
  for (const broken of [null, bytesOf("0:1,x"), bytesOf("0:1+9999999"), bytesOf("0:1")]) {
    ledger.take(first, broken);
    assertThrows(() => selectionOf(ledger, run), FatalError, "it has chosen 25000 letters");
  }
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
  for (const change of pieceChanges("r1", "plan", bytes, 64)) ledger.take(...change);
  assertEquals(piecesOf(ledger, "r1", "plan"), bytes);
  for (const change of dropPieces(ledger, "r1", "plan")) ledger.take(...change);
  assertEquals([piecesOf(ledger, "r1", "plan"), holderOf(ledger, "r1")], [null, null]);
  for (const change of endChanges(ledger, { ...RUN, state: "done" })) ledger.take(...change);
  assertEquals([openRun(ledger), [...ledger.run("r1").keys()]], [null, [""]]);
});

Deno.test("fixSelection() takes of each record the newest letter, and none that was a letter too often", async () => {
  const letters = [
    letterOf({ attempts: 1 }, 0),
    letterOf({ attempts: 1 }, 1),
    letterOf({ attempts: 4 }, 2),
    letterOf({ origin: null }, 3),
  ];
  const rules = {
    states: ["open"] as const,
    attemptsMax: 3,
    hasTopic: ({ origin }: Letter) => origin !== null,
  };
  const fixed = await fixSelection(each(letters), new Map([[letterKey(letters[1]), 2]]), rules);
  assertEquals([...fixed.selection.texts(9)], ["0:0"]);
  assertEquals([fixed.superseded, fixed.homeless, fixed.overLimit.map(({ at }) => at.offset)], [1, 1, [2n]]);
  const again = await fixSelection(each(letters, "quarantined"), new Map(), {
    ...rules,
    states: ["open", "quarantined"],
  });
  assertEquals(again.selection.size, 3);
});

Deno.test("withSchemaId() replaces the id that a value begins with, or puts one before it", () => {
  const value = (...bytes: number[]) => letterOf({ value: Uint8Array.from(bytes) });
  const framed = (letter: Letter) => [...withSchemaId(letter, 258).value!];
  assertEquals(framed(value(0, 0, 0, 0, 7, 42)), [0, 0, 0, 1, 2, 42]);
  assertEquals(framed(value(1, ...new Array(16).fill(9), 42)), [0, 0, 0, 1, 2, 42]);
  assertEquals(framed(value(42, 43)), [0, 0, 0, 1, 2, 42, 43]);
  const named = letterOf({
    value: Uint8Array.of(0, 1, 2, 3, 4, 5),
    headers: [{ key: "__value_schema_id", value: null }],
  });
  assertEquals(framed(named), [0, 0, 0, 1, 2, 0, 1, 2, 3, 4, 5]);
  assertEquals(withSchemaId(named, 258).headers, []);
  assertEquals(withSchemaId(letterOf({ value: null }), 1).value, null);
});
