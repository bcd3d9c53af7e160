// Builds elements.  Text becomes text nodes and values become attributes, so nothing
// that comes from a model, a hub or a file is ever read as HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: attributes, and listeners under names like `onClick`.  An attribute that is
 * null, undefined or false is left out; true stands without a value.  Children are elements,
 * texts, or lists of them; null and false are passed over. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (/^on[A-Z]/.test(name)) element.addEventListener(name.slice(2).toLowerCase(), value);
    else set(element, name, value);
  }
  return add(element, children);
}

function add(element, children) {
  for (const child of kept(children)) element.append(child); // too many for one call, it may be
  return element;
}

const kept = (children) => children.flat(Infinity).filter((child) => child != null && child !== false);

/** Change an attribute as h() would have set it. */
export function set(element, name, value) {
  if (value == null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : value);
}

/** Replace the text of an element only when it differs, so that a screen reader that
 * listens hears only what is new. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** Replace what is in an element only when `facts`, from which it is made, are others than
 * the last time: a reader's place in it is not lost for nothing. */
export function renew(element, facts, make) {
  const key = JSON.stringify(facts);
  if (element.facts !== key) fill(element, make());
  element.facts = key;
}

/** Make the children of `parent` be `wanted`, moving only those that are not in their place:
 * what stays keeps its focus and its scroll. */
export function arrange(parent, wanted) {
  const stay = new Set(wanted);
  for (const child of [...parent.children]) if (!stay.has(child)) child.remove();
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

// Lines of 2 units in a square of 24, drawn for this page.
const PATHS = {
  models: 'M12 3 20 7.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  chat: 'M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-8l-4 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM8 9h8M8 12h5',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  pause: 'M8 5v14M16 5v14',
  play: 'M8 5l11 7-11 7z',
  close: 'M6 6l12 12M18 6 6 18',
  remove: 'M5 7h14M10 4h4M7 7l1 13h8l1-13M10 11v5M14 11v5',
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20',
  send: 'M12 20V5M5.5 11 12 4.5l6.5 6.5',
  stop: 'M5.5 5.5h13v13h-13z',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  copy: 'M9 8h10v12H9zM5 15V4h10',
  again: 'M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  warn: 'M12 4 21 20H3zM12 10v4M12 17v.1',
  add: 'M12 5v14M5 12h14',
  tune: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  list: 'M4 6h16M4 12h16M4 18h10',
  chip: 'M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4',
  shield: 'M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6zM9 12l2 2 4-4',
  eject: 'M6 14l6-8 6 8zM6 19h12',
  offline: 'M4 4l16 16M8.5 15a5 5 0 0 1 4-1.5M5 11.5a10 10 0 0 1 4-2.300M13 9a10 10 0 0 1 6 2.5M12 19v.1',
};

/** A picture that says nothing which the text beside it does not say. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with a picture and a label; `kind` is one of Material's: filled, tonal,
 * outlined, text.  `icon` as kind shows the label to those who can't see only. */
export function button(kind, picture, label, onClick, attributes = {}) {
  const bare = kind.startsWith('icon');
  return h(
    'button',
    {
      type: 'button',
      class: `button ${kind}`,
      onClick,
      title: bare ? label : null,
      'aria-label': bare ? label : null,
      ...attributes,
    },
    picture && icon(picture),
    bare ? null : h('span', {}, label),
  );
}
