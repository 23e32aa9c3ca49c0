/** A button that saves what an address of the API answers. */

import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";

import { send } from "../api/client";
import { Button } from "./parts";

interface ExportProps {
  label: string;
  path: string;
  /** The name of the file. */
  name: string;
  tenant?: string | undefined;
  className?: string;
}

export function Export({ label, path, name, tenant, className = "" }: ExportProps) {
  const saving = useMutation({
    mutationFn: async () => {
      const answer = await send(path, { tenant });
      const address = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement("a"), { href: address, download: name }).click();
      URL.revokeObjectURL(address);
    },
  });
  return (
    <>
      <Button className={className} disabled={saving.isPending} onClick={() => saving.mutate()}><Download aria-hidden /> {label}</Button>
      {saving.isError && <p className="fault" role="alert">{saving.error.message}</p>}
    </>
  );
}
