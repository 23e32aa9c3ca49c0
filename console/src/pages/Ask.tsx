/** The chat: conversations on the left, the newest turn at the end, and beside it how it was made. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { PanelLeft } from "lucide-react";

import { json, Problem, type Schema, withQuery } from "../api/client";
import { conversationsQuery } from "../api/queries";
import { type Asked, type Common, LiveRun, type Messages, useRunState } from "../run/live";
import { Inspector, Turn } from "../run/Turn";
import { useWorkflowPath } from "../run/useWorkflowPath";
import { useTenant, useUser } from "../shell/identity";
import { Failure, IconButton, Loading } from "../ui/parts";
import { randomId } from "../ui/random";
import { textOf } from "../ui/SchemaFields";
import { ShowMore } from "../ui/ShowMore";
import { named } from "../ui/format";
import { Composer, type Settings, useSettings } from "./ask/Composer";
import { Conversations } from "./ask/Conversations";
import { chats, type EarlierTurns } from "./ask/chats";
import { useDraft } from "./ask/drafts";
import { Welcome } from "./ask/Welcome";

export function NewChat() {
  return <AskPage key="new" sessionId={null} />;
}

export function Chat() {
  const { sessionId } = useParams({ from: "/ask/$sessionId" });
  return <AskPage key={sessionId} sessionId={sessionId} />;
}

function AskPage({ sessionId }: { sessionId: string | null }) {
  const { tenant } = useTenant();
  const user = useUser();
  const navigate = useNavigate();
  const client = useQueryClient();
  const settings = useSettings(tenant);
  const pathOf = useWorkflowPath();
  const [isListOpen, setListOpen] = useState(false);
  const [draft, setDraft] = useDraft(tenant, sessionId);
  const turns = useSyncExternalStore(chats.subscribe, () => chats.turns(sessionId));
  const { isLoading, error, refetch } = useHistory(sessionId, tenant);
  const [chosen, setChosen] = useState<string | null>(null);
  const selected = turns.find(({ key }) => key === chosen) ?? turns.at(-1) ?? null;

  const ask = useCallback(
    (asked: Asked) => {
      const isChat = settings.isChat;
      const session = sessionId ?? `session_${randomId()}`;
      const run = LiveRun.ask(asked, commonOf(settings, { tenant, user, session }), pathOf(asked.workflow), tenant, (changed) => {
        chats.note(session, changed);
        if (changed.state.phase !== "running") {
          void client.invalidateQueries({ queryKey: ["conversations"] });
          void client.invalidateQueries({ queryKey: ["approvals"] });
          void client.invalidateQueries({ queryKey: ["runs"] });
        }
      });
      chats.add(session, run, isChat);
      setChosen(null);
      setDraft({ query: "", values: {} });
      if (session !== sessionId) void navigate({ to: "/ask/$sessionId", params: { sessionId: session }, replace: sessionId === null });
    },
    [sessionId, settings, pathOf, tenant, user, navigate, client, setDraft],
  );
  const edit = useCallback(
    ({ query, workflow, values: own }: Asked) => {
      if (workflow !== null && settings.workflows.includes(workflow)) settings.setWorkflow(workflow);
      setDraft({ query, values: Object.fromEntries(Object.entries(own).map(([name, value]) => [name, textOf(value)])) });
    },
    [settings, setDraft],
  );

  return (
    <div className="ask">
      <Conversations current={sessionId} isOpen={isListOpen} onClose={() => setListOpen(false)} />
      <main className="chat" id="main">
        <header className="chat-head">
          <IconButton label="Conversations" className="only-narrow" onClick={() => setListOpen(true)}>
            <PanelLeft aria-hidden />
          </IconButton>
          <ChatTitle sessionId={sessionId} first={turns[0]?.state.question} />
        </header>
        <Scroller turns={turns}>
          {isLoading && <Loading label="Opening the conversation" />}
          {error && <Failure error={error} retry={refetch} />}
          {!isLoading && !error && turns.length === 0 && <Welcome onPick={(query) => setDraft({ query })} />}
          {sessionId !== null && <Earlier sessionId={sessionId} tenant={tenant} />}
          {turns.map((run) => (
            <Turn
              key={run.key}
              run={run}
              isSelected={chosen === run.key}
              onSelect={() => setChosen((last) => (last === run.key ? null : run.key))}
              onRetry={() => ask(run.asked)}
              onEdit={() => edit(run.asked)}
            />
          ))}
        </Scroller>
        <Composer
          settings={settings}
          draft={draft.query}
          onDraft={(query) => setDraft({ query })}
          values={draft.values}
          onValue={(name, text) => setDraft({ values: { ...draft.values, [name]: text } })}
          onAsk={ask}
          isBusy={turns.some((run) => run.isBusy)}
        />
      </main>
      <aside className="inspector" aria-label="How the answer was made">
        {selected ? <LiveInspector run={selected} /> : <p className="quiet">The steps of an answer are drawn here, while it is made.</p>}
      </aside>
    </div>
  );
}

function LiveInspector({ run }: { run: LiveRun }) {
  return <Inspector state={useRunState(run)} />;
}

/** The name in the list of conversations, which is read anyway; until it is there, the first question. */
function ChatTitle({ sessionId, first }: { sessionId: string | null; first: string | undefined }) {
  const { tenant } = useTenant();
  const { data } = useInfiniteQuery(conversationsQuery("", tenant));
  const listed = data?.pages.flatMap((page) => page.conversations).find((each) => each.session_id === sessionId);
  return <h1 dir="auto">{named(listed?.title || first, "New chat")}</h1>;
}

