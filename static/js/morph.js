// Makes a part of the page like another with as few touches as can be. What is the same in both stays the node that it
// is, with its focus, its selection and where it is scrolled to.

// What scripts and people set, and the server does not know.
const KEPT = new Set(["open", "aria-current"]);

// Returns the elements that say something new. What is marked as kept is a script's own.
export function morph(old, fresh, touched = new Set()) {
  if ("kept" in old.dataset) return touched;
  attributes(old, fresh, touched);
  children(old, fresh, touched);
  return touched;
}

function attributes(old, fresh, touched) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value || KEPT.has(name)) continue;
    old.setAttribute(name, value);
    if (name === "data-seq") touched.add(old);
  }
}

function children(old, fresh, touched) {
  if ([...old.children, ...fresh.children].some(key)) [old, fresh].forEach(dropBlanks);
  const wanted = [...fresh.childNodes];
  const known = new Map([...old.children].filter(key).map((one) => [key(one), one]));
  const stays = new Set(wanted.map(key));
  for (const [name, one] of known) if (!stays.has(name)) one.remove();
  let place = old.firstChild;
  for (const one of wanted) {
    const match = key(one) ? known.get(key(one)) : likeness(place, one);
    if (match?.nodeName !== one.nodeName) touched.add(old.insertBefore(document.importNode(one, true), place));
    else if (match === place) place = place.nextSibling;
    else old.insertBefore(match, place);
    if (match?.nodeName === one.nodeName && !match.isEqualNode(one)) same(match, one, touched);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function same(old, fresh, touched) {
  if (old.nodeType === Node.ELEMENT_NODE) return morph(old, fresh, touched);
  old.data = fresh.data;
  touched.add(old.parentElement);
}

const key = (node) => node.id || node.dataset?.id;

// Between blocks, where it shows nowhere.
function dropBlanks(block) {
  for (const one of [...block.childNodes]) if (one.nodeType === Node.TEXT_NODE && !one.data.trim()) one.remove();
}

// The node, from ``place`` on, that is to become this one: its equal, else what stands where it is to stand.
function likeness(place, wanted) {
  for (let one = place; one; one = one.nextSibling) if (!key(one) && one.isEqualNode(wanted)) return one;
  return place && !key(place) ? place : null;
}
