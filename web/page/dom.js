// What both pages need of the document and of the server.

export const $ = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

export function setText(e, text) { if (e.textContent !== text) e.textContent = text; }

/// A line in the place of what cannot be shown; empty: nothing is amiss.
export function say(text) {
  $('message').textContent = text;
  $('message').hidden = !text;
}

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `${response.status} ${response.statusText}`);
  }
  return response.json();
}
