// Which colour means what: classes to switch off and on, or a scale with its ends. The other one keeps its place.
export function drawLegend(map) {
  const { legend } = map.points.header
  const place = map.find("legend")
  const isScale = legend.kind === "scale"
  if (!place.children.length) place.append(box("entries"), box("scale"))
  const [entries, scale] = place.children
  entries.classList.toggle("away", isScale)
  scale.classList.toggle("away", !isScale)
  entries.inert = isScale
  if (isScale) return drawScale(scale, legend)
  drawEntries(entries, legend, map)
}

function drawEntries(place, { kind, entries }, map) {
  place.setAttribute("role", "group")
  place.setAttribute("aria-label", "switch classes off and on")
  const off = kind === "right" ? map.hiddenRight : map.hidden
  const said = JSON.stringify(entries)
  if (place.dataset.said !== said) {
    place.dataset.said = said
    place.replaceChildren(...entries.map(([name, colour]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: `Switch ${name} off or on` })
      button.append(document.createElement("i"), name)
      button.style.setProperty("--colour", colour)
      return button
    }))
  }
  entries.forEach((_, at) => {
    const button = place.children[at]
    button.setAttribute("aria-pressed", String(!off.has(at)))
    button.onclick = () => map.toggle(at)
  })
}

function drawScale(place, { colours, ends, never }) {
  const bar = box("bar")
  bar.style.background = `linear-gradient(to right, ${colours.join()})`
  const [low, high] = ends.map(text => Object.assign(document.createElement("span"), { textContent: text }))
  place.replaceChildren(low, bar, high)
  if (!ends[0].startsWith("epoch")) return
  const none = box("never")
  none.append(document.createElement("i"), "never for good")
  none.firstChild.style.background = never
  place.append(none)
}

function box(className) {
  return Object.assign(document.createElement("div"), { className })
}
