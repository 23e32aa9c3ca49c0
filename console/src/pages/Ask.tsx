/** The chat: conversations on the left, the newest turn at the end, and beside it how it was made. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { PanelLeft } from "lucide-react";

import { json, Problem, type Schema } from "../api/client";
import { conversationsQuery } from "../api/queries";
import { type Asked, type Common, LiveRun, useRunState } from "../run/live";
import { Inspector, Turn } from "../run/Turn";
import { useWorkflowPath } from "../run/useWorkflowPath";
import { useTenant, useUser } from "../shell/identity";
import { Failure, IconButton, Loading } from "../ui/parts";
import { randomId } from "../ui/random";
import { textOf } from "../ui/SchemaFields";
import { ShowMore } from "../ui/ShowMore";
import { Composer, type Settings, useSettings } from "./ask/Composer";
import { Conversations } from "./ask/Conversations";
import { chats } from "./ask/chats";
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
  return <h1>{listed?.title || first || "New chat"}</h1>;
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
  /** Ids of the runs before them. */
  earlier: readonly string[];
}

async function loadHistory(sessionId: string, tenant: string): Promise<History> {
  const open = chats.unfinished(sessionId);
  const ids = new Set<string>();
  try {
    const view = await json<Schema<"ConversationView">>(`/v1/conversations/${encodeURIComponent(sessionId)}`, { tenant });
    for (const message of view.messages) ids.add(message.run_id);
    for (const id of view.open_runs) ids.add(id);
  } catch (error) {
    // A first answer that was stopped or failed has no conversation, and a single question never has one.
    if (!(error instanceof Problem && error.status === 404) || !open.length) throw error;
  }
  for (const { id } of open) ids.add(id);
  return loadLast([...ids], sessionId, tenant);
}

async function loadLast(ids: readonly string[], sessionId: string, tenant: string): Promise<History> {
  const runs = await Promise.all(ids.slice(-TURNS).map((id) => take(id, sessionId, tenant)));
  return { runs: runs.filter((run): run is LiveRun => run !== null), earlier: ids.slice(0, -TURNS) };
}

/** The turns of a long conversation before those that are shown. */
function Earlier({ sessionId, tenant }: { sessionId: string; tenant: string }) {
  const ids = useSyncExternalStore(chats.subscribe, () => chats.earlier(sessionId));
  const load = useMutation({
    mutationFn: () => loadLast(ids, sessionId, tenant),
    onSuccess: ({ runs, earlier }) => chats.openEarlier(sessionId, runs, earlier),
  });
  return (
    <>
      <ShowMore query={{ hasNextPage: ids.length > 0, isFetchingNextPage: load.isPending, fetchNextPage: () => load.mutate() }} label="Show earlier questions" />
      {load.isError && <p className="fault" role="alert">{load.error.message}</p>}
    </>
  );
}

/** A run as it is stored, or followed from its first event where it still runs. */
async function take(id: string, sessionId: string, tenant: string): Promise<LiveRun | null> {
  try {
    const view = await json<Schema<"RunView">>(`/v1/runs/${encodeURIComponent(id)}`, { tenant });
    return LiveRun.open(view, tenant, (run) => chats.note(sessionId, run));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null; // deleted, or an answer from the cache
    throw error;
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
