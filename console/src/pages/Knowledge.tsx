/** What answers are made from: the documents, how they were read, and what a search finds in them. */

import { useCallback, useRef, useState } from "react";
import { Tabs } from "@ark-ui/react/tabs";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FileText, Trash2, Upload } from "lucide-react";

import { type Schema, send } from "../api/client";
import { documentsQuery } from "../api/queries";
import { useTenant } from "../shell/identity";
import { usePermissions } from "../shell/permissions";
import { Confirm } from "../ui/Confirm";
import { Button, Empty, IconButton } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { ShowMore } from "../ui/ShowMore";
import { ACTIONS, Table } from "../ui/Table";
import { count, moment, named, shortMoment } from "../ui/format";
import { Search } from "./knowledge/Search";
import { Uploads } from "../documents/Uploads";
import { useUploads } from "../documents/uploads";

type Document = Schema<"Document">;

export function Knowledge() {
  const { tab = "documents" } = useSearch({ from: "/knowledge" });
  const navigate = useNavigate({ from: "/knowledge" });
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Knowledge</h1>
          <p className="quiet">The documents that answers are made from, and what a question finds in them.</p>
        </div>
      </header>
      <Tabs.Root value={tab} onValueChange={({ value }) => void navigate({ search: { tab: value }, replace: true })} lazyMount>
        <Tabs.List className="tabs">
          <Tabs.Trigger className="tab" value="documents">Documents</Tabs.Trigger>
          <Tabs.Trigger className="tab" value="search">Search</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="documents"><Documents /></Tabs.Content>
        <Tabs.Content value="search"><Search /></Tabs.Content>
      </Tabs.Root>
    </main>
  );
}

function Documents() {
  const { tenant } = useTenant();
  const { may, isForAllTenants } = usePermissions();
  const [isAll, setAll] = useState(false);
  const seen = isForAllTenants && isAll ? undefined : tenant;
  const query = useInfiniteQuery(documentsQuery(seen));
  const documents = query.data?.pages.flatMap((page) => page.documents) ?? [];
  return (
    <>
      <div className="bar">
        {isForAllTenants && (
          <select aria-label="Documents of" value={isAll ? "all" : "one"} onChange={({ target }) => setAll(target.value === "all")}>
            <option value="one">{tenant}, and shared ones</option>
            <option value="all">All tenants</option>
          </select>
        )}
        {may("admin") && <Adding tenant={tenant} mayShare={isForAllTenants} />}
      </div>
      <Reading query={query} label="Looking for documents">{() => documents.length === 0 ? (
        <Empty title="There are no documents yet" icon={<FileText />}>
          {may("admin") ? "Upload Markdown, text, HTML, PDF, office documents, mail or data, or drop files here." : "An administrator can upload some."}
        </Empty>
      ) : (
        <>
          <List documents={documents} mayDelete={({ tenant_id }) => may("admin") && (isForAllTenants || tenant_id === tenant)} />
          <ShowMore query={query} label="Show more documents" />
        </>
      )}</Reading>
    </>
  );
}

function Adding({ tenant, mayShare }: { tenant: string; mayShare: boolean }) {
  const client = useQueryClient();
  const stored = useCallback(() => void client.invalidateQueries({ queryKey: ["documents"] }), [client]);
  const { uploads, add, clear } = useUploads(stored);
  const [isShared, setShared] = useState(false);
  const [isOver, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const owner = mayShare && isShared ? undefined : tenant;
  return (
    <>
      <div
        className={isOver ? "drop drop-over" : "drop"}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); setOver(false); add(event.dataTransfer.files, owner); }}
      >
        <input ref={chooser} type="file" multiple hidden aria-label="Files to upload" onChange={({ target }) => { add(target.files ?? [], owner); target.value = ""; }} />
        <Button kind="primary" onClick={() => chooser.current?.click()}><Upload aria-hidden /> Upload documents</Button>
        {mayShare && (
          <select aria-label="Upload for" value={isShared ? "all" : "one"} onChange={({ target }) => setShared(target.value === "all")}>
            <option value="one">for {tenant}</option>
            <option value="all">for all tenants</option>
          </select>
        )}
        <span className="quiet only-wide">or drop files here</span>
      </div>
      <Uploads uploads={uploads} onClear={clear} />
    </>
  );
}

function List({ documents, mayDelete }: { documents: readonly Document[]; mayDelete: (document: Document) => boolean }) {
  const [deleted, setDeleted] = useState<Document | null>(null);
  return (
    <>
      <Table label="Documents" columns={["Document", "State", "Of", { name: "Passages", isNumber: true }, { name: "Changed", isNumber: true }, ACTIONS]}>
        {documents.map((document) => (
          <tr key={document.id}>
            <td className="cell-title" dir="auto">
              <Link to="/knowledge/$documentId" params={{ documentId: document.id }}>{named(document.title, document.uri)}</Link>
              <span className="cell-sub">{document.uri}</span>
            </td>
            <td><ReadState document={document} /></td>
            <td className="nowrap">{document.tenant_id ?? "All tenants"}</td>
            <td className="number">{count(document.chunks)}</td>
            <td className="number"><time dateTime={document.updated_at} title={moment(document.updated_at)}>{shortMoment(document.updated_at)}</time></td>
            <td className="number">
              {mayDelete(document) && (
                <IconButton label={`Delete ${named(document.title, document.uri)}`} onClick={() => setDeleted(document)}><Trash2 aria-hidden /></IconButton>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {deleted && <DeleteDocument document={deleted} onDone={() => setDeleted(null)} onClose={() => setDeleted(null)} />}
    </>
  );
}

export function ReadState({ document }: { document: Document }) {
  return document.notes?.length ? <span className="badge badge-wait">Partly read</span> : <span className="badge badge-good">Read</span>;
}

export function DeleteDocument({ document, onDone, onClose }: { document: Document; onDone: () => void; onClose: () => void }) {
  const client = useQueryClient();
  const { isForAllTenants } = usePermissions();
  const path = `/v1/documents/${encodeURIComponent(document.id)}`;
  const tenant = isForAllTenants ? undefined : (document.tenant_id ?? undefined);
  return (
    <Confirm
      title="Delete this document?"
      action="Delete"
      work={() => send(path, { method: "DELETE", tenant })}
      onDone={() => { void client.invalidateQueries({ queryKey: ["documents"] }); onDone(); }}
      onClose={onClose}
    >
      “{named(document.title, document.uri)}” will no longer be found{document.tenant_id === null ? ", by no tenant" : ""}. Answers that were given from it stay.
    </Confirm>
  );
}