function commonOf(settings: Settings, who: { tenant: string; user: string; session: string }): Common {
  return {
    mode: settings.mode as Schema<"WorkflowMode">,
    tenant_id: who.tenant,
    user_id: who.user,
    agent_id: settings.agent,
    ...(settings.model ? { model: settings.model } : {}),
    ...(settings.isChat ? { session_id: who.session } : {}),
  };
}

/** Read what is stored of a conversation, and take up what still runs. */
function useHistory(sessionId: string | null, tenant: string) {
  const isKnown = sessionId !== null && chats.has(sessionId);
  const { data, isPending, error, refetch } = useQuery({
    queryKey: ["history", tenant, sessionId],
    queryFn: () => loadHistory(sessionId!, tenant),
    enabled: sessionId !== null && !isKnown,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });
  useEffect(() => {
    if (!sessionId || !data || chats.has(sessionId)) return;
    chats.open(sessionId, data.runs, data.earlier);
  }, [data, sessionId]);
  return { isLoading: sessionId !== null && !isKnown && isPending, error: isKnown ? null : error, refetch: () => void refetch() };
}

/** Number of turns that are read at once: each is a request. */
const TURNS = 50;

interface History {
  runs: readonly LiveRun[];
  earlier: EarlierTurns;
}

async function loadHistory(sessionId: string, tenant: string): Promise<History> {
  const open = chats.unfinished(sessionId);
  const ids = new Set<string>();
  let cursor: string | null = null;
  let messages: EarlierTurns["messages"] = new Map();
  try {
    const view = await readConversation(sessionId, tenant);
    cursor = view.next_cursor ?? null;
    messages = messagesOf(view);
    for (const id of messages.keys()) ids.add(id);
    for (const id of view.open_runs) ids.add(id);
  } catch (error) {
    // A first answer that was stopped or failed has no conversation, and a single question never has one.
    if (!(error instanceof Problem && error.status === 404)) throw error;
    if (!open.length) throw new Problem(404, GONE);
  }
  for (const { id } of open) ids.add(id);
  return loadLast({ ids: [...ids], messages, cursor }, sessionId, tenant);
}

const GONE = "This conversation is not here. It was deleted, it was stored for as long as the settings say, or it is another tenant’s.";

/** The messages by run, in the order of the conversation. */
function messagesOf({ messages }: Schema<"ConversationView">): Map<string, Messages> {
  const found = new Map<string, Messages>();
  for (const { run_id, role, content } of messages) {
    const known = found.get(run_id) ?? { question: "", answer: "" };
    found.set(run_id, role === "user" ? { ...known, question: content } : { ...known, answer: content });
  }
  return found;
}

