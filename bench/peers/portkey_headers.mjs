// Lets Portkey's gateway stream with Node 20: it adds headers to those of an answer of fetch, which may not be changed.
const ask = globalThis.fetch;
globalThis.fetch = async (...given) => {
  const { body, status, statusText, headers } = await ask(...given);
  return new Response(body, { status, statusText, headers: new Headers(headers) });
};
