// A map of images. Newer data waits until what is being drawn stands, and only the newest waits.
import createScatterplot from "regl-scatterplot"
import { fit, leave, shared } from "./drawing.mjs"
import { drawLegend } from "./legend.mjs"
import { Pictures } from "./pictures.mjs"
import { colouring, isSame, nearest, nearestTo, selectedRows, told, unpack } from "./points.mjs"
import { Thinning } from "./thinning.mjs"
import { listenToTouch } from "./touch.mjs"

const GLIDE = 300
const STALE = 2000
const REST = 150
const MARGIN = 1.06
const MOST_LOSSES = 3
const MOST_RINGS = 40
const FAINT = 0.3
const LINK = "mnist-lab-map-image"
const NO_WEBGL = "This browser has no WebGL with float textures; a plain chart comes instead."
const LOST = "The browser took the drawing away; it is being drawn again."
const LOST_FOR_GOOD = "The browser cannot keep the drawing; reload the page to see the map."
const MODES = { pan: ["panZoom", "freeform"], lasso: ["lasso", "freeform"], rectangle: ["lasso", "rectangle"] }
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }
const ZOOMS = { "+": 0.8, "=": 0.8, "-": 1.25 }
const maps = new WeakMap()

export function receive(root, header, bytes, component) {
  if (!maps.has(root)) maps.set(root, new ImageMap(root))
  root.end = () => maps.get(root).end()
  maps.get(root).receive(header, bytes, component)
}

class ImageMap {
  constructor(root) {
    const find = name => root.querySelector(`.${name}`)
    Object.assign(this, { root, find, area: find("plot"), canvas: find("points"), tip: find("tip"), trouble: find("trouble") })
    Object.assign(this, { hidden: new Set(), hiddenRight: new Set(), chosen: [], active: -1, linked: -1, marked: -1, losses: 0, mode: "pan" })
    this.pictures = new Pictures(find("pictures"), () => this.decorate())
    this.thinning = new Thinning(this)
    this.onLink = event => this.follow(event.detail)
    for (const mode of Object.keys(MODES)) find(mode).onclick = () => this.choose(mode)
    find("home").onclick = () => this.home()
    this.area.onkeydown = event => this.key(event)
    this.area.onblur = () => this.point(-1)
    this.canvas.addEventListener("mousedown", () => {
      this.isDragging = true
      this.point(-1)
      window.addEventListener("mouseup", () => { this.isDragging = false }, { once: true })
    })
    listenToTouch(this)
  }

  receive(header, bytes, { setTriggerValue, setStateValue }) {
    const text = JSON.stringify(header)
    Object.assign(this, { setTriggerValue, setStateValue })
    if (this.plot && text === this.text && isSame(bytes, this.bytes)) return
    const before = this.received
    Object.assign(this, { text, bytes, received: unpack(header, bytes) })
    if (String(before?.header.hidden) !== String(header.hidden)) this.hidden = new Set(header.hidden)
    const isOld = before && performance.now() - this.sentAt < STALE && String(before.selected) === String(this.received.selected)
    this.keepsChoice = isOld && isSame(before.ids, this.received.ids)
    this.area.setAttribute("aria-label", spoken(header))
    if (!this.plot) this.start()
    this.wanted = this.received
    this.pump()
  }

  start() {
    if (this.isWithout) return
    this.measure()
    const renderer = shared(this)
    if (!renderer) {
      this.isWithout = true
      this.say(NO_WEBGL)
      this.setStateValue("webgl", false)
      return
    }
    fit()
    const { theme } = this.received.header
    const plot = createScatterplot({
      renderer,
      canvas: this.canvas,
      syncEvents: true,
      backgroundColor: theme.background,
      lassoColor: theme.text,
      lassoInitiatorParentElement: this.area,
      lassoLongPressIndicatorParentElement: this.area,
      actionKeyMap: { lasso: "shift", merge: "ctrl", remove: "alt" },
      deselectOnEscape: false,
      colorBy: "valueA",
      opacityInactiveMax: 0.18,
      pointOutlineWidth: 0,
      pointSizeSelected: 1.5,
    })
    Object.assign(this, { plot, points: null, drawn: Promise.resolve(), turn: {} })
    plot.subscribe("select", ({ points }) => this.send([...points]))
    plot.subscribe("deselect", () => this.send([]))
    plot.subscribe("pointover", row => this.isDragging || this.point(row))
    plot.subscribe("pointout", () => this.point(-1))
    plot.subscribe("drawing", () => this.decorate())
    plot.subscribe("lassoStart", () => this.thinning.end())
    plot.subscribe("view", () => {
      this.isHome = this.seesAll()
      this.thinning.moved()
      this.lookSoon()
    })
    this.choose(this.mode)
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(this.area)
    window.addEventListener(LINK, this.onLink)
  }

