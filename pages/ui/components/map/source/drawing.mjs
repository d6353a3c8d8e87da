// The one WebGL context that all maps of a page share, as browsers allow but a few.
import { createRenderer } from "regl-scatterplot"

const PATIENCE = 500
// Points smooth their own edges. The context that is made first is the one that the library gets.
const ATTRIBUTES = { antialias: false, preserveDrawingBuffer: true }
const users = new Set()
let renderer = null

export function shared(user) {
  renderer ??= made()
  if (renderer) users.add(user)
  return renderer
}

export function leave(user) {
  users.delete(user)
  if (users.size || !renderer) return
  const { canvas, regl } = renderer
  canvas.removeEventListener("webglcontextlost", lost)
  const context = regl._gl
  renderer.destroy()
  renderer = null
  context.getExtension("WEBGL_lose_context")?.loseContext()
}

// As large as the largest map, which is copied from it.
export function fit() {
  if (!renderer) return
  const wide = Math.max(...[...users].map(user => user.wide), 1)
  const high = Math.max(...[...users].map(user => user.high), 1)
  const ratio = window.devicePixelRatio
  if (renderer.canvas.width !== Math.floor(wide * ratio) || renderer.canvas.height !== Math.floor(high * ratio)) {
    renderer.resize(Math.floor(wide * ratio) / ratio, Math.floor(high * ratio) / ratio)
  }
}

function made() {
  const canvas = document.createElement("canvas")
  try {
    if (!canvas.getContext("webgl", ATTRIBUTES)) return null
    const one = createRenderer({ canvas })
    if (!one.isSupported) {
      one.destroy()
      return null
    }
    canvas.addEventListener("webglcontextlost", lost)
    return one
  } catch {
    return null
  }
}

function lost(event) {
  event.preventDefault()
  const all = [...users]
  for (const user of all) user.lose()
  setTimeout(() => {
    renderer?.destroy()
    renderer = null
    for (const user of all) if (users.has(user)) user.restore()
  }, PATIENCE)
}
