/** The sources of an answer; a citation opens its own, at the words that back it. */

import { useEffect, useRef } from "react";

import type { Citation } from "./state";

interface SourcesProps {
  citations: readonly Citation[];
  /** The number of the source that was asked for, and a count that changes with each request. */
  shown: { number: number; times: number } | null;
}

export function Sources({ citations, shown }: SourcesProps) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const item = shown && list.current?.querySelector<HTMLElement>(`[data-number="${shown.number}"]`);
    item?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    item?.focus({ preventScroll: true });
  }, [shown]);
  if (!citations.length) return null;
  const sorted = [...citations].sort((one, other) => one.number - other.number);
  return (
    <section className="sources">
      <h3>Sources</h3>
      <ol ref={list}>
        {sorted.map((citation) => (
          <li
            key={citation.number}
            data-number={citation.number}
            tabIndex={-1}
            className={shown?.number === citation.number ? "source source-shown" : "source"}
          >
            <span className="source-number" aria-hidden>{citation.number}</span>
            <div>
              <p className="source-title" dir="auto">{citation.title}</p>
              {citation.section && <p className="source-section" dir="auto">{citation.section}</p>}
              <blockquote dir="auto">{citation.quote}</blockquote>
              <p className="source-place">
                <Place uri={citation.uri} /> · {citation.source}
              </p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Only an address of the web becomes a link: a document may call itself anything. */
function Place({ uri }: { uri: string }) {
  if (!/^https?:\/\//i.test(uri)) return <span>{uri}</span>;
  return (
    <a href={uri} target="_blank" rel="noopener noreferrer nofollow">
      {uri}
    </a>
  );
}
