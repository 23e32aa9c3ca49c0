/** Filters that this browser keeps under a name. */

import { useMemo, useState } from "react";
import { Bookmark, X } from "lucide-react";

import type { RunFilters } from "../../api/queries";
import { FormDialog } from "../../ui/FormDialog";
import { Button, Field, IconButton } from "../../ui/parts";
import { useRemembered } from "../../ui/storage";

interface SavedView {
  name: string;
  filters: RunFilters;
}

export function SavedViews({ filters, onOpen }: { filters: RunFilters; onOpen: (filters: RunFilters) => void }) {
  const [text, setText] = useRemembered("run-views", "[]");
  const views = useMemo(() => read(text), [text]);
  const [isNaming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const keep = (all: readonly SavedView[]) => setText(JSON.stringify(all));
  const shown = same(filters);
  if (!views.length && !Object.keys(filters).length) return null;
  return (
    <div className="views" role="group" aria-label="Saved views">
      {views.map((view) => (
        <span key={view.name} className={same(view.filters) === shown ? "view view-current" : "view"}>
          <button type="button" aria-pressed={same(view.filters) === shown} onClick={() => onOpen(view.filters)}>{view.name}</button>
          <IconButton label={`Forget the view ${view.name}`} onClick={() => keep(views.filter((each) => each !== view))}><X aria-hidden /></IconButton>
        </span>
      ))}
      {Object.keys(filters).length > 0 && !views.some((view) => same(view.filters) === shown) && (
        <Button small kind="ghost" onClick={() => setNaming(true)}><Bookmark aria-hidden /> Save this view</Button>
      )}
      {isNaming && (
        <FormDialog
          title="Save this view"
          description="Its filters are kept in this browser. To share them, share the page's address."
          action="Save"
          save={async () => keep([...views.filter((each) => each.name !== name.trim()), { name: name.trim(), filters }])}
          onSaved={() => { setNaming(false); setName(""); }}
          onClose={() => setNaming(false)}
        >
          <Field label="Name"><input required maxLength={60} pattern=".*\S.*" value={name} onChange={({ target }) => setName(target.value)} /></Field>
        </FormDialog>
      )}
    </div>
  );
}

const same = (filters: RunFilters) => JSON.stringify(Object.entries(filters).sort());

function read(text: string): readonly SavedView[] {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? (read as SavedView[]) : [];
  } catch {
    return []; // written by something else
  }
}
