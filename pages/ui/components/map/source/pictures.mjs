// The images of points, drawn at their places; each is asked for once.
const SIDE = 28
const MOST_HELD = 6000
const MOST_ASKED = 300

export class Pictures {
  constructor(canvas, redraw) {
    Object.assign(this, { canvas, redraw, held: new Map(), asked: new Set(), addresses: null })
  }

  from(addresses) {
    if (String(addresses) === String(this.addresses)) return
    this.held.clear()
    this.asked.clear()
    this.addresses = addresses
  }

  address(ids) {
    return `${this.addresses[0]}${ids.join()}.png?columns=${ids.length}${this.addresses[1]}`
  }

  ask(ids) {
    const missing = ids.filter(id => !this.held.has(id) && !this.asked.has(id)).sort((one, other) => one - other)
    if (!this.addresses || !missing.length) return
    if (this.held.size > MOST_HELD) this.held.clear()
    const these = missing.slice(0, MOST_ASKED)
    const { addresses } = this
    const sprite = new Image()
    for (const id of these) this.asked.add(id)
    sprite.src = this.address(these)
    sprite.decode().then(() => {
      if (addresses !== this.addresses) return
      these.forEach((id, at) => this.held.set(id, [sprite, at * SIDE]))
      this.redraw()
    }, () => {}).finally(() => these.forEach(id => this.asked.delete(id)))
  }

  clear(wide, high) {
    const ratio = window.devicePixelRatio
    const { canvas } = this
    if (canvas.width !== Math.floor(wide * ratio)) canvas.width = Math.floor(wide * ratio)
    if (canvas.height !== Math.floor(high * ratio)) canvas.height = Math.floor(high * ratio)
    this.pen = canvas.getContext("2d")
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.pen.clearRect(0, 0, wide, high)
    this.pen.imageSmoothingEnabled = false
  }

  draw(id, [x, y], colour, size, opacity) {
    const [sprite, left] = this.held.get(id) ?? []
    if (!sprite) return
    this.pen.globalAlpha = opacity
    this.pen.fillStyle = colour
    this.pen.fillRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4)
    this.pen.drawImage(sprite, left, 0, SIDE, SIDE, x - size / 2, y - size / 2, size, size)
  }

  dot([x, y], colour, radius) {
    this.pen.globalAlpha = 1
    this.pen.fillStyle = colour
    this.pen.beginPath()
    this.pen.arc(x, y, radius - 4, 0, 2 * Math.PI)
    this.pen.fill()
  }

  ring([x, y], colour, behind, radius) {
    this.pen.globalAlpha = 1
    for (const [width, stroke] of [[4, behind], [2, colour]]) {
      this.pen.beginPath()
      this.pen.arc(x, y, radius, 0, 2 * Math.PI)
      this.pen.lineWidth = width
      this.pen.strokeStyle = stroke
      this.pen.stroke()
    }
  }
}
