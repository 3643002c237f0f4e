// Brings elements to what is wanted of them, touching nothing that is the same: no press is lost, no focus, no hover.

const signatures = new WeakMap();

/** Have `parent` hold exactly `wanted`, in order: {id, signature, build}. What is the same as before stays as it is. */
export function renew(parent, wanted) {
  const known = new Map([...parent.children].map((child) => [child.dataset.part, child]));
  const ids = new Set(wanted.map(({ id }) => id));
  for (const [id, child] of known) if (!ids.has(id)) child.remove();
  wanted.forEach((part, place) => {
    const old = known.get(part.id);
    const child = same(old, part);
    if (old && old !== child) old.replaceWith(child);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] || null);
  });
}

function same(child, { id, signature, build }) {
  if (child && signatures.get(child) === signature) return child;
  const fresh = build();
  fresh.dataset.part = id;
  signatures.set(fresh, signature);
  return fresh;
}
