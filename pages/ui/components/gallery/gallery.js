// Draws the cells anew when the data changes, keeping the focus; text is only ever set as text.
const SIZE = 56
const CHECK = "M2 8 L6 12 L12 3"
const CROSS = "M3 3 L11 11 M11 3 L3 11"
const FIRST_HINT = "Point at an image to read its numbers,\nor move from one to the next with the arrow keys."
const LABEL_HINT = "Point at an image to read its number."
const shownBefore = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".gallery")
  const cells = root.querySelector(".cells")
  const detail = root.querySelector(".detail")
  cells.setAttribute("aria-label", data.label)
  cells.classList.toggle("brief", data.brief)
  cells.classList.toggle("labels", data.items.length > 0 && data.items.every(item => !item.predicted))
  cells.style.setProperty("--columns", data.columns)
  root.classList.toggle("fixed", data.height > 0)
  root.style.setProperty("--height", `${data.height}px`)
  for (const [name, colour] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, colour)
  const told = JSON.stringify(data)
  if (shownBefore.get(root) !== told) {
    shownBefore.set(root, told)
    draw(root, cells, detail, data)
  }
  cells.onkeydown = event => move(event, cells)
}

function draw(root, cells, detail, data) {
  const wasFocused = [...cells.children].findIndex(cell => cell.matches(":focus"))
  detail.textContent = cells.classList.contains("labels") ? LABEL_HINT : FIRST_HINT
  detail.hidden = !data.items.length
  cells.replaceChildren(...data.items.map((item, index) => cell(item, index, data, detail)))
  const first = Math.min(Math.max(wasFocused, 0), data.items.length - 1)
  if (first >= 0) cells.children[first].tabIndex = 0
  if (wasFocused >= 0 && first >= 0) cells.children[first].focus()
  tellMissing(root, data.missing)
  if (data.sprite) loadSprite(root, cells, data)
}

function loadSprite(root, cells, data) {
  const image = new Image()
  image.onload = () => {
    if (root.dataset.sprite === data.sprite) cells.style.setProperty("--sprite", `url("${image.src}")`)
  }
  image.onerror = async () => {
    let text = "The images cannot be read now; reload the page to try again."
    try {
      const answer = await fetch(data.sprite)
      if (!answer.ok && (answer.headers.get("content-type") || "").startsWith("text/plain")) text = await answer.text()
    } catch {
      // The server is away: the sentence above says it.
    }
    if (root.dataset.sprite === data.sprite) tellMissing(root, text)
  }
  cells.style.removeProperty("--sprite")
  root.dataset.sprite = data.sprite
  image.src = data.sprite
}

function tellMissing(root, text) {
  const place = root.querySelector(".missing")
  place.textContent = text
  place.hidden = !text
}

function cell(item, index, data, detail) {
  const known = Boolean(item.predicted)
  const place = element("div", known ? `cell ${item.right ? "right" : "wrong"}` : "cell plain")
  place.setAttribute("role", "listitem")
  place.setAttribute("aria-label", spoken(item))
  place.tabIndex = -1
  const names = element("div", "names")
  names.append(name(item.true, "true"))
  if (known) names.append(name(`→ ${item.predicted}`, "predicted"))
  place.append(picture(item, index, data, known), names)
  if (known && item.p.length) place.append(bars(item, data))
  place.onpointerenter = () => tell(detail, item, data)
  place.onfocus = () => {
    for (const other of place.parentElement.children) other.tabIndex = other === place ? 0 : -1
    tell(detail, item, data)
  }
  return place
}

function picture(item, index, data, known) {
  const box = element("div", "picture")
  const frame = element("div", "image")
  const pixels = document.createElement("i")
  const column = index % data.spriteColumns
  const row = Math.floor(index / data.spriteColumns)
  pixels.style.backgroundImage = "var(--sprite)"
  pixels.style.backgroundSize = `${data.spriteColumns * SIZE}px ${data.spriteRows * SIZE}px`
  pixels.style.backgroundPosition = `${-column * SIZE}px ${-row * SIZE}px`
  frame.append(pixels)
  box.append(frame)
  if (known) box.append(drawing("sign", "0 0 14 14", [["", item.right ? CHECK : CROSS]]))
  return box
}

function bars(item, data) {
  const wide = 80 / item.p.length
  const gap = Math.min(1, wide / 4)
  const bar = (value, index) => {
    const high = Math.max(value * 15, value > 0.005 ? 0.75 : 0)
    return `M${(index * wide + gap / 2).toFixed(2)} 15.5 v${-high.toFixed(2)} h${(wide - gap).toFixed(2)} v${high.toFixed(2)} z`
  }
  const kind = index => {
    const called = (data.classes || [])[index] ?? String(index)
    return called === item.true ? "hit" : called === item.predicted ? "miss" : "other"
  }
  const paths = item.p.map((value, index) => [kind(index), bar(value, index)])
  return drawing("bars", "0 0 80 16", [["base", "M0 15.5 h80"], ...paths])
}

function drawing(kind, box, paths) {
  const space = "http://www.w3.org/2000/svg"
  const picture = document.createElementNS(space, "svg")
  picture.setAttribute("class", kind)
  picture.setAttribute("viewBox", box)
  picture.setAttribute("preserveAspectRatio", "none")
  picture.setAttribute("aria-hidden", "true")
  for (const [className, d] of paths) {
    const path = document.createElementNS(space, "path")
    path.setAttribute("class", className)
    path.setAttribute("d", d)
    picture.append(path)
  }
  return picture
}

function name(text, kind) {
  const place = element("div", `name ${kind}`)
  place.textContent = text
  place.title = text
  return place
}

function element(tag, className) {
  const made = document.createElement(tag)
  made.className = className
  return made
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`
}

function spoken(item) {
  const said = [`image ${item.image}: true ${item.true}`]
  if (item.predicted) said.push(`predicted ${item.predicted}`)
  if (item.predicted && item.p.length) said.push(percent(Math.max(...item.p)))
  if (item.note) said.push(item.note)
  return said.join(", ")
}

function tell(detail, item, data) {
  const first = element("b", "")
  first.textContent = `image ${item.image}`
  const parts = [`true ${item.true}`]
  if (item.predicted) parts.push(`predicted ${item.predicted}`)
  if (item.note) parts.push(item.note)
  const likely = item.p
    .map((value, index) => [value, (data.classes || [])[index] ?? String(index)])
    .sort((one, other) => other[0] - one[0])
    .slice(0, 3)
    .map(([value, called]) => `${called} ${percent(value)}`)
  const line = `: ${parts.join(", ")}`
  detail.replaceChildren(first, document.createTextNode(line))
  if (likely.length) detail.append(document.createElement("br"), document.createTextNode(`probabilities: ${likely.join(", ")}`))
}

function move(event, cells) {
  const all = [...cells.children]
  const here = all.findIndex(cell => cell === event.target)
  if (here < 0) return
  const wide = all.filter(cell => cell.offsetTop === all[0].offsetTop).length
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }
  const wanted = { Home: 0, End: all.length - 1 }[event.key] ?? (event.key in steps ? here + steps[event.key] : here)
  if (!(event.key in steps) && event.key !== "Home" && event.key !== "End") return
  event.preventDefault()
  event.stopPropagation()
  const next = all[wanted]
  if (!next || next === all[here]) return
  next.focus()
}
