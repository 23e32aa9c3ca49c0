/** The calls of models of a run; those that are stored open their prompts and answers, as text. */

import { useQuery } from "@tanstack/react-query";

import type { Schema } from "../api/client";
import { modelCallsQuery, sessionQuery } from "../api/queries";
import { usePermissions } from "../shell/permissions";
import { Failure, Status } from "../ui/parts";
import { count, dollars, sentence, words } from "../ui/format";

type View = Schema<"RunView">;
type Call = Schema<"ModelCall">;
type StoredCall = Schema<"RecordedCall">;

export function ModelCalls({ view, calls }: { view: View; calls: readonly Call[] }) {
  const { may } = usePermissions();
  const session = useQuery(sessionQuery);
  const maySee = may("admin") || (session.data?.user_id ?? null) === view.user_id;
  const { data, error } = useQuery({ ...modelCallsQuery(view.id), enabled: session.data !== undefined && maySee });
  const stored = data?.calls ?? [];
  if (!stored.length && !calls.length) return <p className="quiet">No model behind a provider was called.</p>;
  return (
    <>
      {error && <Failure error={error} />}
      <ul className="calls">
        {together(calls, stored).map((call, index) => (
          <CallLine key={index} call={call}>{"item" in call && <Words call={call} />}</CallLine>
        ))}
      </ul>
      {data && data.not_stored > 0 && (
        <p className="quiet">
          {stored.length ? `${count(data.not_stored)} more without a stored prompt.` : "Prompts and answers of this run are not stored."}
          {!data.is_enabled && " They are where VITAL_STORE_PROMPTS is set."}
        </p>
      )}
    </>
  );
}

/** All calls in their order, each once: as it is stored where it is. */
function together(calls: readonly Call[], stored: readonly StoredCall[]): ReadonlyArray<Call | StoredCall> {
  const rest = [...stored];
  const listed = calls.map((call) => {
    const at = rest.findIndex((each) => isSame(each, call));
    return at < 0 ? call : rest.splice(at, 1)[0]!;
  });
  return [...listed, ...rest];
}

const isSame = (one: StoredCall, other: Call): boolean =>
  one.model === other.model && one.node === other.node && one.purpose === other.purpose && one.status === other.status && one.seconds === other.seconds;

function CallLine({ call, children }: { call: Call | StoredCall; children?: React.ReactNode }) {
  return (
    <li className="call-line">
      <p className="tool-head"><code>{call.model}</code> <Status status={call.status} /></p>
      <p className="quiet">
        {[call.node && words(call.node), call.purpose, call.prompt, `${count(call.tokens?.input ?? 0)} in`, `${count(call.tokens?.output ?? 0)} out`, call.cost_dollars != null && dollars(call.cost_dollars)].filter(Boolean).join(" · ")}
      </p>
      {call.error && <p className="fault">{call.error}</p>}
      {children}
    </li>
  );
}

function Words({ call }: { call: StoredCall }) {
  return (
    <>
      {call.is_cut && <p className="quiet">Parts of it are too long to be stored.</p>}
      <details className="node-value">
        <summary>Prompt</summary>
        {call.messages.map((message, index) => (
          <section key={index}>
            <h4>{sentence(message.role)}</h4>
            <pre className="json" dir="auto" tabIndex={0}>{message.content}</pre>
          </section>
        ))}
        {!call.messages.length && <p className="quiet">Nothing of it is stored.</p>}
      </details>
      <details className="node-value">
        <summary>Answer</summary>
        {call.answer && <pre className="json" dir="auto" tabIndex={0}>{call.answer}</pre>}
        {call.requested_tools?.map((tool, index) => (
          <section key={index}>
            <h4>Asks for <code>{tool.name}</code></h4>
            <pre className="json" tabIndex={0}>{tool.arguments}</pre>
          </section>
        ))}
        {!call.answer && !call.requested_tools?.length && <p className="quiet">No text.</p>}
      </details>
    </>
  );
}
