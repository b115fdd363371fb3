/**
 * Thrift's compact protocol, the writing half: what Parquet's headers and footer are made of.
 *
 * @module
 */
import { ByteSink } from "./byte_sink.ts";

/** Types of fields and of elements of lists (Thrift, "Compact protocol encoding"). */
export const ThriftType = {
  TRUE: 1,
  FALSE: 2,
  BYTE: 3,
  I16: 4,
  I32: 5,
  I64: 6,
  BINARY: 8,
  LIST: 9,
  STRUCT: 12,
} as const;

/** Writes fields in the order of their ids; a structure within one is closed with `end`. */
export class ThriftWriter {
  readonly out: ByteSink;
  /** The field before, of this structure and of those around it. */
  readonly #last: number[] = [];
  #before = 0;

  constructor(out = new ByteSink(256)) {
    this.out = out;
  }

  boolean(id: number, value: boolean): void {
    this.#field(id, value ? ThriftType.TRUE : ThriftType.FALSE);
  }

  byte(id: number, value: number): void {
    this.#field(id, ThriftType.BYTE);
    this.out.byte(value & 0xff);
  }

  i16(id: number, value: number): void {
    this.#field(id, ThriftType.I16);
    this.integer(value);
  }

  i32(id: number, value: number): void {
    this.#field(id, ThriftType.I32);
    this.integer(value);
  }

  /** A safe integer. */
  i64(id: number, value: number): void {
    this.#field(id, ThriftType.I64);
    this.integer(value);
  }

  binary(id: number, value: Uint8Array | string): void {
    this.#field(id, ThriftType.BINARY);
    this.binaryElement(value);
  }

  list(id: number, type: number, size: number): void {
    this.#field(id, ThriftType.LIST);
    if (size < 15) this.out.byte((size << 4) | type);
    else {
      this.out.byte(0xf0 | type);
      this.out.varint(size);
    }
  }

  /** Begins a structure that is a field. */
  struct(id: number): void {
    this.#field(id, ThriftType.STRUCT);
    this.begin();
  }

  /** Begins a structure that is an element of a list, or the outermost one. */
  begin(): void {
    this.#last.push(this.#before);
    this.#before = 0;
  }

  end(): void {
    this.out.byte(0);
    this.#before = this.#last.pop()!;
  }

  /** An integer that is an element of a list. */
  integer(value: number): void {
    this.out.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  binaryElement(value: Uint8Array | string): void {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    this.out.varint(bytes.length);
    this.out.append(bytes);
  }

  booleanElement(value: boolean): void {
    this.out.byte(value ? ThriftType.TRUE : ThriftType.FALSE);
  }

  #field(id: number, type: number): void {
    const step = id - this.#before;
    if (step > 0 && step < 16) this.out.byte((step << 4) | type);
    else {
      this.out.byte(type);
      this.integer(id);
    }
    this.#before = id;
  }
}
