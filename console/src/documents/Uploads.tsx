/** The files that are being sent, and what became of each. */

import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";

import { IconButton } from "../ui/parts";
import { percent } from "../ui/format";
import type { Upload } from "./uploads";

const OUTCOMES: Record<string, string> = {
  added: "Added", updated: "Replaced", unchanged: "Was there already", duplicate: "The same as another document",
};

export function Uploads({ uploads, onClear }: { uploads: readonly Upload[]; onClear: () => void }) {
  if (!uploads.length) return null;
  const isDone = uploads.every(({ result, problem }) => result || problem);
  return (
    <section className="uploads card" aria-label="Uploads">
      <ul>
        {uploads.map((upload) => (
          <Line key={upload.id} upload={upload} />
        ))}
      </ul>
      {isDone && <IconButton label="Close the list of uploads" onClick={onClear}><X aria-hidden /></IconButton>}
    </section>
  );
}

function Line({ upload: { name, sent, result, problem } }: { upload: Upload }) {
  const state = problem ? "Refused" : result ? (OUTCOMES[result.status] ?? result.status) : sent < 1 ? `Sending, ${percent(sent)}` : "Reading …";
  return (
    <li className="upload">
      <span className="upload-name">
        {result?.document_id ? <Link to="/knowledge/$documentId" params={{ documentId: result.document_id }}>{name}</Link> : name}
      </span>
      <span className={problem ? "fault" : "quiet"} role="status">{state}</span>
      {!result && !problem && <progress max={1} {...(sent < 1 ? { value: sent } : {})} aria-label={`Progress of ${name}`} />}
      {(problem ?? result?.message) && <p className={problem ? "fault" : "quiet"}>{problem ?? result?.message}</p>}
    </li>
  );
}
