// The cursor moves here at once; the page follows one move at a time, and of those that wait only the latest is kept.
const PACES = [1, 2, 4]
const PATIENCE = 2000
const TRIES = 4
const FIRST_SPAN = 40
const TICKS = 60
const HIGH = 100
const SEGMENTS = ":has(> button[role=radio]), button[role=radio]"
const BUSY = ["running", "rerunRequested"]
const ROLES = "slider spinbutton scrollbar radio radiogroup combobox listbox textbox searchbox grid treegrid gridcell"
  + " tree tab tablist menu menubar menuitem menuitemradio menuitemcheckbox application dialog alertdialog"
const USES_KEYS = "input:not([type=checkbox]), textarea, select, audio, video, canvas[tabindex],"
  + ' [contenteditable]:not([contenteditable="false"]), '
  + ROLES.split(" ").map(name => `[role=${name}]:not(${SEGMENTS})`).join()
const USES_SPACE = "button, a, summary, input, [role=button], [role=link], [role=checkbox], [role=switch]"
const cursors = new WeakMap()
let pace = 2

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".cursor")
  if (!root || !data) return
  if (!cursors.has(root)) cursors.set(root, new Cursor(root))
  return cursors.get(root).receive(data, place => setTriggerValue("move", place))
}

class Cursor {
  constructor(root) {
    const find = name => root.querySelector(`.${name}`)
    Object.assign(this, { root, find, track: find("track"), plot: find("plot"), tip: find("tip") })
    Object.assign(this, { received: 0, isPlaying: false, isDragging: false, sent: null, wanted: null })
    this.onKey = event => this.key(event)
    const does = {
      first: () => this.take(this.data.epochs[0]),
      previous: () => this.take(this.beside(-1)),
      play: () => this.toggle(),
      next: () => this.take(this.beside(1)),
      last: () => this.take(this.last),
      pace: () => this.changePace(),
      live: () => this.toggleLive(),
    }
    for (const [name, act] of Object.entries(does)) {
      find(name).onclick = event => event.currentTarget.ariaDisabled === "true" || act()
    }
    find("buttons").onmousedown = event => this.keepKeys(event)
    this.track.onpointerdown = event => this.grab(event)
    this.track.onpointermove = event => this.point(event)
    this.track.onpointerup = this.track.onpointercancel = () => { this.isDragging = false }
    this.track.onpointerleave = () => { this.tip.hidden = true }
  }

  get last() {
    return this.data.epochs.at(-1)
  }

  // Streamlit may hand over newer data before it cleans up after older: only who received last may end the listening.
  receive(data, send) {
    const before = this.data
    const mine = ++this.received
    Object.assign(this, { data, send })
    if (before && !continues(before, data)) this.forget()
    this.listen()
    this.drawPicture()
    if (this.sent === null) this.follow()
    else if (this.sent === "live" ? data.live : data !== before && data.epoch === this.sent) this.hasAnswer = true
    this.draw()
    this.settle()
    return () => mine === this.received && this.unlisten()
  }

  listen() {
    if (this.observer) return
    document.addEventListener("keydown", this.onKey)
    this.observer = new MutationObserver(() => this.settle())
    if (app()) this.observer.observe(app(), { attributeFilter: ["data-test-script-state"] })
  }

  unlisten() {
    document.removeEventListener("keydown", this.onKey)
    this.observer?.disconnect()
    this.observer = null
    this.forget()
  }

  forget() {
    this.pause()
    clearTimeout(this.patience)
    Object.assign(this, { sent: null, wanted: null, isDragging: false })
  }

  follow() {
    Object.assign(this, { shown: this.data.epoch, isLive: this.data.live })
    this.draw()
  }

  move(asked) {
    const place = this.isLive && asked === this.last ? "live" : asked
    this.isLive = place === "live"
    this.shown = this.isLive ? this.last : place
    this.draw()
    if (this.sent !== null) this.wanted = place
    else if (place !== (this.data.live ? "live" : this.data.epoch)) this.request(place)
  }

  request(place, tries = TRIES) {
    Object.assign(this, { sent: place, wanted: null, hasAnswer: false, tries })
    this.patience = setTimeout(() => this.lose(), PATIENCE)
    this.send(place)
  }

  // A move is over when its epoch came back and the page has been run to its end, so that no run cuts off another.
  settle() {
    if (this.sent === null || !this.hasAnswer || isBusy()) return
    this.conclude()
    if (this.isPlaying) this.schedule()
  }

  conclude() {
    const { sent, wanted } = this
    clearTimeout(this.patience)
    Object.assign(this, { sent: null, wanted: null })
    if (wanted === null || wanted === sent) this.follow()
    else this.move(wanted)
  }

