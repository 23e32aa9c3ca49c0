"use strict";
// All text from the server becomes text nodes: nothing of it is ever read as HTML.
const $ = (selector, root = document) => root.querySelector(selector);
const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
const percent = (share) => `${Math.round(share * 100)} %`;
const seconds = (number) => (number < 0.9995 ? `${Math.round(number * 1000)} ms` : `${number.toFixed(1)} s`);
const say = (text, bad = false) => { $("#status").textContent = text; $("#status").classList.toggle("bad", bad); };
// The key stays in this tab, and is gone with it.
const call = (path, { headers = {}, ...rest } = {}) => {
  const key = $("#key").validity.valid ? $("#key").value : "";
  return fetch(path, { ...rest, headers: key ? { ...headers, Authorization: `Bearer ${key}` } : headers });
};
let session = null;
let current = null;

class Turn {
  constructor(question) {
    this.root = document.importNode($("#turn").content, true).firstElementChild;
    $("h2", this.root).textContent = question;
    $(".answer", this.root).setAttribute("aria-busy", "true");
    $("#turns").prepend(this.root);
    Object.assign(this, { text: "", ends: [], citations: new Map(), nodes: new Map(), run: null, seq: 0, active: true, origin: null });
    this.draw();
  }
  on(event) {
    if (event.seq <= this.seq) return;
    [this.run, this.seq] = [event.run_id, event.seq];
    const handle = this[event.type];
    if (handle) handle.call(this, event);
  }
  run_started() { this.origin ??= performance.now(); }
  node_started({ node }) { this.nodes.set(node, { start: this.now(), status: "running" }); say(`Working on ${node.replaceAll("_", " ")} …`); }
  node_finished({ node, status, duration_seconds: took }) {
    const known = this.nodes.get(node) ?? { start: Math.max(0, this.now() - took) };
    this.nodes.set(node, { ...known, status, end: known.start + took });
  }
  token({ seq, text }) { this.text += text; this.ends.push([seq, this.text.length]); }
  citation({ seq, citation }) { this.citations.set(citation.number, { ...citation, seq }); }
  warning({ seq, warning }) { $(".warnings", this.root).append(this.mark(make("li", "", warning.message), seq)); }
  // Another worker has gone on with the run: what came from this number on does not count.
  superseded({ from_seq: first }) {
    this.ends = this.ends.filter(([seq]) => seq < first);
    this.text = this.text.slice(0, this.ends.at(-1)?.[1] ?? 0);
    for (const [number, { seq }] of this.citations) if (seq >= first) this.citations.delete(number);
    for (const line of this.root.querySelectorAll("[data-seq]")) if (Number(line.dataset.seq) >= first) line.remove();
  }
  mark(line, seq) { line.dataset.seq = seq; return line; }
  node_yielded({ seq, node, value }) {
    const line = this.mark(make("li", "", `${node}: ${typeof value === "string" ? value : JSON.stringify(value)}`), seq);
    $(".yielded", this.root).hidden = false;
    $(".yielded ul", this.root).append(line);
  }
  tool_finished({ seq, result }) {
    const line = this.mark(make("li", "", `${result.name}: `), seq);
    line.append(make("span", "", result.content || result.error || result.status));
    $(".tools", this.root).hidden = false;
    $(".tools ul", this.root).append(line);
  }
  run_paused({ output }) {
    $(".calls", this.root).replaceChildren(...output.suggested_tools.map((call) => {
      const [group, label, given] = [make("div", "call"), make("label"), JSON.stringify(call.arguments)];
      const box = Object.assign(make("input"), { type: "checkbox", checked: true, value: call.id });
      label.append(box, ` ${call.name} — ${call.reason} ($${call.cost_dollars})`);
      const values = Object.assign(make("textarea", "arguments"), { value: given, defaultValue: given, rows: 2 });
      const reason = Object.assign(make("input", "reason"), { placeholder: "Reason against it", maxLength: 500, hidden: true });
      values.setAttribute("aria-label", `Arguments of ${call.name}, as JSON`);
      reason.setAttribute("aria-label", `Reason against ${call.name}`);
      box.addEventListener("change", () => { values.hidden = !box.checked; reason.hidden = box.checked; });
      group.append(label, values, reason);
      return group;
    }));
    $(".inputs", this.root).replaceChildren(...output.required_input.map(({ name, value, answer_schema: schema }) => {
      const label = make("label", "", `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
      const field = Object.assign(make("textarea"), { name, required: true, title: `The answer fits ${JSON.stringify(schema)}` });
      field.dataset.text = schema.type === "string" ? "yes" : "";
      label.append(field);
      return label;
    }));
    const [tools, inputs] = [output.suggested_tools.length > 0, output.required_input.length > 0];
    $(".tools-asked", this.root).hidden = !tools;
    $(".input-asked", this.root).hidden = !inputs;
    $(".approval button[value=none]", this.root).hidden = !tools;
    $(".approval", this.root).hidden = false;
    $(".approval :is(input, textarea)", this.root)?.focus();
    this.end(inputs ? "This waits for your input." : "The tools wait for your approval.");
  }
  run_finished({ output }) {
    this.text = output.response || outcome(output);
    for (const citation of output.citations) this.citations.set(citation.number, citation);
    for (const { node, status, start_seconds: start, end_seconds: end } of output.timings.nodes) this.nodes.set(node, { status, start, end });
    if (output.session_id) session = output.session_id;
    const { timings, cost, tokens } = output;
    const first = timings.time_to_first_token_seconds;
    $(".facts", this.root).textContent = [
      seconds(timings.total_seconds), first === null ? "" : `first word after ${seconds(first)}`, `$${cost.total}`,
      tokens.total ? `${tokens.total} tokens` : "", output.is_assessed ? `quality ${percent(output.quality_score)}` : "",
      output.groundedness === null ? "" : `${percent(output.groundedness)} backed by sources`,
      output.answer_probability === null || output.degradation_reasons.includes("no_sources") ? ""
        : `answers the question: ${percent(output.answer_probability)} likely`,
      output.model ?? "",
    ].filter(Boolean).join(" · ");
    this.end(`Answered in ${seconds(timings.total_seconds)}.`);
  }
  run_failed({ message }) { this.end(message, true); }
  now() { return (performance.now() - (this.origin ?? performance.now())) / 1000; }
  end(words, bad = false) {
    this.active = false;
    this.ended = this.now();
    $(".answer", this.root).setAttribute("aria-busy", "false");
    say(words, bad);
    this.paint();
  }
  draw() { this.paint(); if (this.active) requestAnimationFrame(() => this.draw()); }
  paint() {
    this.paintAnswer();
    this.paintNodes();
  }
  paintAnswer() {
    const key = `${this.text}\n${this.citations.size}`;
    if (key === this.painted) return;
    this.painted = key;
    $(".answer", this.root).replaceChildren(...this.text.split(/(\[\d+\])/).map((part) => {
      const citation = this.citations.get(Number(/^\[(\d+)\]$/.exec(part)?.[1]));
      if (!citation) return document.createTextNode(part);
      const button = Object.assign(make("button", "cite", part), { type: "button", title: `${citation.title}: “${citation.quote}”` });
      button.setAttribute("aria-label", `Source ${citation.number}: ${citation.title}`);
      button.addEventListener("click", () => this.show(citation.number));
      return button;
    }));
    const cited = [...this.citations.values()].sort((one, other) => one.number - other.number);
    $(".sources", this.root).hidden = cited.length === 0;
    $(".sources ol", this.root).replaceChildren(...cited.map((citation) => {
      const item = Object.assign(make("li", "", citation.title), { value: citation.number, tabIndex: -1 });
      item.append(citation.section ? ` — ${citation.section}` : "", ` (${citation.uri})`, make("blockquote", "", citation.quote));
      return item;
    }));
  }
  show(number) {
    $(".sources", this.root).open = true;
    for (const item of this.root.querySelectorAll(".sources li")) {
      item.classList.toggle("shown", item.value === number);
      if (item.value === number) item.focus();
    }
  }
  paintNodes() {
    const total = Math.max(this.active ? this.now() : 0, ...[...this.nodes.values()].map((node) => node.end ?? 0), 0.001);
    const list = $(".nodes ul", this.root);
    let row = list.firstElementChild;
    for (const [name, { start, end = total, status }] of this.nodes) {
      if (status === "skipped") continue;
      if (!row) {
        row = make("li");
        const track = make("span", "track");
        track.append(make("span", "bar"));
        row.append(make("span", "name"), track, make("span", "time"));
        list.append(row);
      }
      row.className = status;
      row.title = `${name}: ${status}`;
      $(".name", row).textContent = name.replaceAll("_", " ");
      $(".time", row).textContent = seconds(end - start);
      Object.assign($(".bar", row).style, { left: `${(100 * start) / total}%`, width: `${(100 * (end - start)) / total}%` });
      row = row.nextElementSibling;
    }
    while (row) { const next = row.nextElementSibling; row.remove(); row = next; }
  }
}

/** The result of a workflow that makes no response, or else its values. */
function outcome({ result, values }) {
  const made = result ?? (Object.keys(values).length ? values : null);
  return made === null ? "" : JSON.stringify(made, null, 2);
}

async function problem(response) {
  const text = await response.text();
  try { return JSON.parse(text).detail; } catch { return `The engine answered ${response.status}.`; }
}

async function read(turn, response) {
  if (!response.ok) throw new Error(await problem(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) turn.on(JSON.parse(data.slice(6)));
    }
  }
}

// A load balancer, or an engine that starts or stops, has answered: another try may succeed.
class Unavailable extends TypeError {}
const UNAVAILABLE = [502, 503, 504];
const MAX_SILENCE_MS = 120_000;

// Reads on after the last event that came, with longer and longer waits while nothing comes.
async function readOn(turn) {
  let [wait, since, seen] = [250, performance.now(), turn.seq];
  while (turn.active) {
    await new Promise((resolve) => { setTimeout(resolve, wait * (0.75 + Math.random() / 2)); });
    try {
      const response = await call(`/v1/runs/${turn.run}/events`, { headers: { "Last-Event-ID": String(turn.seq) } });
      if (UNAVAILABLE.includes(response.status)) throw new Unavailable();
      await read(turn, response);
    } catch (error) { if (!(error instanceof TypeError)) throw error; }
    if (turn.seq > seen) [wait, since, seen] = [250, performance.now(), turn.seq];
    else if (performance.now() - since > MAX_SILENCE_MS) throw new Error("The connection to the engine is lost.");
    else {
      wait = Math.min(2 * wait, 5_000);
      if (turn.active) say("The connection is lost; trying again …");
    }
  }
}

// Follows a run to its end or pause, over lost connections and from one worker to the next.
async function follow(turn, path, body) {
  busy(turn);
  const headers = { Accept: "text/event-stream", "Content-Type": "application/json" };
  try {
    await read(turn, await call(path, { method: "POST", headers, body: JSON.stringify(body) })).catch((error) => {
      if (turn.run === null || !(error instanceof TypeError)) throw error;
    });
    if (turn.active && turn.run) await readOn(turn);
    if (turn.active) throw new Error("The connection to the engine is lost.");
  } catch (error) {
    turn.end(error instanceof TypeError ? "The engine does not answer." : error.message, true);
  }
  busy(null);
}

function busy(turn) {
  current = turn;
  $("#send").disabled = turn !== null;
  $("#stop").hidden = turn === null;
}

function approve(turn, event) {
  event.preventDefault();
  const form = $(".approval", turn.root);
  const none = event.submitter?.value === "none";
  const [approved, edited, denied, answers] = [[], {}, {}, {}];
  try {
    for (const group of form.querySelectorAll(".call")) {
      const [box, values, reason] = ["input[type=checkbox]", ".arguments", ".reason"].map((part) => $(part, group));
      if (none || !box.checked) { if (reason.value.trim()) denied[box.value] = reason.value.trim(); }
      else if (values.value === values.defaultValue) approved.push(box.value);
      else edited[box.value] = JSON.parse(values.value);
    }
    for (const { name, value, dataset } of form.querySelectorAll(".inputs textarea")) answers[name] = dataset.text ? value : JSON.parse(value);
  } catch (error) { return say(`This is no JSON: ${error.message}.`, true); }
  const seen = turn.seq;
  form.hidden = true;
  $(".answer", turn.root).setAttribute("aria-busy", "true");
  turn.origin += performance.now() - turn.origin - 1000 * turn.ended; // the wait does not count
  turn.active = true;
  turn.draw();
  const done = follow(turn, `/v1/runs/${turn.run}/resume`, { approved, edited, denied, answers, user_id: "page" });
  return done.then(() => { if (turn.seq === seen) form.hidden = false; }); // refused: it waits on
}

$("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const [query, mode, agent, tenant] = ["query", "mode", "agent", "tenant"].map((id) => $(`#${id}`).value);
  const body = { query, mode, agent_id: agent, tenant_id: tenant, user_id: "page" };
  if (mode >= "3" && session) body.session_id = session;
  const turn = new Turn(query);
  $(".approval", turn.root).addEventListener("submit", (submitted) => approve(turn, submitted));
  follow(turn, "/v1/runs", body);
});
$("#query").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !$("#send").disabled) { event.preventDefault(); $("#ask").requestSubmit(); }
});
$("#stop").addEventListener("click", () => { if (current?.run) call(`/v1/runs/${current.run}`, { method: "DELETE" }); });
for (const id of ["mode", "tenant"]) $(`#${id}`).addEventListener("change", () => { session = null; });
$("#tenant").addEventListener("change", agents);
$("#key").addEventListener("change", () => { sessionStorage.setItem("key", $("#key").value); session = null; agents(); });
$("#key").value = sessionStorage.getItem("key") ?? "";

let unlisted = ""; // the reason why the agents could not be listed, which a list takes away, and no other message
async function agents() {
  const response = await call("/v1/agents", { headers: { "X-Tenant-ID": $("#tenant").value } });
  if (!response.ok) return say(unlisted = await problem(response), true);
  const found = (await response.json()).agents.map(({ profile }) => profile);
  if ($("#status").textContent === unlisted) say("");
  const chosen = $("#agent").value;
  $("#agent").replaceChildren(...found.map(({ id, name, description }) => Object.assign(make("option", "", name), { value: id, title: description })));
  if (found.some(({ id }) => id === chosen)) $("#agent").value = chosen;
}
agents();
