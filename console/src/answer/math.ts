/** $…$ and $$…$$ as places for formulas, which KaTeX fills once it is loaded. The rules are Pandoc's. */

import MarkdownIt from "markdown-it";

export function math(markdown: InstanceType<typeof MarkdownIt>): void {
  const place = (tex: string, isBlock: boolean) =>
    `<span class="math" data-tex="${markdown.utils.escapeHtml(tex)}"${isBlock ? ' data-display="yes"' : ""}>${markdown.utils.escapeHtml(tex)}</span>`;

  markdown.inline.ruler.after("escape", "math", (state, silent) => {
    const text = state.src.slice(state.pos, state.posMax);
    const found = /^\$\$([^$]+?)\$\$/.exec(text) ?? /^\$(?=\S)((?:[^$\\\n]|\\.)*?[^\s\\])\$(?!\d)/.exec(text) ?? /^\\\((.+?)\\\)/.exec(text);
    if (!found) return false;
    if (!silent) {
      const token = state.push("math", "span", 0);
      token.content = found[1]!.trim();
      token.block = found[0].startsWith("$$");
    }
    state.pos += found[0].length;
    return true;
  });

  markdown.block.ruler.before("fence", "math_block", (state, start, end, silent) => {
    const lineAt = (index: number) => state.src.slice(state.bMarks[index]! + state.tShift[index]!, state.eMarks[index]!);
    if (!/^\$\$\s*$/.test(lineAt(start))) return false;
    let last = start + 1;
    while (last < end && !/^\$\$\s*$/.test(lineAt(last))) last++;
    if (last >= end) return false;
    if (silent) return true;
    const token = state.push("math", "span", 0);
    token.content = state.getLines(start + 1, last, 0, false).trim();
    token.block = true;
    state.line = last + 1;
    return true;
  });

  markdown.renderer.rules["math"] = (tokens, index) => place(tokens[index]!.content, tokens[index]!.block);
}
