/** Copying text. */

/** Copy text, also where the page is served over plain HTTP and the browser offers no `navigator.clipboard`. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const put = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
  };
  document.addEventListener("copy", put, { once: true });
  try {
    if (!document.execCommand("copy")) throw new Error("The browser does not allow copying here: select the text instead.");
  } finally {
    document.removeEventListener("copy", put);
  }
}
