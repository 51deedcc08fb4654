/** Lines of a stream of any length, in bounded memory: a log may have gigabytes, and one line without an end. */

export type Chunks = AsyncIterable<Uint8Array | string>;

/** A record has at most 8 KiB of inputs, 64 findings and 64 paths: a longer line is somebody else's. */
export const MAX_LINE_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** Bytes of each line without its end; null for a line that is too long to be a record. */
export async function* linesOf(chunks: Chunks): AsyncGenerator<Buffer | null> {
  let parts: Buffer[] = [];
  let length = 0;
  let isTooLong = false;
  function add(part: Buffer): void {
    length += part.length;
    isTooLong ||= length > MAX_LINE_BYTES;
    if (isTooLong) parts = [];
    else if (part.length > 0) parts.push(part);
  }
  function take(): Buffer | null {
    const line = isTooLong ? null : Buffer.concat(parts);
    parts = [];
    length = 0;
    isTooLong = false;
    return line;
  }
  for await (const chunk of chunks) {
    let rest =
      typeof chunk === 'string'
        ? Buffer.from(chunk)
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      add(rest.subarray(0, end));
      yield take();
      rest = rest.subarray(end + 1);
    }
    add(rest);
  }
  if (length > 0) yield take();
}
