// A unit is a tile at the same place in every panel. Its weights come as levels of a colour scale; each part's picture is
// made once and drawn at the size of the panel, and marks lie above it. Text is only ever set as text.
const LEVELS = 255
const GAP = 4
const LABEL = 15
const STRIP = { least: 4, most: 26, all: 380, bias: 10, label: 44, words: 11 }
const LARGEST = 132
const LENS = 84
const SMOOTH = 3
const HINT = "Point at a unit to read its numbers, or move from one to the next with the arrow keys."
const CHOICE_HINT = `${HINT} Click it, or press Enter, to choose it.`
const boards = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles")
  if (!root || !data) return
  if (!boards.has(root)) boards.set(root, new Board(root))
  boards.get(root).receive(data, unit => setTriggerValue("choose", unit))
}

class Board {
  constructor(root) {
    const find = name => root.querySelector(`.${name}`)
    Object.assign(this, { root, find, board: find("board"), words: find("words"), panels: [], pointed: -1, wide: 0 })
    new ResizeObserver(() => this.header && this.wide !== root.clientWidth && this.draw()).observe(root)
    this.board.addEventListener("keydown", event => this.key(event))
    this.board.addEventListener("pointermove", event => this.point(this.at(event)))
    this.board.addEventListener("pointerleave", () => this.point(-1))
    this.board.addEventListener("click", event => this.choose(this.at(event)))
    this.board.addEventListener("focus", () => this.board.matches(":focus-visible") && this.point(this.start()))
    this.board.addEventListener("blur", () => this.point(-1))
  }

  receive(data, send) {
    this.send = send
    if (this.data && isSame(this.data, data)) return
    this.data = data.slice()
    const length = new DataView(this.data.buffer).getUint32(0, true)
    this.header = JSON.parse(new TextDecoder().decode(this.data.subarray(4, 4 + length)))
    this.cut(this.data.subarray(4 + length))
    this.build()
    this.draw()
    if (this.pointed >= this.header.units.length) this.pointed = -1
    this.point(this.pointed, true)
  }

  // The parts in order, then the biases of each, all of one unit after the other.
  cut(bytes) {
    const { units, rows, columns, parts, biased } = this.header
    const size = units.length * rows * columns
    const colours = ramp(this.header.colours, this.header.odd)
    this.colours = colours
    this.pictures = []
    this.biases = []
    for (let part = 0; part < parts; part += 1) {
      const levels = bytes.subarray(part * size, (part + 1) * size)
      this.pictures.push(units.length ? picture(levels, columns, rows * units.length, colours) : null)
      const start = parts * size + part * units.length
      if (biased) this.biases.push(bytes.subarray(start, start + units.length))
    }
  }

  build() {
    const { header, board } = this
    board.setAttribute("aria-label", `${header.label}. Arrow keys move from unit to unit${header.chooses ? ", Enter chooses one" : ""}.`)
    board.classList.toggle("single", header.panels.length === 1)
    board.classList.toggle("chooses", header.chooses)
    this.find("scales").replaceChildren(...header.scales.map(one => scale(one, header.colours)))
    if (this.panels.length !== header.panels.length) {
      this.panels = header.panels.map(() => new Panel())
      board.replaceChildren(...this.panels.map(panel => panel.root))
    }
    this.panels.forEach((panel, place) => panel.name(header.panels[place].title))
    const lens = this.find("lens")
    const wanted = header.magnified ? header.parts : 0
    if (lens.children.length !== wanted) lens.replaceChildren(...Array.from({ length: wanted }, () => element("canvas", "")))
    this.find("detail").classList.toggle("magnified", header.magnified)
  }

  draw() {
    this.wide = this.root.clientWidth
    this.panels.forEach((panel, place) => panel.draw(this, this.header.panels[place].parts))
    this.mark()
  }

  at(event) {
    const sheet = event.target.closest?.(".sheet")
    const panel = this.panels.find(one => one.sheet === sheet)
    if (!panel) return -1
    const box = sheet.getBoundingClientRect()
    return panel.place(event.clientX - box.left, event.clientY - box.top, this.header.units.length)
  }

  start() {
    if (this.pointed >= 0) return this.pointed
    return Math.max(this.header.units.indexOf(this.header.chosen), 0)
  }

  point(place, isNew = false) {
    if (!this.header || (place === this.pointed && !isNew)) return
    this.pointed = place
    this.tell()
    this.mark()
  }

