/** The chats of this tab: their turns, and which runs a reload has to take up again. */

import { onReaderChanged } from "../../api/reader";
import type { Asked, LiveRun, Messages } from "../../run/live";
import type { Output } from "../../run/state";

interface Unfinished {
  id: string;
  question: string;
  /** An answer from the cache, which the engine stores as no run. */
  answer?: { asked: Asked; output: Output };
}

/** The longest answer, as JSON, that the tab keeps over a reload. */
const MAX_ANSWER_CHARACTERS = 200_000;

/** The turns of a conversation before those that are shown. */
export interface EarlierTurns {
  /** Ids of runs that are known. */
  readonly ids: readonly string[];
  /** Messages of these runs, as far as the conversation stores them. */
  readonly messages: ReadonlyMap<string, Messages>;
  /** Leads to the messages before them; null: there are none. */
  readonly cursor: string | null;
}

const NONE: readonly LiveRun[] = [];
const NO_EARLIER: EarlierTurns = { ids: [], messages: new Map(), cursor: null };

class Chats {
  private readonly byId = new Map<string, readonly LiveRun[]>();
  private readonly earlierById = new Map<string, EarlierTurns>();
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  turns = (id: string | null): readonly LiveRun[] => (id === null ? NONE : (this.byId.get(id) ?? NONE));

  has = (id: string): boolean => this.byId.has(id);

  open(id: string, runs: readonly LiveRun[], earlier: EarlierTurns): void {
    this.byId.set(id, runs);
    this.earlierById.set(id, earlier);
    this.changed();
  }

  earlier = (id: string | null): EarlierTurns => (id === null ? NO_EARLIER : (this.earlierById.get(id) ?? NO_EARLIER));

  /** Put earlier turns before those that are shown. */
  openEarlier(id: string, runs: readonly LiveRun[], earlier: EarlierTurns): void {
    const shown = this.turns(id);
    const known = new Set(shown.map(({ key }) => key));
    this.open(id, [...runs.filter(({ key }) => !known.has(key)), ...shown], earlier);
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
    const all = isStored ? others : [...others, unfinished(run, state.id)];
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

function unfinished({ state, asked }: LiveRun, id: string): Unfinished {
  const { output, question } = state;
  const isAlone = state.phase === "finished" && output?.cache_status === "hit";
  if (!isAlone || JSON.stringify(output).length > MAX_ANSWER_CHARACTERS) return { id, question };
  return { id, question, answer: { asked, output } };
}

const keyOf = (id: string) => `vital.chat.${id}`;

export const chats = new Chats();

onReaderChanged(() => chats.forgetAll());
