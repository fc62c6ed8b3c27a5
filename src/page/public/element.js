/* global document */

/** The element of that id: the page has them all. */
export const byId = (id) => document.getElementById(id);

/** A new element; children are elements or text, and text stays text whatever it says. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export const clock = (at) =>
  new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

/** Appends to a list that is not allowed to grow for ever, and keeps the end in view. */
export function append(list, item, limit) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  while (list.childElementCount > limit) list.firstElementChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}
