/** Documents are added where they are needed: beside the question. */

import { useCallback, useRef } from "react";
import { Portal } from "@ark-ui/react/portal";
import { useQueryClient } from "@tanstack/react-query";
import { Paperclip } from "lucide-react";

import { useUploads } from "../../documents/uploads";
import { Uploads } from "../../documents/Uploads";
import { useTenant } from "../../shell/identity";
import { usePermissions } from "../../shell/permissions";
import { IconButton } from "../../ui/parts";

export function AttachDocuments() {
  const { may } = usePermissions();
  return may("admin") ? <Attach /> : null;
}

function Attach() {
  const { tenant } = useTenant();
  const client = useQueryClient();
  const stored = useCallback(() => void client.invalidateQueries({ queryKey: ["documents"] }), [client]);
  const { uploads, add, clear } = useUploads(stored);
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <>
      <input ref={chooser} type="file" multiple hidden aria-label="Files to add" onChange={({ target }) => { add(target.files ?? [], tenant); target.value = ""; }} />
      <IconButton label="Add documents" onClick={() => chooser.current?.click()}><Paperclip aria-hidden /></IconButton>
      {uploads.length > 0 && (
        <Portal>
          <div className="uploads-floating"><Uploads uploads={uploads} onClear={clear} /></div>
        </Portal>
      )}
    </>
  );
}
