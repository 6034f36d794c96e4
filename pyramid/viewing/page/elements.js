// Elements of the page. Text is only ever set as text.

/** Return an element with properties, and children that are elements or text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return a labelled row of inputs. */
export function row(text, ...inputs) {
  return make("label", { className: "row" }, make("span", {}, text), ...inputs);
}

/** Show a sentence at the foot of the page. */
export function say(text, isError = false) {
  const status = document.getElementById("status");
  status.textContent = text;
  status.classList.toggle("error", isError);
}

// Children of a node that are shown at first, and characters of a value.
const MOST_CHILDREN = 200;
const MOST_CHARACTERS = 500;

/** Return any JSON as a tree whose branches are filled when they are opened. */
export function tree(value, name = "") {
  if (value === null || typeof value !== "object") {
    const text = String(value);
    const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
    return make("li", {}, make("strong", {}, name), name ? ": " : "", shown);
  }
  const entries = Object.entries(value);
  const list = make("ul");
  const details = make("details", {}, make("summary", {}, `${name} (${entries.length})`), list);
  details.addEventListener("toggle", () => {
    if (list.childElementCount || !details.open) return;
    list.append(...entries.slice(0, MOST_CHILDREN).map(([key, inner]) => tree(inner, key)));
    if (entries.length > MOST_CHILDREN) list.append(make("li", {}, `${entries.length - MOST_CHILDREN} more`));
  });
  return make("li", {}, details);
}
