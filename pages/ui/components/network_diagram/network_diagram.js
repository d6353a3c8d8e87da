// Puts the pieces of a network's picture, which Python draws, one after the other; they wrap as there is room.
const drawn = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const flow = parentElement.querySelector(".flow")
  if (!flow || !data) return
  const picture = data.pieces.join("")
  flow.setAttribute("aria-label", data.label)
  if (drawn.get(flow) === picture) return
  drawn.set(flow, picture)
  flow.innerHTML = picture
}
