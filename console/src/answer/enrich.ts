/** Code and formulas, set once their libraries are loaded: most answers hold neither. */

import DOMPurify from "dompurify";

import { nextTask } from "../ui/tasks";

/** Code of more characters than this is shown without colours: they would take the page's time. */
const HIGHLIGHTED_CHARACTERS = 20_000;

export async function enrich(root: HTMLElement): Promise<void> {
  await Promise.all([highlight(root), typeset(root)]);
}

async function highlight(root: HTMLElement): Promise<void> {
  const blocks = [...root.querySelectorAll<HTMLElement>('pre code[class*="language-"]:not([data-set])')];
  if (!blocks.length) return;
  const { default: highlighter } = await import("highlight.js/lib/common");
  for (const block of blocks) {
    const language = /language-([\w+-]+)/.exec(block.className)?.[1] ?? "";
    block.dataset.set = "yes";
    const code = block.textContent ?? "";
    if (!highlighter.getLanguage(language) || code.length > HIGHLIGHTED_CHARACTERS) continue;
    await nextTask();
    const { value } = highlighter.highlight(code, { language, ignoreIllegals: true });
    block.innerHTML = DOMPurify.sanitize(value, { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] });
  }
}

async function typeset(root: HTMLElement): Promise<void> {
  const places = [...root.querySelectorAll<HTMLElement>(".math:not([data-set])")];
  if (!places.length) return;
  const { default: katex } = await import("katex");
  for (const place of places) {
    place.dataset.set = "yes";
    await nextTask();
    // MathML alone: KaTeX's HTML would need inline styles, which the policy forbids.
    const html = katex.renderToString(place.dataset.tex ?? "", {
      output: "mathml",
      displayMode: place.dataset.display === "yes",
      throwOnError: false,
      trust: false,
      strict: "ignore",
      maxExpand: 200,
      maxSize: 20,
    });
    place.innerHTML = DOMPurify.sanitize(html, { USE_PROFILES: { mathMl: true }, FORBID_ATTR: ["style", "href"] });
  }
}
