// Cells stay when the data changes, and say something else; names and pictures change together, once the new sprite is
// there. Text is only ever set as text.
const SIZE = 56
const PATIENCE = 600
const LONG = 3000
const CHECK = "M2 8 L6 12 L12 3"
const CROSS = "M3 3 L11 11 M11 3 L3 11"
const LINES = ["base", "other", "hit", "miss"]
const HINT = "Point at an image to read its numbers,\nor move from one to the next with the arrow keys."
const CHOICE_HINT = "Point at an image to read its numbers, or move from one to the next with the arrow keys.\nClick it, or press Enter, to see more of it."
const LABEL_HINT = "Point at an image to read its number."
const UNREADABLE = "The images cannot be read now; reload the page to try again."
const galleries = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery")
  if (!root || !data) return
  if (!galleries.has(root)) galleries.set(root, new Gallery(root))
  galleries.get(root).receive(data, image => setTriggerValue("choose", image))
}

class Gallery {
  constructor(root) {
    const find = name => root.querySelector(`.${name}`)
    Object.assign(this, { root, list: find("cells"), detail: find("detail"), missing: find("missing") })
    Object.assign(this, { cells: [], items: [], sprite: "", asked: "", failure: null, told: null, patience: null })
    this.list.addEventListener("keydown", event => this.key(event))
    this.list.addEventListener("keyup", event => event.key === " " && this.at(event) >= 0 && event.preventDefault())
    this.list.addEventListener("click", event => this.choose(this.at(event)))
    this.list.addEventListener("pointerover", event => this.tell(this.at(event)))
    this.list.addEventListener("focusin", event => this.enter(this.at(event)))
  }

  at(event) {
    return this.cells.indexOf(event.target.closest(".cell"))
  }

  receive(data, send) {
    this.send = send
    const text = JSON.stringify(data)
    if (text === this.received) return
    Object.assign(this, { received: text, wanted: data })
    if (!data.sprite || data.sprite === this.sprite) this.asked = ""
    else if (data.sprite !== this.asked) this.load(data.sprite)
    if (!this.asked || !this.sprite) this.show()
    else this.patience ??= setTimeout(() => this.show(), PATIENCE)
  }

  load(address) {
    const image = new Image()
    Object.assign(this, { asked: address, failure: null })
    const isWanted = () => this.asked === address
    image.src = address
    image.decode().then(() => isWanted() && this.show(image), () => this.explain(address).then(
      text => isWanted() && this.show(null, text)
    ))
  }

  async explain(address) {
    try {
      const answer = await fetch(address)
      if (!answer.ok && (answer.headers.get("content-type") || "").startsWith("text/plain")) return await answer.text()
    } catch {
      // The server is away: the sentence says it.
    }
    return UNREADABLE
  }

  // What is wanted, with its pictures if they are here: the image is held, as the browser then has it at hand for all cells.
  show(image = null, failure = this.failure) {
    const data = this.wanted
    clearTimeout(this.patience)
    Object.assign(this, { patience: null, failure, image: image ?? this.image })
    if (image) Object.assign(this, { sprite: data.sprite, asked: "" })
    if (data.sprite !== this.sprite) this.sprite = ""
    this.list.style.setProperty("--sprite", this.sprite ? `url("${this.image.src}")` : "none")
    this.missing.textContent = (this.asked && failure) || data.missing
    this.missing.hidden = !this.missing.textContent
    this.draw(data)
  }

  draw(data) {
    const { root, list } = this
    const focused = this.cells.findIndex(cell => cell.matches(":focus"))
    const before = this.items[focused]
    const isNew = this.chooses !== data.chooses
    const style = { "--columns": data.columns, "--rows": data.spriteRows, "--wide": data.spriteColumns }
    Object.assign(this, { data, items: data.items, chooses: data.chooses })
    for (const [name, value] of Object.entries(style)) list.style.setProperty(name, value)
    for (const [name, colour] of Object.entries(data.colours)) root.style.setProperty(`--${name}`, colour)
    list.setAttribute("aria-label", data.label)
    list.setAttribute("role", data.chooses ? "group" : "list")
    list.classList.toggle("brief", data.brief)
    list.classList.toggle("labels", data.items.length > 0 && data.items.every(item => !item.predicted))
    root.classList.toggle("fixed", data.height > 0)
    root.style.setProperty("--height", `${data.height}px`)
    this.keep(isNew ? [] : this.cells.slice(0, data.items.length))
    data.items.forEach((item, index) => update(this.cells[index], item, data))
    this.settle(focused, before)
  }

  keep(cells) {
    const { data } = this
    const more = Array.from({ length: data.items.length - cells.length }, () => cell(data.chooses))
    for (const old of this.cells.slice(cells.length)) old.remove()
    this.list.append(...more)
    this.cells = [...cells, ...more]
  }

  // The focus stays with its image where that is still here, else with its place.
  settle(focused, before) {
    const { cells, items, detail } = this
    detail.hidden = !items.length
    if (!items.length) return
    const find = image => items.findIndex(item => item.image === image)
    const same = before ? find(before.image) : -1
    const entered = cells.findIndex(cell => cell.tabIndex === 0)
    const first = focused < 0 ? entered : same >= 0 ? same : Math.min(focused, items.length - 1)
    this.rove(Math.max(first, 0))
    if (focused >= 0 && !cells[first].matches(":focus")) cells[first].focus({ preventScroll: same < 0 })
    this.tell(find(this.told))
  }