  end() {
    const { plot, drawn } = this
    if (!plot) return
    this.observer.disconnect()
    window.removeEventListener(LINK, this.onLink)
    clearTimeout(this.asking)
    this.asking = null
    this.thinning.forget()
    this.link(null)
    Object.assign(this, { plot: null, wanted: null, isBusy: false, view: plot.get("cameraView") })
    const rest = new Promise(resolve => setTimeout(resolve, 1000))
    Promise.race([drawn, rest]).catch(() => {}).then(() => {
      plot.destroy()
      if (!this.plot) leave(this)
    })
  }

  lose() {
    this.losses += 1
    this.say(this.losses > MOST_LOSSES ? LOST_FOR_GOOD : LOST)
    this.observer?.disconnect()
    window.removeEventListener(LINK, this.onLink)
    this.thinning.forget()
    if (this.plot) this.view = [...this.plot.get("cameraView")]
    this.plot?.destroy()
    Object.assign(this, { plot: null, isBusy: false })
  }

  restore() {
    if (this.losses > MOST_LOSSES || this.plot || !this.root.isConnected) return
    this.start()
    if (!this.plot) return
    this.say("")
    this.wanted = this.received
    this.pump()
  }

  say(text) {
    this.trouble.textContent = text
    this.trouble.hidden = !text
  }

  async pump() {
    if (this.isBusy || !this.plot) return
    const { turn } = this
    this.isBusy = true
    while (turn === this.turn && this.plot && this.wanted) {
      const points = this.wanted
      this.wanted = null
      this.drawn = this.show(points)
      await this.drawn
    }
    if (turn === this.turn) this.isBusy = false
  }

  show(points) {
    const before = this.points
    const { header } = points
    const isSameFrame = before?.header.frame === header.frame
    const isSameImages = before && isSame(before.ids, points.ids)
    const moves = isSameImages && isSameFrame && !(isSame(before.px, points.px) && isSame(before.py, points.py))
    if (!isSameImages) Object.assign(this, { rows: null, active: -1, linked: -1 })
    this.tip.hidden &&= this.active < 0
    Object.assign(this, { points }, colouring(points))
    if (!this.keepsChoice) this.chosen = selectedRows(points)
    this.keepsChoice = false
    this.marked = header.marked === null ? -1 : points.ids.indexOf(header.marked)
    this.pictures.from(header.images)
    this.dress()
    drawLegend(this)
    if (!isSameFrame) this.home(before ? null : this.view)
    this.count()
    if (this.active >= 0) this.tell()
    return this.draw(moves ? this.pace() : 0, before)
  }

  draw(duration, before) {
    const { points, plot } = this
    const shown = this.shownRows()
    this.thinning.forget()
    if (duration) this.glide = { px: before.px, py: before.py, start: null, duration }
    const options = { zDataType: "categorical", select: this.chosen, transition: duration > 0, transitionDuration: duration }
    if (shown) options.filter = shown
    return plot.draw({ x: points.px, y: points.py, valueA: this.of }, options).catch(() => {}).then(() => {
      this.glide = null
      if (plot === this.plot) this.decorate()
    })
  }

  // Glides end before the next map comes, so that playing does not fall behind.
  pace() {
    const now = performance.now()
    const since = now - (this.movedAt ?? -Infinity)
    this.movedAt = now
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : Math.min(GLIDE, 0.7 * since)
  }

  dress() {
    const { n, header } = this.points
    const { colours, order } = this
    const size = n > 30000 ? 2 : n > 12000 ? 2.6 : n > 3000 ? 3.6 : n > 800 ? 5 : 7
    this.plot.set({
      pointColor: colours,
      pointColorActive: colours,
      pointColorHover: colours,
      backgroundColor: header.theme.background,
      lassoColor: header.theme.text,
      pointSize: size,
      opacity: n > 3000 ? 0.8 : 0.9,
      pointOrder: order,
    })
    this.root.style.setProperty("--primary", header.theme.text)
  }

  isShown = row => {
    const { header, labels, predicted } = this.points
    const { kind } = header.legend
    if (kind === "scale") return true
    if (kind === "right") return !this.hiddenRight.has(this.of[row])
    return !this.hidden.has((header.colourBy === "predicted class" && predicted ? predicted : labels)[row])
  }

  shownRows() {
    const { kind } = this.points.header.legend
    const off = kind === "right" ? this.hiddenRight : this.hidden
    if (kind === "scale" || !off.size) return null
    return Array.from({ length: this.points.n }, (_, row) => row).filter(this.isShown)
  }

  toggle(entry) {
    const off = this.points.header.legend.kind === "right" ? this.hiddenRight : this.hidden
    if (!off.delete(entry)) off.add(entry)
    drawLegend(this)
    this.wanted ??= this.points
    this.pump()
  }

