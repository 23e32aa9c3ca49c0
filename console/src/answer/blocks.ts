/** The blocks of a Markdown text that grows: all but the last one stay as they are. */

export interface Block {
  readonly text: string;
  /** The number of its first item, where it goes on with the list of the block before it; else null. */
  readonly goesOnAt: number | null;
}

export interface CutText {
  readonly text: string;
  readonly blocks: readonly Block[];
}

export const NOTHING_CUT: CutText = { text: "", blocks: [] };

/** A list of more characters than this goes on in another block with its next item. */
const LIST_CHARACTERS = 2_000;

/** Cut a text, of which a beginning is already cut: only its last block is read again. */
export function cut(text: string, before: CutText): CutText {
  if (!before.blocks.length || !text.startsWith(before.text)) return { text, blocks: blocksOf(text, null) };
  // A block of one line may yet turn out to belong to the block before it.
  const isOneLine = !before.blocks.at(-1)!.text.includes("\n");
  const kept = before.blocks.slice(0, isOneLine ? -2 : -1);
  const open = before.blocks.slice(kept.length);
  const start = before.text.length - open.reduce((sum, block) => sum + block.text.length, open.length - 1);
  return { text, blocks: [...kept, ...blocksOf(text.slice(start), open[0]!.goesOnAt)] };
}

function blocksOf(text: string, goesOnAt: number | null): Block[] {
  const blocks: Block[] = [];
  let open = new OpenBlock(goesOnAt);
  const begin = (at: number | null) => {
    blocks.push(open.closed());
    open = new OpenBlock(at);
  };
  let fence = "";
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,}|\$\$)/.exec(line)?.[1];
    const isFenced = fence !== "";
    if (mark) fence = isFenced ? (line.trim().startsWith(fence) ? "" : fence) : mark === "$$" && line.trim().length > 2 && line.trim().endsWith("$$") ? "" : mark;
    const item = isFenced || mark ? null : itemOf(line);
    if (item && open.length > LIST_CHARACTERS && open.isNext(item)) begin(open.nextNumber);
    else if (!isFenced && open.endsBlank && /^\S/.test(line) && !(item && open.beginsWithItem)) begin(null);
    open.add(line, item);
  }
  return [...blocks, open.closed()];
}

interface Item {
  /** Its indentation and its marker: items of one list have the same. */
  kind: string;
  number: number;
}

function itemOf(line: string): Item | null {
  const found = /^( {0,3})(?:([-*+])|(\d{1,9})([.)]))\s/.exec(line);
  return found && { kind: found[1]! + (found[2] ?? found[4]!), number: Number(found[3] ?? 1) };
}

class OpenBlock {
  length = 0;
  endsBlank = false;
  beginsWithItem = false;
  private readonly lines: string[] = [];
  private list: string | null = null;
  private next = 1;

  constructor(private readonly goesOnAt: number | null) {}

  add(line: string, item: Item | null): void {
    const isFirst = !this.lines.length;
    if (isFirst) this.beginsWithItem = item !== null;
    if (item && this.list === null && (isFirst || item.number === 1)) {
      this.list = item.kind; // within a paragraph, another number begins no list
      this.next = (isFirst ? this.goesOnAt : null) ?? item.number;
    }
    if (item && this.list === item.kind) this.next++;
    this.endsBlank = !isFirst && !line.trim();
    this.lines.push(line);
    this.length += line.length + 1;
  }

  isNext = (item: Item): boolean => this.list === item.kind;

  get nextNumber(): number {
    return this.next;
  }

  closed = (): Block => ({ text: this.lines.join("\n"), goesOnAt: this.goesOnAt });
}
