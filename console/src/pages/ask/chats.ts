/** The chats of this tab: their turns, and which runs a reload has to take up again. */

import { onReaderChanged } from "../../api/reader";
import type { LiveRun } from "../../run/live";

interface Unfinished {
  id: string;
  question: string;
}

const NONE: readonly LiveRun[] = [];
const NO_IDS: readonly string[] = [];

class Chats {
  private readonly byId = new Map<string, readonly LiveRun[]>();
  /** Ids of runs before the turns that are shown. */
  private readonly earlierById = new Map<string, readonly string[]>();
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  turns = (id: string | null): readonly LiveRun[] => (id === null ? NONE : (this.byId.get(id) ?? NONE));

  has = (id: string): boolean => this.byId.has(id);

  open(id: string, runs: readonly LiveRun[], earlier: readonly string[]): void {
    this.byId.set(id, runs);
    this.earlierById.set(id, earlier);
    this.changed();
  }

  earlier = (id: string | null): readonly string[] => (id === null ? NO_IDS : (this.earlierById.get(id) ?? NO_IDS));

  /** Put earlier turns before those that are shown. */
  openEarlier(id: string, runs: readonly LiveRun[], earlier: readonly string[]): void {
    this.open(id, [...runs, ...this.turns(id)], earlier);
  }

  add(id: string, run: LiveRun, isChat: boolean): void {
    // A single question goes on with nothing: it stands alone, unless it is asked within a chat.
    const before = this.turns(id);
    this.byId.set(id, [...before, run]);
    if (!isChat) this.singles.add(run.key);
    this.changed();
  }

  forget(id: string): void {
    this.byId.delete(id);
    this.earlierById.delete(id);
    sessionStorage.removeItem(keyOf(id));
    this.changed();
  }

  /** Forget all of them. */
  forgetAll(): void {
    this.byId.clear();
    this.earlierById.clear();
    try {
      for (const name of Object.keys(sessionStorage)) if (name.startsWith(keyOf(""))) sessionStorage.removeItem(name);
    } catch {
      // Storage is blocked, so nothing is in it.
    }
    this.changed();
  }

  /** Write down which runs of a chat are not in its stored conversation. */
  note(id: string, run: LiveRun): void {
    const { state } = run;
    const turns = this.byId.get(id);
    if (turns) this.byId.set(id, [...turns]); // readers compare lists: one of the runs has changed
    if (state.id === null) return this.changed();
    const isStored = state.phase === "finished" && !this.singles.has(run.key);
    const others = this.unfinished(id).filter((each) => each.id !== state.id);
    const all = isStored ? others : [...others, { id: state.id, question: state.question }];
    try {
      sessionStorage.setItem(keyOf(id), JSON.stringify(all.slice(-20)));
    } catch {
      // Storage is blocked: a reload shows what is stored alone.
    }
    this.changed();
  }

  unfinished(id: string): Unfinished[] {
    try {
      return JSON.parse(sessionStorage.getItem(keyOf(id)) ?? "[]") as Unfinished[];
    } catch {
      return [];
    }
  }

  private readonly singles = new Set<string>();

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

const keyOf = (id: string) => `vital.chat.${id}`;

export const chats = new Chats();

onReaderChanged(() => chats.forgetAll());
