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

markdown.renderer.rules.table_open = () => '<div class="table-scroll" tabindex="0"><table dir="auto">';
markdown.renderer.rules.table_close = () => "</table></div>";

// Each block has the direction of its own text.
for (const name of ["paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open"] as const) {
  const render = markdown.renderer.rules[name];
  markdown.renderer.rules[name] = (tokens, index, options, env, self) => {
    tokens[index]!.attrSet("dir", "auto");
    return render ? render(tokens, index, options, env, self) : self.renderToken(tokens, index, options);
  };
}

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
const ATTRIBUTES = ["href", "target", "rel", "class", "dir", "start", "tabindex", "type", "aria-label", "data-cite", "data-tex", "data-display"];

/** Render a text; a list at its beginning goes on from a number, where one is given. */
export function toHtml(text: string, citations: ReadonlySet<number>, goesOnAt: number | null): string {
  const env = { citations } satisfies Env;
  const tokens = markdown.parse(text, env);
  if (goesOnAt !== null && tokens[0]?.type === "ordered_list_open") tokens[0].attrSet("start", String(goesOnAt));
  const html = markdown.renderer.render(tokens, markdown.options, env);
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"), // the others are no addresses
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  });
}