  lose() {
    if (this.wanted === null && isBusy()) {
      this.patience = setTimeout(() => this.lose(), PATIENCE / 4)
      return
    }
    if (this.wanted === null && this.tries > 1) return this.request(this.sent, this.tries - 1)
    if (this.wanted === null) this.pause()
    this.conclude()
  }

  take(place) {
    this.pause()
    this.move(place)
  }

  beside(step) {
    const { epochs } = this.data
    return epochs[Math.min(Math.max(epochs.indexOf(this.shown) + step, 0), epochs.length - 1)]
  }

  toggle() {
    if (this.isPlaying) return this.pause()
    this.isPlaying = true
    this.due = performance.now()
    if (this.shown === this.last) this.advance(this.data.epochs[0])
    else this.schedule()
    this.draw()
  }

  pause() {
    clearTimeout(this.timer)
    this.isPlaying = false
    if (this.data) this.draw()
  }

  schedule() {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.sent === null && this.advance(this.beside(1)), this.due - performance.now())
  }

  advance(place) {
    const late = performance.now() - this.due
    this.due += 1000 / pace + (late > 1000 / pace ? late : 0)
    const isEnd = place === this.last
    if (isEnd) this.pause()
    this.move(isEnd && this.data.active ? "live" : place)
    if (this.isPlaying && this.sent === null) this.schedule()
  }

  toggleLive() {
    this.pause()
    const wasLive = this.isLive
    this.isLive = false
    this.move(wasLive ? this.last : "live")
  }

  // After a click the keys are the cursor's, not those of the button, whose space would press it again.
  keepKeys(event) {
    event.preventDefault()
    this.track.focus({ preventScroll: true })
  }

  changePace() {
    pace = PACES[(PACES.indexOf(pace) + 1) % PACES.length]
    this.draw()
  }

  grab(event) {
    if (event.button !== 0 || this.data.epochs.length < 2) return
    this.track.setPointerCapture(event.pointerId)
    this.isDragging = true
    this.point(event)
  }

  point(event) {
    const box = this.plot.getBoundingClientRect()
    const wanted = this.start + (this.span * (event.clientX - box.left)) / box.width
    const { epochs } = this.data
    const nearest = epochs.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best))
    this.tell(nearest)
    if (this.isDragging && nearest !== this.shown) this.take(nearest)
  }

  tell(epoch) {
    const { tip, track } = this
    const middle = 8 + (this.at(epoch) / 100) * (track.clientWidth - 16)
    tip.textContent = this.spoken(epoch)
    tip.hidden = false
    const left = Math.min(Math.max(middle - tip.offsetWidth / 2, 0), track.clientWidth - tip.offsetWidth)
    tip.style.transform = `translateX(${left}px)`
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const { epochs } = this.data
    const isOnTrack = event.composedPath()[0] === this.track
    const far = Math.max(Math.round(epochs.length / 10), 1)
    const steps = { ArrowLeft: -1, ArrowRight: 1 }
    const ownSteps = { ArrowDown: -1, ArrowUp: 1, PageDown: -far, PageUp: far, Home: -1e9, End: 1e9 }
    if (isOnTrack) Object.assign(steps, ownSteps)
    if (!(event.key in steps || event.key === " ") || epochs.length < 2) return
    if (!isOnTrack && isTaken(event)) return
    event.preventDefault()
    if (event.key in steps) this.take(this.beside(steps[event.key]))
    else if (!event.repeat) this.toggle()
  }

  spoken(epoch) {
    const { epochs, validation, best, kept } = this.data
    const loss = validation[epochs.indexOf(epoch)]
    const name = epoch === 0 ? "untrained" : `epoch ${count(epoch)}`
    const said = [loss === null ? `${name}: no validation loss` : `${name}: validation loss ${loss.toFixed(4)}`]
    if (epoch === best) said.push("best")
    if (epoch === kept) said.push("kept")
    return said.join(", ")
  }

  at(epoch) {
    return this.span ? (100 * (epoch - this.start)) / this.span : 0
  }

  drawPicture() {
    const { epochs, validation, training, best, kept, colours } = this.data
    const told = JSON.stringify({ ...this.data, epoch: 0, live: false })
    if (told === this.drawn) return
    this.drawn = told
    for (const [name, colour] of Object.entries(colours)) this.root.style.setProperty(`--${name}`, colour)
    this.start = epochs[0]
    this.span = reach(this.data) - this.start
    const high = scale([...validation, ...training])
    const point = (loss, index) => loss === null ? null : [10 * this.at(epochs[index]), high(loss)]
    const few = epochs.length <= TICKS ? epochs : []
    this.find("picture").setAttribute("viewBox", `0 0 1000 ${HIGH}`)
    const paths = {
      validation: line(validation.map(point)),
      training: line(training.map(point)),
      base: `M0 ${HIGH} H${10 * this.at(this.last)}`,
      rest: `M${10 * this.at(this.last)} ${HIGH} H${this.span && 1000}`,
      ticks: few.map(epoch => `M${10 * this.at(epoch)} ${HIGH} v-10`).join(""),
    }
    for (const [name, d] of Object.entries(paths)) this.find(`picture .${name}`).setAttribute("d", d)
    for (const [name, epoch] of Object.entries({ best, kept })) {
      const mark = this.find(`mark.${name}`)
      const loss = validation[epochs.indexOf(epoch)]
      mark.hidden = !epochs.includes(epoch) || (name === "kept" && kept === best)
      mark.style.left = `${this.at(epoch)}%`
      mark.style.top = `${typeof loss === "number" ? high(loss) : HIGH / 2}%`
    }
  }

  draw() {
    const { data, shown, isPlaying, isLive, last } = this
    const isOne = data.epochs.length < 2
    const total = data.active ? Math.max(data.planned, last) : last
    const where = shown === 0 ? ["", "untrained"] : ["epoch ", `${count(shown)} of ${count(total)}`]
    this.root.classList.toggle("playing", isPlaying)
    this.find("rule").style.left = `${this.at(shown)}%`
    const said = this.words("said", where, data.best)
    this.words("widest", ["epoch ", `${count(total)} of ${count(total)}`], total)
    this.find("words").classList.toggle("long", total > 999)
    const isOff = { first: shown === data.epochs[0], last: shown === last, play: isOne, pace: isOne }
    Object.assign(isOff, { previous: isOff.first, next: isOff.last })
    for (const [name, off] of Object.entries(isOff)) this.find(name).ariaDisabled = String(off || isOne)
    const play = isPlaying ? "Pause" : "Play"
    label(this.find("play"), play.toLowerCase(), `${play} (space)`)
    const epochs = pace === 1 ? "1 epoch" : `${pace} epochs`
    label(this.find("pace"), `pace: ${epochs} a second`, `Pace: ${epochs} a second`)
    this.find("pace").textContent = `${pace}/s`
    this.find("live").hidden = !data.active
    this.find("live").ariaPressed = String(isLive)
    const spoken = { Valuemin: data.epochs[0], Valuemax: last, Valuenow: shown, Valuetext: said, Disabled: isOne }
    for (const [name, value] of Object.entries(spoken)) this.track.setAttribute(`aria-${name.toLowerCase()}`, value)
  }

  words(place, [name, where], best) {
    const which = best === null ? "" : `best ${count(best)}`
    this.find(`${place} .name`).textContent = name
    this.find(`${place} .where`).textContent = where
    this.find(`${place} .comma`).textContent = which && ", "
    this.find(`${place} .which`).textContent = which
    return [name + where, which].filter(Boolean).join(", ")
  }
}

