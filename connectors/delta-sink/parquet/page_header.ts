/**
 * Headers of pages (Parquet format, `PageHeader`).
 *
 * @module
 */
import { Encoding } from "./leaf_values.ts";
import { ThriftWriter } from "./thrift.ts";

/** A header, once the sizes of the page's body are known. */
export type PageHeader = (uncompressed: number, compressed: number) => Uint8Array;

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;

const thrift = new ThriftWriter();

/** Of a data page V1. */
export function dataPageHeader(entries: number, encoding: number): PageHeader {
  return (uncompressed, compressed) => {
    begin(DATA_PAGE, uncompressed, compressed);
    thrift.struct(5);
    thrift.i32(1, entries);
    thrift.i32(2, encoding);
    thrift.i32(3, Encoding.RLE);
    thrift.i32(4, Encoding.RLE);
    thrift.end();
    return end();
  };
}

/** Of a dictionary page. */
export function dictionaryPageHeader(size: number): PageHeader {
  return (uncompressed, compressed) => {
    begin(DICTIONARY_PAGE, uncompressed, compressed);
    thrift.struct(7);
    thrift.i32(1, size);
    thrift.i32(2, Encoding.PLAIN);
    thrift.end();
    return end();
  };
}

function begin(type: number, uncompressed: number, compressed: number): void {
  thrift.out.clear();
  thrift.begin();
  thrift.i32(1, type);
  thrift.i32(2, uncompressed);
  thrift.i32(3, compressed);
}

function end(): Uint8Array {
  thrift.end();
  return thrift.out.view().slice();
}
