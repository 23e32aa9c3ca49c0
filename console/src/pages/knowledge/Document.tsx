/** One document: what was read of it, and what was not. */

import { useState } from "react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, Trash2 } from "lucide-react";

import type { Schema } from "../../api/client";
import { passagesQuery } from "../../api/queries";
import { usePermissions } from "../../shell/permissions";
import { useTenant } from "../../shell/identity";
import { Button } from "../../ui/parts";
import { Reading } from "../../ui/Reading";
import { ShowMore } from "../../ui/ShowMore";
import { counted, moment, named } from "../../ui/format";
import { DeleteDocument, ReadState } from "../Knowledge";

export function Document() {
  const { documentId } = useParams({ from: "/knowledge/$documentId" });
  const query = useInfiniteQuery(passagesQuery(documentId));
  return (
    <main className="page" id="main">
      <Link to="/knowledge" search={{}} className="back"><ArrowLeft aria-hidden /> Knowledge</Link>
      <Reading query={query} label="Opening the document">
        {({ pages }) => (
          <>
            <Head document={pages[0]!.document} />
            <Passages passages={pages.flatMap((page) => page.passages)} />
            <ShowMore query={query} label="Show more passages" />
          </>
        )}
      </Reading>
    </main>
  );
}

function Head({ document }: { document: Schema<"Document"> }) {
  const { tenant } = useTenant();
  const { may, isForAllTenants } = usePermissions();
  const navigate = useNavigate();
  const [isDeleting, setDeleting] = useState(false);
  const notes = document.notes ?? [];
  return (
    <>
      <header className="run-head">
        <div className="title-row">
          <h1 dir="auto">{named(document.title, document.uri)}</h1>
          {may("admin") && (isForAllTenants || document.tenant_id === tenant) && (
            <Button onClick={() => setDeleting(true)}><Trash2 aria-hidden /> Delete</Button>
          )}
        </div>
        <p className="run-meta">
          <ReadState document={document} />
          <span>{document.uri}</span>
          <span>{document.media_type}</span>
          <span>of {document.tenant_id ?? "all tenants"}</span>
          <span>{counted(document.chunks, "passage")}</span>
          <time dateTime={document.updated_at}>{moment(document.updated_at)}</time>
        </p>
      </header>
      {notes.length > 0 && (
        <section className="notice notice-wait" aria-label="What was not read">
          <div>
            <strong>Not all of it was read</strong>
            <ul>{notes.map((note) => <li key={note}>{note}</li>)}</ul>
          </div>
        </section>
      )}
      {isDeleting && <DeleteDocument document={document} onDone={() => void navigate({ to: "/knowledge", search: {} })} onClose={() => setDeleting(false)} />}
    </>
  );
}

function Passages({ passages }: { passages: ReadonlyArray<Schema<"DocumentPassage">> }) {
  return (
    <section className="passages" aria-label="What was read">
      <h2>What was read</h2>
      <ol>
        {passages.map(({ section, text }, index) => (
          <li key={index} className="card passage">
            {section && <p className="passage-place" dir="auto">{section}</p>}
            <p className="passage-text" dir="auto">{text}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