function app() {
  return document.querySelector('[data-testid="stApp"]')
}

function isBusy() {
  return BUSY.includes(app()?.dataset.testScriptState)
}

// Whether whoever has the focus uses this key: its own elements, and those around it that move among them.
function isTaken(event) {
  const uses = event.key === " " ? `${USES_KEYS}, ${USES_SPACE}` : USES_KEYS
  return event.composedPath().some(one => one instanceof Element && one.matches(uses))
}

// What a run has recorded stays as it is: other losses are another run's.
function continues(before, after) {
  return ["epochs", "validation"].every(name => before[name].every((value, index) => value === after[name][index]))
}

// How far the picture reaches: an active run leaves room for what it will record, a long one not all of it at once.
function reach({ epochs, planned, active }) {
  const last = epochs.at(-1)
  if (!active) return last
  let span = FIRST_SPAN
  while (span < last) span *= 2
  return Math.max(last, Math.min(planned, span))
}

// The height of a loss, the smallest at the bottom: logarithmic, as a loss falls by factors.
function scale(losses) {
  const known = losses.filter(loss => loss > 0).map(Math.log)
  const least = Math.min(...known)
  const range = Math.max(...known) - least
  return loss => {
    const above = loss > 0 ? Math.log(loss) - least : 0
    return HIGH * (range > 0 ? 0.86 - (0.82 * above) / range : 0.5)
  }
}

// Broken where a loss is missing; one that stands alone is a dot.
function line(points) {
  const drawn = points.map((point, index) => {
    if (!point) return ""
    const [x, y] = point.map(value => value.toFixed(1))
    if (points[index - 1]) return `L${x} ${y}`
    return `M${x} ${y}${points[index + 1] ? "" : "h0"}`
  })
  return drawn.join("")
}

function label(button, name, title) {
  button.ariaLabel = name
  button.title = title
}

function count(number) {
  return number.toLocaleString("en-US")
}
