/** A question before something is lost. */

import type { ReactNode } from "react";
import { Dialog } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { useMutation } from "@tanstack/react-query";

import { Button } from "./parts";

interface ConfirmProps {
  title: string;
  action: string;
  children: ReactNode;
  work: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

export function Confirm({ title, action, children, work, onDone, onClose }: ConfirmProps) {
  const change = useMutation({ mutationFn: work, onSuccess: onDone });
  return (
    <Dialog.Root open onOpenChange={({ open }) => !open && onClose()} role="alertdialog">
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner">
          <Dialog.Content className="dialog">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Description>{children}</Dialog.Description>
            {change.isError && <p className="fault" role="alert">{change.error.message}</p>}
            <div className="row">
              <Button kind="danger" disabled={change.isPending} onClick={() => change.mutate()}>{action}</Button>
              <Dialog.CloseTrigger className="button button-plain">Cancel</Dialog.CloseTrigger>
            </div>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