  rove(index) {
    for (const cell of this.cells) if (cell.tabIndex === 0) cell.tabIndex = -1
    this.cells[index].tabIndex = 0
  }

  enter(index) {
    if (index < 0) return
    this.rove(index)
    this.tell(index)
  }

  choose(index) {
    if (index < 0 || !this.chooses) return
    const { image } = this.items[index]
    this.send(image)
    if (this.data.reveals) this.reveal(image, performance.now() + LONG)
  }

  // What tells more of the chosen image may lie below what is in sight.
  reveal(image, until) {
    const place = document.querySelector(`.st-key-${this.data.reveals}`)
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"
    if (place && this.data.chosen === image) place.scrollIntoView({ block: "nearest", behavior })
    else if (performance.now() < until) setTimeout(() => this.reveal(image, until), 100)
  }

  tell(index) {
    const { data, detail } = this
    const item = this.items[index]
    if (item) {
      this.told = item.image
      detail.replaceChildren(...told(item, data))
    } else if (!this.items.some(one => one.image === this.told)) {
      const labels = this.list.classList.contains("labels")
      detail.textContent = labels ? LABEL_HINT : data.chooses ? CHOICE_HINT : HINT
    }
  }

  key(event) {
    const here = this.at(event)
    if (here < 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const { cells } = this
    const wide = cells.filter(cell => cell.offsetTop === cells[0].offsetTop).length
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide }
    const places = { Home: 0, End: cells.length - 1 }
    const chooses = this.chooses && (event.key === "Enter" || event.key === " ")
    if (!(event.key in steps || event.key in places || chooses)) return
    event.preventDefault()
    event.stopPropagation()
    if (chooses) return event.repeat || this.choose(here)
    const next = cells[places[event.key] ?? here + steps[event.key]]
    if (next) next.focus()
  }
}

function cell(chooses) {
  const place = element(chooses ? "button" : "div", "cell")
  const picture = element("div", "picture")
  const frame = element("div", "image")
  const names = element("div", "names")
  frame.append(element("i", ""))
  picture.append(frame, drawing("sign", "0 0 14 14", [""]))
  names.append(element("div", "name true"), element("div", "name predicted"))
  place.append(picture, names, drawing("bars", "0 0 80 16", LINES))
  place.tabIndex = -1
  if (chooses) place.type = "button"
  else place.setAttribute("role", "listitem")
  return place
}

function update(place, item, data) {
  const is = JSON.stringify([item, data.chosen === item.image])
  if (place.said === is) return
  place.said = is
  const known = Boolean(item.predicted)
  place.className = `cell ${known ? (item.right ? "right" : "wrong") : "plain"}`
  place.setAttribute("aria-label", spoken(item))
  if (data.chooses) place.ariaPressed = String(data.chosen === item.image)
  const pixels = place.querySelector("i")
  const column = item.place % data.spriteColumns
  pixels.style.backgroundPosition = `${-column * SIZE}px ${(-(item.place - column) / data.spriteColumns) * SIZE}px`
  place.querySelector(".sign path").setAttribute("d", known ? (item.right ? CHECK : CROSS) : "")
  name(place.querySelector(".true"), item.true)
  name(place.querySelector(".predicted"), known ? `→ ${item.predicted}` : "")
  const lines = bars(known ? item : { ...item, p: [] }, data)
  for (const kind of LINES) place.querySelector(`.bars .${kind}`).setAttribute("d", lines[kind])
}

function name(place, text) {
  if (place.textContent === text) return
  place.textContent = text
  place.title = text
}

function bars(item, data) {
  const wide = 80 / item.p.length
  const gap = Math.min(1, wide / 4)
  const lines = { base: item.p.length ? "M0 15.5 h80" : "", other: "", hit: "", miss: "" }
  item.p.forEach((value, index) => {
    const high = Math.max(value * 15, value > 0.005 ? 0.75 : 0)
    const called = className(data, index)
    const kind = called === item.true ? "hit" : called === item.predicted ? "miss" : "other"
    if (high) lines[kind] += `M${(index * wide + gap / 2).toFixed(2)} 15.5v${-high.toFixed(2)}h${(wide - gap).toFixed(2)}V15.5z`
  })
  return lines
}

function drawing(kind, box, lines) {
  const space = "http://www.w3.org/2000/svg"
  const picture = document.createElementNS(space, "svg")
  picture.setAttribute("class", kind)
  picture.setAttribute("viewBox", box)
  picture.setAttribute("preserveAspectRatio", "none")
  picture.setAttribute("aria-hidden", "true")
  for (const line of lines) {
    const path = document.createElementNS(space, "path")
    path.setAttribute("class", line)
    picture.append(path)
  }
  return picture
}

function element(tag, className) {
  const made = document.createElement(tag)
  made.className = className
  return made
}

function className(data, index) {
  return (data.classes || [])[index] ?? String(index)
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

function told(item, data) {
  const first = element("b", "")
  first.textContent = `image ${item.image}`
  const parts = [`true ${item.true}`]
  if (item.predicted) parts.push(`predicted ${item.predicted}`)
  if (item.note) parts.push(item.note)
  const likely = item.p
    .map((value, index) => [value, className(data, index)])
    .sort((one, other) => other[0] - one[0])
    .slice(0, 3)
    .map(([value, called]) => `${called}: ${percent(value)}`)
  const lines = [first, document.createTextNode(`: ${parts.join(", ")}`)]
  if (likely.length) lines.push(element("br", ""), document.createTextNode(`probabilities: ${likely.join(", ")}`))
  return lines
}
