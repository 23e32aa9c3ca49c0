/** What a question finds in the documents, and by which signals. */

import { type FormEvent, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FileSearch, Search as Glass } from "lucide-react";

import type { Schema } from "../../api/client";
import { searchQuery } from "../../api/queries";
import { useTenant } from "../../shell/identity";
import { Button, Empty } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { named } from "../../ui/format";

type Found = Schema<"DocumentSearch">;

export function Search() {
  const { q = "" } = useSearch({ from: "/knowledge" });
  const navigate = useNavigate({ from: "/knowledge" });
  const { tenant } = useTenant();
  const [draft, setDraft] = useState(q);
  const query = useQuery({ ...searchQuery(q, tenant), enabled: q !== "" });
  const search = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ search: { tab: "search", q: draft.trim() }, replace: true });
  };
  return (
    <>
      <form className="bar" role="search" onSubmit={search}>
        <label className="search grow">
          <span className="sr-only">Question</span>
          <Glass aria-hidden />
          <input type="search" dir="auto" maxLength={2_000} value={draft} placeholder="What would somebody ask?" onChange={({ target }) => setDraft(target.value)} />
        </label>
        <Button kind="primary" type="submit" disabled={!draft.trim()}>Search</Button>
      </form>
      {q === "" ? (
        <Empty title="Try a question" icon={<FileSearch />}>The passages that a model would get for it are shown with their scores. No model is asked, and nothing is charged.</Empty>
      ) : (
        <Reading query={query} label="Searching">{(found) => <Results found={found} tenant={tenant} />}</Reading>
      )}
    </>
  );
}

function Results({ found, tenant }: { found: Found; tenant: string }) {
  if (!found.passages.length) return <Empty title="Nothing was found" icon={<FileSearch />}>The documents of {tenant} and the shared ones have none of these words, and nothing near in meaning.</Empty>;
  const hasMeaning = found.passages.some(({ signals }) => signals.cosine !== null);
  const most = Math.max(...found.passages.map(({ signals }) => signals.keyword ?? 0));
  return (
    <section aria-label="Results">
      <p className={found.is_answerable ? "notice notice-good" : "notice notice-wait"}>{verdict(found)}</p>
      <ol className="passages">
        {found.passages.map((passage, index) => (
          <li key={index} className="card passage">
            <header>
              <span className="passage-rank" aria-hidden>{index + 1}</span>
              <div>
                <Link to="/knowledge/$documentId" params={{ documentId: passage.document_id }}>{named(passage.title, passage.uri)}</Link>
                <p className="passage-place">{[passage.section, passage.uri].filter(Boolean).join(" · ")}</p>
              </div>
            </header>
            <Signals signals={passage.signals} most={most} hasMeaning={hasMeaning} from={found.answerable_from} />
            <p className="passage-text" dir="auto">{passage.text}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function verdict({ is_answerable, answerable_from }: Found): string {
  if (is_answerable) return "An answer would be tried from these passages.";
  return answerable_from === null
    ? "No passage has half of the question's words: an answer would not be tried."
    : "No passage is near enough to the question: an answer would not be tried.";
}

interface SignalsProps {
  signals: Schema<"PassageSignals">;
  most: number;
  hasMeaning: boolean;
  from: number | null;
}

const LOGITS = { low: -11, high: 11 };

function Signals({ signals: { cosine, keyword, fused, relevance }, most, hasMeaning, from }: SignalsProps) {
  return (
    <dl className="signals">
      <Signal name="Meaning" hint="Cosine of question and passage" value={cosine} share={cosine ?? 0} absent={hasMeaning ? "not among the nearest" : "no model installed"} />
      <Signal name="Words" hint="Score of the question's words in it, within this search" value={keyword} share={most ? (keyword ?? 0) / most : 0} absent="too few of them" />
      <Signal name="Both" hint="Meaning and words, scaled and added" value={fused} share={fused / 1.3} absent="" />
      <Signal
        name="Relevance"
        hint={from === null ? "Judged by a reranking model" : `Judged by a reranking model; from ${from} on an answer is tried`}
        value={relevance}
        share={relevance === null ? 0 : (relevance - LOGITS.low) / (LOGITS.high - LOGITS.low)}
        absent="no model installed"
      />
    </dl>
  );
}

interface SignalProps {
  name: string;
  hint: string;
  value: number | null;
  share: number;
  absent: string;
}

function Signal({ name, hint, value, share, absent }: SignalProps) {
  return (
    <div className="signal" title={hint}>
      <dt>{name}</dt>
      <dd>
        {value === null ? <span className="quiet">{absent}</span> : <span className="signal-value">{value.toFixed(2)}</span>}
        {value !== null && <span className="gauge" aria-hidden><span style={{ width: `${100 * Math.min(1, Math.max(0, share))}%` }} /></span>}
      </dd>
    </div>
  );
}
