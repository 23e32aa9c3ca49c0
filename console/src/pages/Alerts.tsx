/** Alerts: what fires, since when, what it means and what to do; and who is not to hear of it for a while. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ArrowLeft, BellOff, BellRing, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";

import { type Schema, send } from "../api/client";
import { alertRuleQuery, alertRulesQuery, notificationsQuery, silencesQuery } from "../api/queries";
import { Answer } from "../answer/Answer";
import { usePermissions } from "../shell/permissions";
import { Button, Empty, Field, IconButton } from "../ui/parts";
import { Reading } from "../ui/Reading";
import { ACTIONS, Table } from "../ui/Table";
import { ago, moment, until } from "../ui/format";
import { inUnit } from "./dashboards/units";
import "../styles/watch.css";

type Rule = Schema<"AlertRuleView">;
type Source = Schema<"DataSource">;

const TABS = { rules: "Rules", notifications: "Notifications", silences: "Silences" } as const;
type Tab = keyof typeof TABS;

const UNITS: Record<string, string> = { share: "percentunit", seconds: "s", dollars: "currencyUSD", "dollars an hour": "currencyUSD", "a second": "ops", number: "short" };
const STATES: Record<Rule["state"], [string, string]> = {
  firing: ["Firing", "bad"], pending: ["Pending", "wait"], inactive: ["Quiet", "good"], unknown: ["Not known", "dull"],
};

const measured = ({ unit }: Rule, value: number | null | undefined): string => `${inUnit(value, UNITS[unit] ?? "short")}${unit === "dollars an hour" && value != null ? " an hour" : ""}`;
const at = (seconds: number): string => new Date(seconds * 1000).toISOString();
const title = (rule: Rule): string => (rule.key === rule.name ? rule.name : `${rule.name} (${inUnit(rule.threshold, "percentunit")})`);

function State({ state }: { state: Rule["state"] }) {
  const [name, tone] = STATES[state];
  return <span className={`badge badge-${tone}`}>{name}</span>;
}

export function Alerts() {
  const search = useSearch({ from: "/alerts" });
  const navigate = useNavigate({ from: "/alerts" });
  const tab = (search.tab && search.tab in TABS ? search.tab : "rules") as Tab;
  return (
    <main className="page" id="main">
      <header className="page-head">
        <div>
          <h1>Alerts</h1>
          <p className="quiet">What is wrong now, and what was.</p>
        </div>
      </header>
      <nav className="board-tabs" aria-label="Alerts">
        {Object.entries(TABS).map(([id, name]) => (
          <button key={id} type="button" className="board-tab board-button" aria-current={id === tab ? "page" : undefined} onClick={() => void navigate({ search: { tab: id }, replace: true })}>{name}</button>
        ))}
      </nav>
      {tab === "rules" ? <Rules /> : tab === "notifications" ? <Notifications /> : <Silences />}
    </main>
  );
}

function Judge({ source }: { source: Source }) {
  if (source.kind === "prometheus") return null;
  return (
    <p className={source.engines > 1 ? "notice notice-wait" : "quiet origin"}>
      {source.engines > 1 && `${source.engines} machines serve, and one of them judges by itself alone. `}
      The engine judges these by its own samples of the last six hours and notifies nobody; a Prometheus, named by <code>VITAL_PROMETHEUS_URL</code>, judges all of them.
    </p>
  );
}

function Rules() {
  const query = useQuery(alertRulesQuery);
  return <Reading query={query}>{(list) => <RuleList list={list} />}</Reading>;
}

function RuleList({ list: data }: { list: Schema<"AlertRuleList"> }) {
  const [firing, pending] = (["firing", "pending"] as const).map((looked) => data.rules.filter(({ state }) => state === looked).length) as [number, number];
  return (
    <>
      <p className={`notice notice-${firing ? "bad" : pending ? "wait" : "good"}`} role="status">
        {firing ? `${firing} of ${data.rules.length} alerts ${firing === 1 ? "fires" : "fire"}.` : "No alert fires."}
        {pending > 0 && ` ${pending} ${pending === 1 ? "is" : "are"} about to, should it last.`}
      </p>
      <Judge source={data.source} />
      <Table label="Alerts" columns={["State", "Alert", { name: "Value", isNumber: true }, { name: "Threshold", isNumber: true }, "Since", "Goes to"]}>
        {data.rules.map((rule) => (
          <tr key={rule.key} className="alert-line">
            <td><State state={rule.state} /></td>
            <td className="cell-long">
              <Link to="/alerts/$key" params={{ key: rule.key }}>{title(rule)}</Link>
              <div className="quiet">{rule.state === "unknown" ? rule.reason : rule.instances[0]?.summary || `Fires when ${rule.fires_when}.`}</div>
            </td>
            <td className="number">{measured(rule, rule.value)}</td>
            <td className="number">{rule.threshold === null ? "the usual" : measured(rule, rule.threshold)}</td>
            <td className="nowrap">{rule.since == null ? "–" : ago(at(rule.since))}</td>
            <td>{rule.receivers.join(", ") || "–"}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

export function OneAlert() {
  const { key } = useParams({ from: "/alerts/$key" });
  const query = useQuery(alertRuleQuery(key));
  return (
    <main className="page" id="main">
      <Reading query={query}>{(detail) => <OneRule detail={detail} />}</Reading>
    </main>
  );
}

function OneRule({ detail: data }: { detail: Schema<"AlertRuleDetail"> }) {
  const { rule } = data;
  return (
    <>
      <header className="page-head">
        <div>
          <Link to="/alerts" search={{}} className="back"><ArrowLeft aria-hidden /> Alerts</Link>
          <h1>{title(rule)}</h1>
          <p className="quiet">{data.description}</p>
        </div>
        <State state={rule.state} />
      </header>
      <dl className="alert-facts">
        <div><dt>Value</dt><dd>{measured(rule, rule.value)}</dd></div>
        <div><dt>Threshold</dt><dd>{rule.threshold === null ? "the usual" : measured(rule, rule.threshold)}</dd></div>
        <div><dt>Since</dt><dd>{rule.since == null ? "–" : <time dateTime={at(rule.since)} title={moment(at(rule.since))}>{ago(at(rule.since))}</time>}</dd></div>
        <div><dt>Fires after</dt><dd>{rule.hold_seconds ? inUnit(rule.hold_seconds, "s") : "at once"}</dd></div>
        <div><dt>Severity</dt><dd>{rule.severity}, {rule.team}</dd></div>
        <div><dt>Goes to</dt><dd>{rule.receivers.join(", ") || "–"}</dd></div>
      </dl>
      {rule.reason && <p className="notice">{rule.reason}</p>}
      <div className="alert-rule">
        <p>Fires when {rule.fires_when}.</p>
        <p><Link to="/dashboards/$uid" params={{ uid: rule.dashboard }} search={{ panel: String(rule.panel) }}>Show its panel</Link></p>
      </div>
      {rule.instances.length > 0 && (
        <Table label="Where it fires" columns={["State", "Of", { name: "Value", isNumber: true }, "Since"]}>
          {rule.instances.map((each) => (
            <tr key={JSON.stringify(each.labels)}>
              <td><State state={each.state} /></td>
              <td className="cell-long">{each.summary || Object.entries(each.labels).map(([name, value]) => `${name} ${value}`).join(", ") || "All"}</td>
              <td className="number">{measured(rule, each.value)}</td>
              <td>{moment(at(each.since))}</td>
            </tr>
          ))}
        </Table>
      )}
      <NewSilence alert={rule.name} />
      <section className="block" aria-label="Runbook">
        {data.runbook ? <Answer text={data.runbook} citations={[]} isGrowing={false} onCite={() => undefined} /> : <p className="quiet">There is no runbook.</p>}
      </section>
    </>
  );
}

function Notifications() {
  const query = useQuery(notificationsQuery);
  return <Reading query={query}>{({ alerts }) => <NotificationList noted={alerts} />}</Reading>;
}

function NotificationList({ noted }: { noted: Schema<"AlertList">["alerts"] }) {
  const alerts = noted.filter(({ labels }) => labels["severity"] !== "none");
  if (!alerts.length) return <Empty title="No notifications" icon={<BellRing />}>What Alertmanager reports to the engine will be here.</Empty>;
  return (
    <Table label="Notifications" columns={["State", "Alert", "Began", "Ended"]}>
      {alerts.map((each) => (
        <tr key={`${each.fingerprint} ${each.starts_at}`} className="alert-line">
          <td><State state={each.status === "firing" ? "firing" : "inactive"} /></td>
          <td className="cell-long"><strong>{each.labels["alertname"] ?? "–"}</strong><div className="quiet">{each.annotations["summary"]}</div></td>
          <td>{moment(each.starts_at)}</td>
          <td>{each.ends_at ? moment(each.ends_at) : "–"}</td>
        </tr>
      ))}
    </Table>
  );
}

function Silences() {
  const query = useQuery(silencesQuery);
  return <Reading query={query}>{(list) => <SilenceList list={list} />}</Reading>;
}

function SilenceList({ list: data }: { list: Schema<"SilenceList"> }) {
  const client = useQueryClient();
  const { may } = usePermissions();
  const ending = useMutation({
    mutationFn: (id: string) => send(`/v1/silences/${encodeURIComponent(id)}`, { method: "DELETE" }),
    onSettled: () => client.invalidateQueries({ queryKey: ["silences"] }),
  });
  if (!data.has_alertmanager) return <Empty title="There is no Alertmanager" icon={<BellOff />}>Silences are kept by an Alertmanager: VITAL_ALERTMANAGER_URL names one.</Empty>;
  const kept = data.silences.filter(({ state }) => state !== "expired");
  return (
    <>
      {ending.isError && <p className="fault" role="alert">{ending.error.message}</p>}
      {kept.length === 0 ? <Empty title="No silences" icon={<BellOff />}>Open an alert to silence it for a while.</Empty> : (
        <Table label="Silences" columns={["Alerts", "Comment", "By", "Ends", ACTIONS]}>
          {kept.map((each) => (
            <tr key={each.id}>
              <td className="cell-name">{each.matchers.map(({ name, value, is_equal, is_regex }) => `${name}${is_regex ? (is_equal ? "=~" : "!~") : is_equal ? "=" : "!="}${value}`).join(", ")}</td>
              <td className="cell-long">{each.comment}</td>
              <td>{each.created_by}</td>
              <td title={moment(each.ends_at)}>{until(each.ends_at)}</td>
              <td>{may("admin") && <IconButton label={`End the silence of ${each.matchers.map(({ value }) => value).join(", ")}`} disabled={ending.isPending} onClick={() => ending.mutate(each.id)}><Trash2 aria-hidden /></IconButton>}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

const HOURS: Record<string, string> = { "1": "1 hour", "4": "4 hours", "24": "1 day", "168": "1 week" };

function NewSilence({ alert }: { alert: string }) {
  const client = useQueryClient();
  const { may } = usePermissions();
  const { data } = useQuery(silencesQuery);
  const [hours, setHours] = useState("1");
  const [comment, setComment] = useState("");
  const making = useMutation({
    mutationFn: () => send("/v1/silences", { method: "POST", body: { labels: { alertname: alert }, hours: Number(hours), comment } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["silences"] }),
  });
  if (!data?.has_alertmanager || !may("admin")) return null;
  const current = data.silences.find(({ state, matchers }) => state === "active" && matchers.some(({ name, value }) => name === "alertname" && value === alert));
  if (current) return <p className="notice notice-wait" role="status">Silenced {until(current.ends_at).replace("in ", "for another ")}: {current.comment}</p>;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    making.mutate();
  };
  return (
    <form className="silence-form block" aria-label="Silence" onSubmit={submit}>
      <Field label="Silence for"><select value={hours} onChange={({ target }) => setHours(target.value)}>{Object.entries(HOURS).map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select></Field>
      <Field label="Because"><input required maxLength={512} value={comment} onChange={({ target }) => setComment(target.value)} /></Field>
      <Button type="submit" disabled={making.isPending}><BellOff aria-hidden /> Silence</Button>
      {making.isError && <p className="fault" role="alert">{making.error.message}</p>}
    </form>
  );
}
