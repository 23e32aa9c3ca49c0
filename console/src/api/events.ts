/** Server-sent events of a run, read from a response. */

import { nextTask } from "../ui/tasks";
import type { Schema } from "./client";

export type RunEvent = Schema<"RunEvent">;

/** Number of events read in a row before the page gets a turn: events that are there already come without a pause. */
const EVENTS_PER_TASK = 500;

/** Call back with the events of each piece that arrives, to the end of the stream. */
export async function readEvents(response: Response, take: (events: RunEvent[]) => void): Promise<void> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let taken = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    const events = blocks.map(dataOf).filter((data): data is string => data !== undefined);
    for (let at = 0; at < events.length; at += EVENTS_PER_TASK) {
      if (taken >= EVENTS_PER_TASK) {
        await nextTask();
        taken = 0;
      }
      const part = events.slice(at, at + EVENTS_PER_TASK);
      taken += part.length;
      take(part.map((data) => JSON.parse(data) as RunEvent));
    }
  }
}

function dataOf(block: string): string | undefined {
  const line = block.split("\n").find((each) => each.startsWith("data: "));
  return line?.slice("data: ".length);
}