const readConversation = (sessionId: string, tenant: string, before?: string) =>
  json<Schema<"ConversationView">>(withQuery(`/v1/conversations/${encodeURIComponent(sessionId)}`, { before }), { tenant });

async function loadLast({ ids, messages, cursor }: EarlierTurns, sessionId: string, tenant: string): Promise<History> {
  const runs = await Promise.all(ids.slice(-TURNS).map((id) => take(id, messages.get(id), sessionId, tenant)));
  return { runs: runs.filter((run): run is LiveRun => run !== null), earlier: { ids: ids.slice(0, -TURNS), messages, cursor } };
}

/** Read the turns before those that are shown: of runs that are known, or else of the messages before them. */
async function loadEarlier(earlier: EarlierTurns, sessionId: string, tenant: string): Promise<History> {
  if (earlier.ids.length || earlier.cursor === null) return loadLast(earlier, sessionId, tenant);
  const view = await readConversation(sessionId, tenant, earlier.cursor);
  const messages = messagesOf(view);
  return loadLast({ ids: [...messages.keys()], messages, cursor: view.next_cursor ?? null }, sessionId, tenant);
}

/** The turns of a long conversation before those that are shown; the reader's place stays in sight. */
function Earlier({ sessionId, tenant }: { sessionId: string; tenant: string }) {
  const earlier = useSyncExternalStore(chats.subscribe, () => chats.earlier(sessionId));
  const place = useRef<HTMLDivElement>(null);
  const load = useMutation({
    mutationFn: () => loadEarlier(earlier, sessionId, tenant),
    onSuccess: (history) => {
      keepPlace(place.current?.closest<HTMLElement>(".turns"), () => chats.openEarlier(sessionId, history.runs, history.earlier));
    },
  });
  const hasNextPage = earlier.ids.length > 0 || earlier.cursor !== null;
  return (
    <div ref={place}>
      <ShowMore query={{ hasNextPage, isFetchingNextPage: load.isPending, fetchNextPage: () => load.mutate() }} label="Show earlier questions" />
      {load.isError && <p className="fault" role="alert">{load.error.message}</p>}
    </div>
  );
}

/** Draw what comes before all else of a box, and leave what is in sight where it is. */
function keepPlace(box: HTMLElement | null | undefined, draw: () => void): void {
  if (!box) return draw();
  const fromEnd = box.scrollHeight - box.scrollTop;
  box.style.overflowAnchor = "none"; // browsers do the same, but not at the very top: not twice
  flushSync(draw);
  box.scrollTop = box.scrollHeight - fromEnd;
  requestAnimationFrame(() => box.style.removeProperty("overflow-anchor"));
}

/** A run as it is stored, or followed from its first event where it still runs. */
async function take(id: string, messages: Messages | undefined, sessionId: string, tenant: string): Promise<LiveRun | null> {
  try {
    const view = await json<Schema<"RunView">>(`/v1/runs/${encodeURIComponent(id)}`, { tenant });
    return LiveRun.open(view, tenant, (run) => chats.note(sessionId, run));
  } catch (error) {
    if (!(error instanceof Problem && error.status === 404)) throw error;
    const kept = chats.unfinished(sessionId).find((each) => each.id === id)?.answer;
    if (kept) return LiveRun.answered(id, kept.asked, kept.output); // an answer from the cache
    return messages ? LiveRun.remembered(id, messages) : null;
  }
}

/** Keeps the end in sight while it grows, unless the reader has scrolled away. */
function Scroller({ turns, children }: { turns: readonly LiveRun[]; children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const newest = turns.at(-1)?.key;
  useEffect(() => {
    const toEnd = () => {
      if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    };
    const watcher = new ResizeObserver(toEnd);
    if (inner.current) watcher.observe(inner.current);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    isAtEnd.current = true;
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [newest]);
  return (
    <div
      ref={box}
      className="turns"
      tabIndex={0}
      role="log"
      aria-label="Conversation"
      onScroll={({ currentTarget: at }) => (isAtEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 60)}
    >
      <div ref={inner} className="turns-inner">{children}</div>
    </div>
  );
}