  choose(mode) {
    const [mouseMode, lassoType] = MODES[mode]
    this.mode = mode
    for (const one of Object.keys(MODES)) this.find(one).setAttribute("aria-pressed", String(one === mode))
    this.area.classList.toggle("draws", mode !== "pan")
    this.plot?.set({ mouseMode, lassoType })
  }

  // One image is pointed at, not selected: what is selected stays, and the page says which image is marked.
  mark(row) {
    const { plot, chosen } = this
    if (chosen.length) plot.select(chosen, { preventEvent: true })
    else plot.deselect({ preventEvent: true })
    this.marked = row
    this.decorate()
    this.setTriggerValue("select", [this.points.ids[row]])
  }

  send(rows) {
    if (rows.length === 1) return this.mark(rows[0])
    this.chosen = rows
    this.sentAt = performance.now()
    this.count()
    this.decorate()
    this.setTriggerValue("select", rows.map(row => this.points.ids[row]))
  }

  // What is seen

  measure() {
    const box = this.area.getBoundingClientRect()
    Object.assign(this, { wide: Math.max(this.area.clientWidth || box.width, 1), high: Math.max(this.area.clientHeight || box.height, 1) })
  }

  resize() {
    this.measure()
    fit()
    this.plot?.redraw()
    if (this.isHome) this.home()
  }

  get distance() {
    const [x, y] = this.points.reach
    return MARGIN * Math.max(y, x / (this.wide / this.high))
  }

  seesAll() {
    const view = this.plot.get("cameraView")
    return Math.abs(view[0] * this.distance - 1) < 1e-3 && Math.abs(view[12]) + Math.abs(view[13]) < 1e-3
  }

  home(view = null) {
    if (!this.plot) return
    this.isHome = !view
    if (view) this.plot.view([...view])
    else this.look([0, 0], this.distance)
  }

  look(target, distance) {
    this.plot.zoomToLocation(target, distance)
  }

  get camera() {
    const view = this.plot.get("cameraView")
    return { target: [-view[12] / view[0], -view[13] / view[0]], distance: 1 / view[0] }
  }

  // Where a row is on the screen, also while it glides.
  at(row, view = this.plot.get("cameraView")) {
    const { px, py } = this.points
    let [x, y] = [px[row], py[row]]
    if (this.glide) {
      const part = this.progress()
      x = this.glide.px[row] + (x - this.glide.px[row]) * part
      y = this.glide.py[row] + (y - this.glide.py[row]) * part
    }
    const { wide, high } = this
    return [(wide + (view[0] * x + view[12]) * high) / 2, (high - (view[5] * y + view[13]) * high) / 2]
  }

  progress() {
    this.glide.start ??= performance.now()
    const part = Math.min((performance.now() - this.glide.start) / this.glide.duration, 1)
    return part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2
  }

  decorate() {
    const { plot, points, pictures } = this
    if (!plot || !points) return
    const { theme } = points.header
    const view = plot.get("cameraView")
    const rows = this.pictured(view)
    const few = this.chosen.length <= MOST_RINGS && !rows.length ? this.chosen : []
    const isBlank = !rows.length && !few.length && this.linked < 0 && this.active < 0 && this.marked < 0
    if (isBlank && this.isBlank) return
    this.isBlank = isBlank
    pictures.clear(this.wide, this.high)
    const size = rows.length > 120 ? 20 : rows.length > 40 ? 28 : 40
    const chosen = new Set(this.chosen)
    for (const row of rows) {
      const isFaint = chosen.size > 0 && !chosen.has(row)
      pictures.draw(points.ids[row], this.at(row, view), this.colours[this.of[row]], size, isFaint ? FAINT : 1)
    }
    if (rows.some(row => !pictures.held.has(points.ids[row]))) this.askSoon()
    const radius = rows.length ? size * 0.75 : 9
    for (const row of few) if (this.isShown(row)) pictures.ring(this.at(row, view), theme.text, theme.background, 6)
    for (const row of new Set([this.marked, this.linked, this.active])) {
      if (row < 0 || !this.isShown(row)) continue
      if (!rows.length) pictures.dot(this.at(row, view), this.colours[this.of[row]], radius)
      pictures.ring(this.at(row, view), theme.text, theme.background, radius)
    }
    if (this.active >= 0) this.lay()
  }

  // Whoever has zoomed or moved past all points is told so, once the map rests.
  lookSoon() {
    clearTimeout(this.looking)
    this.looking = setTimeout(() => {
      if (!this.plot || !this.points) return
      const view = this.plot.get("cameraView")
      this.isEmpty = this.points.n > 0 && !this.anyInSight(view)
      if (!this.pictured(view).length) this.count()
    }, REST)
  }

  askSoon() {
    this.asking ??= setTimeout(() => {
      this.asking = null
      if (this.plot) this.pictures.ask(this.pictured(this.plot.get("cameraView")).map(row => this.points.ids[row]))
    }, REST)
  }

