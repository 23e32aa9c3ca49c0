/** An answer as it grows: finished blocks are not drawn again, and a frame draws a bounded part of what is new. */

import { memo, useEffect, useMemo, useReducer, useRef } from "react";

import type { Citation } from "../run/state";
import { type Block, cut, type CutText, NOTHING_CUT } from "./blocks";
import { enrich } from "./enrich";
import { toHtml } from "./markdown";

interface AnswerProps {
  text: string;
  citations: readonly Citation[];
  isGrowing: boolean;
  onCite: (number: number) => void;
}

/** More than a model writes between two frames; a long answer that comes at once takes some frames. */
const CHARACTERS_PER_FRAME = 1_500;

export function Answer({ text, citations, isGrowing, onCite }: AnswerProps) {
  const numbers = citations.map(({ number }) => number).join(",");
  const known = useMemo(() => new Set(numbers.split(",").map(Number)), [numbers]);
  const blocks = useBlocks(text);
  const drawn = useDrawn(blocks);
  return (
    // The buttons within are named and reached by keyboard; their clicks are caught here.
    <div
      className={`answer prose ${isGrowing ? "answer-growing" : ""}`}
      aria-busy={isGrowing || drawn < blocks.length}
      onClick={(event) => {
        const number = (event.target as HTMLElement).closest<HTMLElement>("[data-cite]")?.dataset.cite;
        if (number) onCite(Number(number));
      }}
    >
      {blocks.slice(0, drawn).map(({ text: own, goesOnAt }, index) => (
        <DrawnBlock key={index} text={own} goesOnAt={goesOnAt} citations={known} isFinal={!isGrowing || index < blocks.length - 1} />
      ))}
    </div>
  );
}

function useBlocks(text: string): readonly Block[] {
  const last = useRef<CutText>(NOTHING_CUT);
  const now = useMemo(() => cut(text, last.current), [text]);
  useEffect(() => {
    last.current = now;
  }, [now]);
  return now.blocks;
}

/** Return how many blocks are drawn by now; the rest follows frame by frame. */
function useDrawn(blocks: readonly Block[]): number {
  const before = useRef(0);
  const [, drawMore] = useReducer((times: number) => times + 1, 0);
  let drawn = Math.min(before.current, blocks.length);
  for (let left = CHARACTERS_PER_FRAME; drawn < blocks.length && left > 0; drawn++) left -= blocks[drawn]!.text.length;
  useEffect(() => {
    before.current = drawn;
    if (drawn === blocks.length) return;
    const frame = requestAnimationFrame(drawMore);
    return () => cancelAnimationFrame(frame);
  });
  return drawn;
}

interface DrawnBlockProps extends Block {
  citations: ReadonlySet<number>;
  isFinal: boolean;
}

const DrawnBlock = memo(function DrawnBlock({ text, goesOnAt, citations, isFinal }: DrawnBlockProps) {
  const cited = [...text.matchAll(/\[(\d{1,3})\]/g)].map(([, number]) => number).filter((number) => citations.has(Number(number))).join(",");
  const html = useMemo(() => ({ __html: toHtml(text, new Set(cited.split(",").map(Number)), goesOnAt) }), [text, cited, goesOnAt]);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isFinal && root.current) void enrich(root.current);
  }, [html, isFinal]);
  return <div ref={root} className={goesOnAt === null ? undefined : "list-goes-on"} dangerouslySetInnerHTML={html} />;
});
