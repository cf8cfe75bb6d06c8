/** Longest line that is read: a log piece is some kilobytes, so a longer line is a fault of the other side. */
const LINE_CHARS = 4 * 1024 * 1024;

/** Splits a stream of UTF-8 into lines, without their ends; empty lines are left out. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const parts = rest.split("\n");
      rest = done ? "" : (parts.pop() ?? "");
      for (const part of parts) if (part !== "") yield part;
      if (done) return;
      if (rest.length > LINE_CHARS) throw new Error("the node sent a line without an end");
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
