"""Visible faults of a page: too wide, overlapping text, stacked characters, invisible links, reversed text."""

from typing import Final

from playwright.sync_api import Page

_FAULTS: Final = r"""() => {
    const main = document.querySelector("main"), found = [];
    const unseen = /[\s\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000-\u001f]/g;
    const short = (text) => JSON.stringify(text.trim().slice(0, 40));
    for (const [name, part] of [["the page", document.documentElement], ["its main part", main]])
        if (part.scrollWidth > part.clientWidth + 1) found.push(`${name} is ${part.scrollWidth} px wide`);
    for (const part of main.querySelectorAll("a, button"))
        if (part.checkVisibility() && !part.getAttribute("aria-label") && !part.textContent.replace(unseen, ""))
            found.push(`nothing is seen of ${part.outerHTML.slice(0, 80)}`);
    const boxes = [], walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, parent = node.parentElement;
        if (!node.textContent.replace(unseen, "") || !parent.checkVisibility({ visibilityProperty: true })) continue;
        if (parent.closest(".sr-only, select, svg, .katex, textarea, .composer")) continue;
        if (node.textContent.includes("\u202e"))
            for (let each = node; each !== main; each = each.parentElement) {
                if (each.nextSibling?.textContent.replace(unseen, "")) found.push(`${short(node.textContent)} turns around what follows`);
                const style = getComputedStyle(each.parentElement);
                if (style.display !== "inline" || style.unicodeBidi !== "normal") break;
            }
        if (/\p{M}{10}/u.test(node.textContent)) {
            let each = parent;
            while (each !== main && !each.matches(".turns") && getComputedStyle(each).overflowY === "visible") each = each.parentElement;
            if (each === main || each.matches(".turns"))
                found.push(`${short(node.textContent)} in ${parent.outerHTML.slice(0, 60)} stands over what is above and below it`);
        }
        const clip = { left: -1e9, right: 1e9, top: -1e9, bottom: 1e9 };
        for (let each = parent; each; each = each.parentElement) {
            if (getComputedStyle(each).overflowX === "visible") continue;
            const { left, right, top, bottom } = each.getBoundingClientRect();
            clip.left = Math.max(clip.left, left); clip.right = Math.min(clip.right, right);
            clip.top = Math.max(clip.top, top); clip.bottom = Math.min(clip.bottom, bottom);
        }
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const rect of range.getClientRects()) {
            const box = { left: Math.max(rect.left, clip.left), right: Math.min(rect.right, clip.right), top: Math.max(rect.top, clip.top), bottom: Math.min(rect.bottom, clip.bottom), node };
            if (box.right - box.left > 2 && box.bottom - box.top > 4) boxes.push(box);
        }
    }
    boxes.sort((one, other) => one.top - other.top);
    boxes.forEach((one, place) => {
        for (const other of boxes.slice(place + 1)) {
            if (other.top > one.bottom - 4) break;
            if (other.node !== one.node && Math.min(one.right, other.right) - Math.max(one.left, other.left) > 2)
                found.push(`${short(one.node.textContent)} and ${short(other.node.textContent)} lie upon each other`);
        }
    });
    return [...new Set(found)].slice(0, 10);
}"""


def page_faults(page: Page) -> list[str]:
    """Return the visible faults of the main part of a page, in words."""
    faults: list[str] = page.evaluate(_FAULTS)
    return faults
