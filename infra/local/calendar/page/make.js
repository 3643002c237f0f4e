// Makes elements. Text only ever becomes text nodes: whatever a title holds, it is shown, never read as markup.

/** An element; of `props`, "on…" are listeners, "data" is the dataset, booleans are present or absent. */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked") element[name] = value;
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A link only where following it can do no harm: conferences' addresses come from strangers. */
export function link(address, text = address) {
  const safe = /^(https?:\/\/|tel:|sips?:|mailto:)/i.test(address);
  return safe ? make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text) : make("span", {}, text);
}

let fading = 0;

/** Tell what happened; bad news stays longer. */
export function say(text, bad = false) {
  const said = byId("said");
  said.textContent = text;
  said.classList.toggle("bad", bad);
  clearTimeout(fading);
  fading = setTimeout(() => { said.textContent = ""; }, bad ? 12000 : 4000);
}
