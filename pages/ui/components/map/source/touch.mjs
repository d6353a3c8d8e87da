// Fingers: one draws where the mouse would draw, and else scrolls the page; two move and zoom the map.
export function listenToTouch(map) {
  const { area, canvas } = map
  let pinch = null
  const listen = (name, act) => area.addEventListener(name, act, { passive: false })

  listen("touchstart", event => {
    if (event.touches.length === 2) {
      event.preventDefault()
      pinch = start(map, event.touches)
    } else if (map.mode !== "pan" && event.touches.length === 1) {
      event.preventDefault()
      mouse("mousedown", canvas, event.touches[0], 1)
    }
  })
  listen("touchmove", event => {
    if (pinch && event.touches.length === 2) {
      event.preventDefault()
      move(map, pinch, event.touches)
    } else if (map.mode !== "pan" && event.touches.length === 1) {
      event.preventDefault()
      mouse("mousemove", window, event.touches[0], 1)
    }
  })
  for (const name of ["touchend", "touchcancel"]) {
    listen(name, event => {
      if (event.touches.length < 2) pinch = null
      if (map.mode === "pan" || event.touches.length) return
      event.preventDefault()
      mouse("mouseup", window, event.changedTouches[0], 0)
    })
  }
}

function mouse(name, target, { clientX, clientY }, buttons) {
  target.dispatchEvent(new MouseEvent(name, { clientX, clientY, buttons, bubbles: true, cancelable: true }))
}

function between(map, [one, other]) {
  const box = map.area.getBoundingClientRect()
  const x = ((one.clientX + other.clientX) / 2 - box.left - map.wide / 2) / (map.high / 2)
  const y = (map.high / 2 - ((one.clientY + other.clientY) / 2 - box.top)) / (map.high / 2)
  return { x, y, apart: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1 }
}

function start(map, touches) {
  const { x, y, apart } = between(map, touches)
  const { target, distance } = map.camera
  return { apart, distance, under: [target[0] + x * distance, target[1] + y * distance] }
}

function move(map, { apart, distance, under }, touches) {
  const now = between(map, touches)
  const far = (distance * apart) / now.apart
  map.look([under[0] - now.x * far, under[1] - now.y * far], far)
}
