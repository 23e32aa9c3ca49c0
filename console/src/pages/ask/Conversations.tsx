/** The conversations: found, opened, renamed and deleted. */

import { type FormEvent, useDeferredValue, useEffect, useRef, useState } from "react";
import { Dialog } from "@ark-ui/react/dialog";
import { Menu } from "@ark-ui/react/menu";
import { Portal } from "@ark-ui/react/portal";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Ellipsis, Pencil, Plus, Search, Trash2, X } from "lucide-react";

import { type Schema, send } from "../../api/client";
import { conversationsQuery } from "../../api/queries";
import { useTenant } from "../../shell/identity";
import { Button, IconButton } from "../../ui/parts";
import { named, shortMoment } from "../../ui/format";
import { chats } from "./chats";

type Conversation = Schema<"ConversationSummary">;

export function Conversations({ current, isOpen, onClose }: { current: string | null; isOpen: boolean; onClose: () => void }) {
  const { tenant } = useTenant();
  const [text, setText] = useState("");
  const { data, error, isPending, hasNextPage, fetchNextPage } = useInfiniteQuery(conversationsQuery(useDeferredValue(text.trim()), tenant));
  const found = data?.pages.flatMap((page) => page.conversations) ?? [];
  const list = useRef<HTMLElement>(null);
  const [deleted, setDeleted] = useState<{ id: string; place: number } | null>(null);
  useEffect(() => {
    if (!deleted || found.some((each) => each.session_id === deleted.id)) return;
    const links = list.current?.querySelectorAll<HTMLElement>(".entry > a, .new-chat") ?? [];
    links[Math.min(deleted.place + 1, links.length - 1)]?.focus(); // the one that took its place, else the one before
    setDeleted(null);
  }, [deleted, found]);
  return (
    <aside ref={list} className={isOpen ? "conversations conversations-open" : "conversations"} aria-label="Conversations">
      <div className="conversations-head">
        <Link to="/" className="button button-plain grow new-chat" onClick={onClose}>
          <Plus aria-hidden /> New chat
        </Link>
        <IconButton label="Close" className="only-narrow" onClick={onClose}>
          <X aria-hidden />
        </IconButton>
      </div>
      <label className="search">
        <Search aria-hidden />
        <span className="sr-only">Search conversations</span>
        <input type="search" placeholder="Search" value={text} maxLength={300} onChange={({ target }) => setText(target.value)} />
      </label>
      <nav aria-label="Conversations" className="conversations-list">
        {error && <p className="fault" role="alert">{error.message}</p>}
        {!isPending && !error && !found.length && <p className="quiet pad">{text ? "Nothing is found." : "Your conversations will be here."}</p>}
        <ul>
          {found.map((each, place) => (
            <Entry key={`${each.tenant_id} ${each.session_id}`} conversation={each} isCurrent={each.session_id === current} onOpen={onClose} onDeleted={() => setDeleted({ id: each.session_id, place })} />
          ))}
        </ul>
        {hasNextPage && <Button small kind="ghost" onClick={() => void fetchNextPage()}>Show more</Button>}
      </nav>
    </aside>
  );
}

interface EntryProps {
  conversation: Conversation;
  isCurrent: boolean;
  onOpen: () => void;
  onDeleted: () => void;
}

function Entry({ conversation, isCurrent, onOpen, onDeleted }: EntryProps) {
  const [asks, setAsks] = useState<"rename" | "delete" | null>(null);
  const title = named(conversation.title);
  return (
    <li className={isCurrent ? "entry entry-current" : "entry"}>
      <Link to="/ask/$sessionId" params={{ sessionId: conversation.session_id }} onClick={onOpen} aria-current={isCurrent ? "page" : undefined}>
        <span className="entry-title" dir="auto">{title}</span>
        <span className="entry-time">{shortMoment(conversation.updated_at)}</span>
      </Link>
      <Menu.Root lazyMount unmountOnExit onSelect={({ value }) => setAsks(value as "rename" | "delete")}>
        <Menu.Trigger className="icon-button entry-menu" aria-label={`Actions for ${title}`}>
          <Ellipsis aria-hidden />
        </Menu.Trigger>
        <Portal>
          <Menu.Positioner>
            <Menu.Content className="menu">
              <Menu.Item className="menu-item" value="rename"><Pencil aria-hidden /> Rename</Menu.Item>
              <Menu.Item className="menu-item menu-danger" value="delete"><Trash2 aria-hidden /> Delete</Menu.Item>
            </Menu.Content>
          </Menu.Positioner>
        </Portal>
      </Menu.Root>
      {asks && <Change conversation={conversation} isDelete={asks === "delete"} isCurrent={isCurrent} onDone={() => setAsks(null)} onDeleted={onDeleted} />}
    </li>
  );
}

interface ChangeProps {
  conversation: Conversation;
  isDelete: boolean;
  isCurrent: boolean;
  onDone: () => void;
  onDeleted: () => void;
}

function Change({ conversation, isDelete, isCurrent, onDone, onDeleted }: ChangeProps) {
  const [title, setTitle] = useState(conversation.title);
  const client = useQueryClient();
  const navigate = useNavigate();
  const change = useMutation({
    mutationFn: () =>
      send(`/v1/conversations/${encodeURIComponent(conversation.session_id)}`, {
        method: isDelete ? "DELETE" : "PATCH",
        tenant: conversation.tenant_id,
        ...(isDelete ? {} : { body: { title } }),
      }),
    onSuccess: async () => {
      if (isDelete) chats.forget(conversation.session_id);
      if (isDelete && isCurrent) await navigate({ to: "/" });
      await client.invalidateQueries({ queryKey: ["conversations"] });
      onDone();
      if (isDelete && !isCurrent) onDeleted();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Dialog.Root open onOpenChange={({ open }) => !open && onDone()} role={isDelete ? "alertdialog" : "dialog"}>
      <Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Positioner className="positioner">
          <Dialog.Content className="dialog">
            <Dialog.Title>{isDelete ? "Delete this conversation?" : "Rename the conversation"}</Dialog.Title>
            <Dialog.Description>
              {isDelete ? `“${conversation.title}” and its messages will be gone. Its runs stay in the list of runs.` : "It keeps the name when it goes on."}
            </Dialog.Description>
            <form onSubmit={submit}>
              {!isDelete && <input aria-label="Title" required maxLength={200} value={title} onChange={({ target }) => setTitle(target.value)} />}
              {change.isError && <p className="fault" role="alert">{change.error.message}</p>}
              <div className="row">
                <Button kind={isDelete ? "danger" : "primary"} type="submit" disabled={change.isPending || (!isDelete && !title.trim())}>
                  {isDelete ? "Delete" : "Rename"}
                </Button>
                <Dialog.CloseTrigger className="button button-plain">Cancel</Dialog.CloseTrigger>
              </div>
            </form>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
}
