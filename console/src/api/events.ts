/** Server-sent events of a run, read from a response. */

import type { Schema } from "./client";

export type RunEvent = Schema<"RunEvent">;

/** Call back with the events of each piece that arrives, to the end of the stream. */
export async function readEvents(response: Response, take: (events: RunEvent[]) => void): Promise<void> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    const events = blocks.map(dataOf).filter((data): data is string => data !== undefined);
    if (events.length) take(events.map((data) => JSON.parse(data) as RunEvent));
  }
}

function dataOf(block: string): string | undefined {
  const line = block.split("\n").find((each) => each.startsWith("data: "));
  return line?.slice("data: ".length);
}