  // The rows whose images are drawn: all in sight, else the selected ones in sight, if they are few.
  pictured(view) {
    const { points, chosen } = this
    const most = points.header.pictures
    if (!most || !points.header.images) return []
    const rows = this.inSight(Array.from({ length: points.n }, (_, row) => row), view)
    const few = rows.length <= most ? rows : this.inSight(chosen, view)
    this.count(rows.length <= most || (few.length && few.length <= most) ? 0 : rows.length)
    return few.length <= most ? few : []
  }

  inSight(rows, view) {
    return rows.filter(row => this.isInSight(row, view))
  }

  anyInSight(view) {
    for (let row = 0; row < this.points.n; row++) if (this.isInSight(row, view)) return true
    return false
  }

  isInSight(row, view) {
    const [x, y] = this.at(row, view)
    return x > 0 && y > 0 && x < this.wide && y < this.high && this.isShown(row)
  }

  count(tooMany = 0) {
    const { n, header } = this.points
    const many = number => number.toLocaleString("en-US")
    const said = [`${many(n)} image${n === 1 ? "" : "s"}`]
    if (this.chosen.length) said.push(`${many(this.chosen.length)} selected`)
    if (this.isEmpty) said.push("none in sight")
    if (tooMany) said.push(`zoom in until ${header.pictures} are in sight to see them`)
    const text = said.join(", ")
    const place = this.find("counts")
    if (place.textContent !== text) Object.assign(place, { textContent: text, title: text })
  }

  // The image that is pointed at

  point(row, isAloud = false) {
    if (row === this.active) return
    this.active = row
    if (row < 0) this.tip.hidden = true
    else this.tell(isAloud)
    this.link(row < 0 ? null : this.points.ids[row])
    this.decorate()
  }

  tell(isAloud = false) {
    const { points, active, tip, pictures } = this
    const lines = told(points, active)
    const name = document.createElement("b")
    name.textContent = `image ${points.ids[active]}`
    tip.querySelector(".told").replaceChildren(name, ...lines.map(text => Object.assign(document.createElement("div"), { textContent: text })))
    tip.classList.toggle("bare", !points.header.images)
    if (points.header.images) tip.querySelector(".thumbnail").style.backgroundImage = `url("${pictures.address([points.ids[active]])}")`
    tip.hidden = false
    if (isAloud) this.find("aloud").textContent = `image ${points.ids[active]}: ${lines.join(", ")}`
    this.lay()
  }

  lay() {
    const { tip } = this
    const [x, y] = this.at(this.active)
    const left = x + 16 + tip.offsetWidth > this.wide ? x - 16 - tip.offsetWidth : x + 16
    const top = y + 12 + tip.offsetHeight > this.high ? y - 12 - tip.offsetHeight : y + 12
    const inside = (value, most) => Math.round(Math.max(Math.min(value, most), 0))
    tip.style.transform = `translate(${inside(left, this.wide - tip.offsetWidth)}px, ${inside(top, this.high - tip.offsetHeight)}px)`
  }

  link(image) {
    window.dispatchEvent(new CustomEvent(LINK, { detail: { image, from: this } }))
  }

  follow({ image, from }) {
    if (from === this || !this.points) return
    this.rows ??= new Map(Array.from(this.points.ids, (id, row) => [id, row]))
    const row = image === null ? -1 : this.rows.get(image) ?? -1
    if (row === this.linked) return
    this.linked = row
    this.decorate()
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !this.plot || !this.points) return
    const does = {
      Enter: () => this.active >= 0 && this.plot.select([this.active]),
      0: () => this.home(),
      Home: () => this.home(),
    }
    for (const [name, step] of Object.entries(STEPS)) does[name] = () => this.step(step)
    for (const [name, factor] of Object.entries(ZOOMS)) does[name] = () => this.look(this.camera.target, this.camera.distance * factor)
    if (!(event.key in does)) return
    event.preventDefault()
    event.stopPropagation()
    if (event.key !== "Enter" || !event.repeat) does[event.key]()
  }

  step(direction) {
    const { points, active, camera } = this
    const next = active < 0 ? nearestTo(points, this.isShown, camera.target) : nearest(points, this.isShown, active, direction)
    if (next < 0) return
    const [x, y] = this.at(next)
    if (x < 0 || y < 0 || x > this.wide || y > this.high) this.look([points.px[next], points.py[next]], camera.distance)
    this.point(next, true)
  }
}

function spoken({ n, label, colourBy }) {
  const keys = "The arrow keys move from image to image, Enter selects the image, plus and minus zoom, 0 shows the whole map."
  return `${label}: ${n.toLocaleString("en-US")} images as points, coloured by ${colourBy}. ${keys}`
}