  tell() {
    const { header, words } = this
    const chosen = header.units.indexOf(header.chosen)
    const place = this.pointed >= 0 ? this.pointed : chosen
    if (place >= 0) {
      const name = element("b", "")
      name.textContent = header.names[place]
      words.replaceChildren(name, document.createTextNode(header.said[place]))
    } else {
      words.textContent = header.chooses ? CHOICE_HINT : HINT
    }
    this.find("lens").hidden = place < 0
    for (const [part, canvas] of [...this.find("lens").children].entries()) this.magnify(canvas, part, place)
  }

  magnify(canvas, part, place) {
    const { rows, columns } = this.header
    const ratio = devicePixelRatio || 1
    Object.assign(canvas, { width: LENS * ratio, height: LENS * ratio })
    if (place < 0) return
    const side = LENS * ratio
    const high = (side * rows) / Math.max(rows, columns)
    const wide = (side * columns) / Math.max(rows, columns)
    const context = canvas.getContext("2d")
    context.imageSmoothingEnabled = false
    context.drawImage(this.pictures[part], 0, place * rows, columns, rows, 0, 0, wide, high)
  }

  mark() {
    const chosen = this.header.units.indexOf(this.header.chosen)
    for (const panel of this.panels) panel.mark(chosen, this.pointed)
  }

  choose(place) {
    if (place >= 0 && this.header.chooses) this.send(this.header.units[place])
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.header.units.length) return
    const { across } = this.panels[0]
    const last = this.header.units.length - 1
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }
    const places = { Home: 0, End: last }
    const chooses = event.key === "Enter" || event.key === " "
    if (!(event.key in steps || event.key in places || chooses)) return
    event.preventDefault()
    event.stopPropagation()
    if (chooses) return event.repeat || this.choose(this.start())
    const here = this.start()
    const next = this.pointed < 0 ? here : places[event.key] ?? here + steps[event.key]
    if (next >= 0 && next <= last) this.point(next)
  }
}

class Panel {
  constructor() {
    this.root = element("div", "panel")
    this.title = element("p", "title")
    this.sheet = element("div", "sheet")
    this.canvas = element("canvas", "")
    this.marks = { chosen: element("i", "mark chosen"), pointed: element("i", "mark pointed") }
    this.sheet.append(this.canvas, this.marks.chosen, this.marks.pointed)
    this.root.append(this.title, this.sheet)
  }

  name(text) {
    this.title.textContent = text
  }

  measure(header, parts, wide) {
    const { rows, columns, slots, biased, labels } = header
    const label = labels ? LABEL : 0
    if (header.strips) {
      const bias = (biased ? STRIP.bias + 2 : 0) + (labels ? STRIP.label : 0)
      const tall = Math.min(Math.max(Math.floor(STRIP.all / slots), STRIP.least), STRIP.most)
      const gap = tall > 8 ? 2 : 0
      Object.assign(this, { across: 1, gapX: 0, gapY: gap, wide: wide - bias, tall: tall - gap, bias: 0 })
      Object.assign(this, { cellX: wide, cellY: tall - gap })
    } else {
      const gap = header.least ? 2.5 * GAP : GAP
      const asked = header.least ? Math.max(Math.floor((wide + gap) / header.least), 1) : header.across
      const room = (wide + gap) / asked - gap
      const each = Math.min((room - (parts - 1) * 2) / parts, LARGEST)
      const tall = (each * rows) / columns
      const bias = biased ? Math.max(Math.round(tall * 0.08), 3) : 0
      Object.assign(this, { across: asked, gapX: gap, gapY: GAP, wide: each, tall, bias })
      Object.assign(this, { cellX: parts * each + (parts - 1) * 2, cellY: tall + bias + label })
    }
    this.down = Math.ceil(slots / this.across)
    this.high = this.down * (this.cellY + this.gapY) - this.gapY
  }

  draw(board, parts) {
    const { header } = board
    const wide = this.sheet.clientWidth
    if (!wide) return
    this.measure(header, parts.length, wide)
    const ratio = devicePixelRatio || 1
    const { canvas } = this
    Object.assign(canvas, { width: Math.round(wide * ratio), height: Math.round(this.high * ratio) })
    canvas.style.height = `${this.high}px`
    const context = canvas.getContext("2d")
    context.scale(ratio, ratio)
    context.imageSmoothingEnabled = !header.strips && (this.wide * ratio) / header.columns < SMOOTH
    context.imageSmoothingQuality = "high"
    header.units.forEach((_, place) => {
      const [x, y] = this.corner(place)
      parts.forEach((part, index) => this.unit(context, board, { part, place, x: x + index * (this.wide + 2), y }))
      if (header.labels && parts.includes(header.parts - 1)) this.label(context, header, place, x, y)
      if (header.flagged[place]) flag(context, header.theme, x + this.cellX, y)
    })
  }

