/** The pages that a narrow bar has no room for, in a sheet that comes up from it. */

import { Dialog } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { Ellipsis, X } from "lucide-react";

import type { Schema } from "../api/client";
import type { Page } from "../pages/registry";
import { NavEnd } from "./NavEnd";
import { PageLink } from "./PageLink";

interface MoreProps {
  pages: readonly Page[];
  isAt: (path: string) => boolean;
  session: Schema<"SessionView">;
}

export function More({ pages, isAt, session }: MoreProps) {
  const current = pages.find(({ path }) => isAt(path));
  return (
    <Dialog.Root lazyMount unmountOnExit>
      <Dialog.Trigger className={current ? "nav-link nav-link-active" : "nav-link"}>
        <Ellipsis aria-hidden />
        <span>More{current && <span className="sr-only">, at {current.label}</span>}</span>
      </Dialog.Trigger>
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner positioner-sheet">
          <Dialog.Content className="dialog sheet">
            <div className="sheet-head">
              <Dialog.Title>More pages</Dialog.Title>
              <Dialog.CloseTrigger className="icon-button" aria-label="Close"><X aria-hidden /></Dialog.CloseTrigger>
            </div>
            <nav aria-label="More pages">
              <ul className="sheet-links">
                {pages.map((page) => <li key={page.path}><PageLink page={page} isCurrent={page === current} /></li>)}
              </ul>
            </nav>
            <div className="sheet-links sheet-end"><NavEnd session={session} /></div>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
