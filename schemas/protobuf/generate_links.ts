/**
 * The fields of a message in generated code: how each is recognised, and which of them came.
 *
 * @module
 */
import type { ColumnCode, Place } from "../column_code.ts";

/** Fields that one variable notes. */
const BITS = 30;

/** A field in the chain of comparisons. */
export interface Link {
  readonly number: number;
  readonly size: number;
  /** By wire type, what reads a value behind its tag. */
  readonly reads: readonly { readonly wire: number; readonly code: (place: Place) => string }[];
  /** Whether values may come again; another one is left to the reference. */
  readonly isMany: boolean;
  readonly oneof: string | null;
  /** Where the message begins. */
  readonly begin?: (place: Place) => string;
  /** At the message's end, where no value came. */
  readonly absent?: (place: Place) => string;
  /** ... where one came. */
  readonly end?: (place: Place) => string;
  /** ... in any case. */
  readonly close?: (place: Place) => string;
}

/** Which fields came in a message. */
export class Bits {
  readonly #names: readonly string[];

  constructor(private readonly links: readonly Link[], code: ColumnCode) {
    this.#names = Array.from({ length: Math.ceil(links.length / BITS) }, () => code.declare("seen"));
  }

  /** At a message's beginning. */
  get clear(): string {
    return this.#names.map((name) => `${name} = 0;`).join(" ");
  }

  of(link: Link): { name: string; bit: number } {
    const at = this.links.indexOf(link);
    return { name: this.#names[Math.floor(at / BITS)], bit: 1 << (at % BITS) };
  }

  /** Notes that a value came; gives up where one of the rivals came before. */
  note(link: Link, rivals: readonly Link[], giveUp: string): string {
    const masks = new Map<string, number>();
    for (const rival of rivals) {
      const { name, bit } = this.of(rival);
      masks.set(name, (masks.get(name) ?? 0) | bit);
    }
    const checks = [...masks].map(([name, mask]) => `(${name} & ${mask}) !== 0`).join(" || ");
    const { name, bit } = this.of(link);
    return `${checks === "" ? "" : `if (${checks}) ${giveUp};`} ${name} |= ${bit};`;
  }
}

/** What fields get at a message's end; usually all came, which is seen at once. */
export function atEnd(links: readonly Link[], bits: Bits, place: Place): string {
  const byName = new Map<string, { mask: number; code: string }>();
  let closes = "";
  for (const link of links) {
    closes += link.close?.(place) ?? "";
    if (link.absent === undefined) continue;
    const { name, bit } = bits.of(link);
    const absent = `if ((${name} & ${bit}) === 0) { ${link.absent(place)} }`;
    if (link.end !== undefined) closes += `${absent} else { ${link.end(place)} }`;
    else {
      const { mask, code } = byName.get(name) ?? { mask: 0, code: "" };
      byName.set(name, { mask: mask | bit, code: `${code}\n${absent}` });
    }
  }
  const absents = [...byName].map(([name, { mask, code }]) => `if ((${name} & ${mask}) !== ${mask}) {${code}\n}`);
  return `${absents.join("\n")}\n${closes}`;
}

/** A tag as a varint. */
export function tagBytes(number: number, wire: number): number[] {
  const bytes: number[] = [];
  let rest = number * 8 + wire;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
  return [...bytes, rest];
}