  unit(context, board, { part, place, x, y }) {
    const { rows, columns, strips } = board.header
    context.drawImage(board.pictures[part], 0, place * rows, columns, rows, x, y, this.wide, this.tall)
    const bias = board.biases[part]
    if (!bias) return
    context.fillStyle = css(board.colours, bias[place])
    if (strips) context.fillRect(x + this.wide + 2, y, STRIP.bias, this.tall)
    else context.fillRect(x, y + this.tall + 1, this.wide, this.bias - 1)
  }

  label(context, header, place, x, y) {
    context.fillStyle = header.theme.text
    context.font = `11px ${getComputedStyle(this.sheet).fontFamily}`
    if (header.strips) {
      Object.assign(context, { textAlign: "right", textBaseline: "middle" })
      if (this.cellY >= STRIP.words) context.fillText(header.labels[place], x + this.cellX, y + this.cellY / 2)
      return
    }
    Object.assign(context, { textAlign: "center", textBaseline: "bottom" })
    context.fillText(header.labels[place], x + this.cellX / 2, y + this.cellY)
  }

  corner(place) {
    const column = place % this.across
    return [column * (this.cellX + this.gapX), ((place - column) / this.across) * (this.cellY + this.gapY)]
  }

  place(x, y, units) {
    const column = Math.floor(x / (this.cellX + this.gapX))
    const place = Math.floor(y / (this.cellY + this.gapY)) * this.across + column
    return column >= 0 && column < this.across && place >= 0 && place < units ? place : -1
  }

  mark(chosen, pointed) {
    if (!this.cellX) return
    for (const [name, place] of Object.entries({ chosen, pointed })) {
      const mark = this.marks[name]
      mark.hidden = place < 0
      if (place < 0) continue
      const [x, y] = this.corner(place)
      const box = { left: x, top: y, width: this.cellX, height: this.cellY }
      for (const [side, value] of Object.entries(box)) mark.style[side] = `${value}px`
    }
  }
}

// The colour of each level: those that are given, and between two of them a mixture.
function ramp(given, odd) {
  const stops = given.map(channels)
  const colours = new Uint8ClampedArray(4 * 256)
  for (let level = 0; level < LEVELS; level += 1) {
    const at = (level / (LEVELS - 1)) * (stops.length - 1)
    const low = Math.min(Math.floor(at), stops.length - 2)
    const mixed = stops[low].map((value, index) => value + (at - low) * (stops[low + 1][index] - value))
    colours.set([...mixed, 255], 4 * level)
  }
  colours.set([...channels(odd), 255], 4 * LEVELS)
  return colours
}

function channels(colour) {
  return [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
}

function css(colours, level) {
  return `rgb(${colours[4 * level]} ${colours[4 * level + 1]} ${colours[4 * level + 2]})`
}

function picture(levels, wide, high, colours) {
  const made = Object.assign(document.createElement("canvas"), { width: wide, height: high })
  const context = made.getContext("2d")
  const image = context.createImageData(wide, high)
  levels.forEach((level, place) => image.data.set(colours.subarray(4 * level, 4 * level + 4), 4 * place))
  context.putImageData(image, 0, 0)
  return made
}

function flag(context, theme, right, top) {
  context.fillStyle = theme.text
  context.strokeStyle = theme.background
  context.beginPath()
  context.moveTo(right - 9, top)
  context.lineTo(right, top)
  context.lineTo(right, top + 9)
  context.closePath()
  context.fill()
  context.stroke()
}

function scale({ name, ends }, colours) {
  const made = element("div", "scale")
  const bar = element("i", "bar")
  const words = element("div", "ends")
  const title = element("span", "")
  title.textContent = name
  bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`
  for (const end of ends) words.append(Object.assign(element("span", ""), { textContent: end }))
  made.append(title, bar, words)
  return made
}

function element(tag, className) {
  const made = document.createElement(tag)
  made.className = className
  return made
}

function isSame(one, other) {
  return one.length === other.length && one.every((value, place) => value === other[place])
}
