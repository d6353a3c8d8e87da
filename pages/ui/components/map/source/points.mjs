// What Python sent, as arrays, and the colour of each point.
const KINDS = { int32: Int32Array, uint16: Uint16Array, int16: Int16Array, uint8: Uint8Array, float16: Uint16Array }
const FULL = 65535
const STEPS = 64

export function unpack(header, bytes) {
  const points = { header, n: header.n }
  let at = 0
  for (const [name, [kind, size]] of Object.entries(header.arrays)) {
    const array = new KINDS[kind](bytes.buffer, bytes.byteOffset + at, size)
    points[name] = kind === "float16" ? Float32Array.from(array, fromHalf) : array
    at += Math.ceil(array.byteLength / 4) * 4
  }
  return place(points, header)
}

// The frame of reference fills a square from -1 to 1.
function place(points, { bounds, fit }) {
  const half = Math.max(fit[2] - fit[0], fit[3] - fit[1]) / 2 || 1
  const axis = (steps, low, high, middle) =>
    Float32Array.from(steps, step => (low + (step / FULL) * (high - low) - middle) / half)
  points.reach = [(fit[2] - fit[0]) / 2 / half || 1, (fit[3] - fit[1]) / 2 / half || 1]
  points.px = axis(points.x, bounds[0], bounds[2], (fit[0] + fit[2]) / 2)
  points.py = axis(points.y, bounds[1], bounds[3], (fit[1] + fit[3]) / 2)
  return points
}

function fromHalf(half) {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const rest = half & 1023
  if (exponent === 31) return rest ? NaN : sign * Infinity
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -14 * (rest / 1024))
}

// Which colour each point has, by number, the colours, and the order to draw in: what stands out comes last.
export function colouring(points) {
  const { of, colours } = coloured(points)
  const { legend, colourBy } = points.header
  const last = colourBy === "confidence" ? -1 : 1
  return { of, colours, order: legend.kind === "class" ? null : ordered(of, colours.length, last) }
}

function ordered(of, many, last) {
  const groups = Array.from({ length: many }, () => [])
  of.forEach((number, row) => groups[number].push(row))
  return (last > 0 ? groups : groups.reverse()).flat()
}

function coloured({ header, n, labels, predicted, confidence, loss, learnt }) {
  const { legend, colourBy } = header
  if (legend.kind === "class") {
    const of = (colourBy === "predicted class" && predicted) || labels
    return { of, colours: legend.entries.map(([, colour]) => colour) }
  }
  if (legend.kind === "right") {
    return { of: labels.map((label, row) => Number(label !== predicted[row])), colours: legend.entries.map(([, colour]) => colour) }
  }
  const { low, high } = legend
  const number = { "confidence": row => confidence[row] / FULL, "loss": row => loss[row], "epoch learnt": row => learnt[row] }[colourBy]
  const of = new Uint8Array(n)
  for (let row = 0; row < n; row++) {
    const value = number(row)
    const isNever = colourBy === "epoch learnt" && value < 0
    const part = Number.isNaN(value) ? 1 : Math.min(Math.max((value - low) / (high - low), 0), 1)
    of[row] = isNever ? STEPS : Math.round(part * (STEPS - 1))
  }
  return { of, colours: [...Array.from({ length: STEPS }, (_, step) => mixed(legend.colours, step / (STEPS - 1))), legend.never] }
}

function mixed(colours, part) {
  const at = Math.min(Math.floor(part * (colours.length - 1)), colours.length - 2)
  const rest = part * (colours.length - 1) - at
  const [one, other] = [channels(colours[at]), channels(colours[at + 1])]
  return `#${one.map((value, index) => Math.round(value + (other[index] - value) * rest).toString(16).padStart(2, "0")).join("")}`
}

function channels(colour) {
  return [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
}

export function selectedRows({ n, selected }) {
  if (!selected) return []
  return Array.from({ length: n }, (_, row) => row).filter(row => selected[row >> 3] & (128 >> (row & 7)))
}

export function isSame(one, other) {
  return one.length === other.length && one.every((value, index) => value === other[index])
}

// The nearest point in a direction, not farther beside it than along it.
export function nearest(points, isShown, from, [dx, dy]) {
  let best = -1
  let least = Infinity
  const x = points.px[from]
  const y = points.py[from]
  for (let row = 0; row < points.n; row++) {
    if (row === from || !isShown(row)) continue
    const along = (points.px[row] - x) * dx + (points.py[row] - y) * dy
    const beside = Math.abs((points.px[row] - x) * dy) + Math.abs((points.py[row] - y) * dx)
    if (along <= 0 || beside > along) continue
    const far = along * along + 4 * beside * beside
    if (far < least) [least, best] = [far, row]
  }
  return best
}

export function nearestTo(points, isShown, [x, y]) {
  let best = -1
  let least = Infinity
  for (let row = 0; row < points.n; row++) {
    const far = (points.px[row] - x) ** 2 + (points.py[row] - y) ** 2
    if (far < least && isShown(row)) [least, best] = [far, row]
  }
  return best
}

export function told(points, row) {
  const { header, labels, predicted, confidence, loss, learnt } = points
  const name = number => header.classes[number] ?? String(number)
  const lines = [`true ${name(labels[row])}`]
  if (predicted) {
    const sure = confidence ? `, ${((100 * confidence[row]) / FULL).toFixed(1)} %` : ""
    lines.push(`predicted ${name(predicted[row])}${sure}`)
  }
  if (loss) lines.push(`loss ${Number.isNaN(loss[row]) ? "unknown" : `${loss[row].toFixed(4)} nats`}`)
  if (learnt) lines.push(learnt[row] < 0 ? "never learnt for good" : `learnt at epoch ${learnt[row]}`)
  return lines
}
