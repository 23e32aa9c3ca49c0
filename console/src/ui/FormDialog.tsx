/** A dialog with a form, which closes once the engine has taken it. */

import type { FormEvent, ReactNode } from "react";
import { Dialog } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { useMutation } from "@tanstack/react-query";

import { Button } from "./parts";

interface FormDialogProps<Saved> {
  title: string;
  description: string;
  action: string;
  isWide?: boolean;
  children: ReactNode;
  save: () => Promise<Saved>;
  onSaved: (saved: Saved) => void;
  onClose: () => void;
}

export function FormDialog<Saved>({ title, description, action, isWide = false, children, save, onSaved, onClose }: FormDialogProps<Saved>) {
  const saving = useMutation({ mutationFn: save, onSuccess: onSaved });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate();
  };
  return (
    <Dialog.Root open onOpenChange={({ open }) => !open && onClose()}>
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner">
          <Dialog.Content className={isWide ? "dialog dialog-wide" : "dialog"}>
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Description>{description}</Dialog.Description>
            <form onSubmit={submit}>
              {children}
              {saving.isError && <p className="fault" role="alert">{saving.error.message}</p>}
              <div className="row">
                <Button kind="primary" type="submit" disabled={saving.isPending}>{action}</Button>
                <Dialog.CloseTrigger className="button button-plain">Cancel</Dialog.CloseTrigger>
              </div>
            </form>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
