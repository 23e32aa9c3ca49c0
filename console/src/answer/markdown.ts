/** Markdown as HTML that can do nothing: no HTML of its own, no pictures, no styles, and sanitised on top. */

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

import { math } from "./math";

interface Env {
  citations: ReadonlySet<number>;
}

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false });
markdown.use(math);

// A picture would be fetched from wherever the answer says: it becomes a link.
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index]!;
  const address = String(token.attrGet("src") ?? "");
  const label = markdown.utils.escapeHtml(token.content || address);
  return /^https?:/i.test(address) ? link(markdown.utils.escapeHtml(address), label) : label;
};

markdown.renderer.rules.link_open = (tokens, index, options, _env, self) => {
  const token = tokens[index]!;
  token.attrSet("target", "_blank");
  token.attrSet("rel", "noopener noreferrer nofollow");
  return self.renderToken(tokens, index, options);
};

for (const name of ["th_open", "td_open"] as const) {
  markdown.renderer.rules[name] = (tokens, index, options, _env, self) => {
    const token = tokens[index]!;
    const style = token.attrs?.findIndex(([key]) => key === "style") ?? -1;
    if (style >= 0) {
      const align = String(token.attrs![style]![1]).replace("text-align:", "");
      token.attrs!.splice(style, 1); // the policy allows no inline styles
      token.attrJoin("class", `align-${align}`);
    }
    return self.renderToken(tokens, index, options);
  };
}

// What scrolls is reached by keyboard.
for (const name of ["fence", "code_block"] as const) {
  const render = markdown.renderer.rules[name]!;
  markdown.renderer.rules[name] = (...given) => render(...given).replace(/^<pre/, '<pre tabindex="0"');
}

markdown.renderer.rules.table_open = () => '<div class="table-scroll" tabindex="0"><table>';
markdown.renderer.rules.table_close = () => "</table></div>";

markdown.inline.ruler.before("link", "citation", (state, silent) => {
  const found = /^\[(\d{1,3})\](?![([])/.exec(state.src.slice(state.pos, state.pos + 6));
  const number = Number(found?.[1]);
  if (!found || !(state.env as unknown as Env).citations?.has(number)) return false;
  if (!silent) state.push("citation", "button", 0).content = String(number);
  state.pos += found[0].length;
  return true;
});

markdown.renderer.rules.citation = (tokens, index) => {
  const number = tokens[index]!.content;
  return `<button type="button" class="cite" data-cite="${number}" aria-label="Source ${number}">${number}</button>`;
};

const link = (address: string, label: string) =>
  `<a href="${address}" target="_blank" rel="noopener noreferrer nofollow">${label}</a>`;

const TAGS = [
  "a", "blockquote", "br", "button", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
  "hr", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ATTRIBUTES = ["href", "target", "rel", "class", "start", "tabindex", "type", "aria-label", "data-cite", "data-tex", "data-display"];

export function toHtml(text: string, citations: ReadonlySet<number>): string {
  const html = markdown.render(text, { citations } satisfies Env);
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"), // the others are no addresses
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  });
}

/** Cut a text that grows into blocks that stay as they are, and the last one, which may still change. */
export function toBlocks(text: string): string[] {
  const blocks: string[] = [];
  let block: string[] = [];
  let fence = "";
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,}|\$\$)/.exec(line)?.[1];
    if (mark) fence = fence ? (line.trim().startsWith(fence) ? "" : fence) : mark === "$$" && line.trim().length > 2 && line.trim().endsWith("$$") ? "" : mark;
    const isIndented = /^\s+\S/.test(line);
    if (!fence && !line.trim() && block.length) block.push(line);
    else if (!fence && !mark && block.at(-1)?.trim() === "" && line.trim() && !isIndented && !continuesList(block, line)) {
      blocks.push(block.join("\n"));
      block = [line];
    } else block.push(line);
  }
  return block.length ? [...blocks, block.join("\n")] : blocks;
}

const ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])\s/;
const continuesList = (block: string[], line: string) => ITEM.test(block[0] ?? "") && ITEM.test(line);
