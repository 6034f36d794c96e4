// Requests to the server that sent this page.

const here = new URL(".", document.baseURI);

/** Return the address of something on the server, with a query. */
export function address(path, query = {}) {
  const url = new URL(path, here);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** Return JSON of the server; throw an Error with its sentence if it refuses. */
export async function ask(path, query, signal) {
  const answer = await fetch(address(path, query), { signal });
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error || `the server answered ${answer.status}`);
  return document;
}
