/** An answer as it grows: finished blocks are not drawn again. */

import { memo, useEffect, useMemo, useRef } from "react";

import type { Citation } from "../run/state";
import { enrich } from "./enrich";
import { toBlocks, toHtml } from "./markdown";

interface AnswerProps {
  text: string;
  citations: readonly Citation[];
  isGrowing: boolean;
  onCite: (number: number) => void;
}

export function Answer({ text, citations, isGrowing, onCite }: AnswerProps) {
  const numbers = citations.map(({ number }) => number).join(",");
  const known = useMemo(() => new Set(numbers.split(",").map(Number)), [numbers]);
  const blocks = useMemo(() => toBlocks(text), [text]);
  return (
    // The buttons within are named and reached by keyboard; their clicks are caught here.
    <div
      className={`answer prose ${isGrowing ? "answer-growing" : ""}`}
      aria-busy={isGrowing}
      onClick={(event) => {
        const number = (event.target as HTMLElement).closest<HTMLElement>("[data-cite]")?.dataset.cite;
        if (number) onCite(Number(number));
      }}
    >
      {blocks.map((block, index) => (
        <Block key={index} text={block} citations={known} isFinal={!isGrowing || index < blocks.length - 1} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text, citations, isFinal }: { text: string; citations: ReadonlySet<number>; isFinal: boolean }) {
  const html = useMemo(() => ({ __html: toHtml(text, citations) }), [text, citations]);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isFinal && root.current) void enrich(root.current);
  }, [html, isFinal]);
  return <div ref={root} dangerouslySetInnerHTML={html} />;
});
