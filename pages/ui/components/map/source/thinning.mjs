// While a map of very many points is moved and frames come late, it draws a part of them, and all again at rest.
const MANY = 25000
const FEW = 20000
const LATE = 45
const PATIENCE = 2
const REST = 250

export class Thinning {
  constructor(map) {
    Object.assign(this, { map, resting: null, late: 0, isThin: false })
  }

  moved() {
    const { map } = this
    if (!map.points || map.points.n < MANY || map.isBusy) return
    clearTimeout(this.resting)
    if (!this.resting) this.watch(performance.now())
    this.resting = setTimeout(() => this.end(), REST)
  }

  // Whether frames come late, as long as the map is moved.
  watch(before) {
    requestAnimationFrame(() => {
      const now = performance.now()
      if (!this.resting) return
      if (now - before > LATE) this.late += 1
      if (this.late > PATIENCE) this.begin()
      else this.watch(now)
    })
  }

  begin() {
    const { map } = this
    if (this.isThin || map.isBusy || !map.plot) return
    this.isThin = true
    const rows = map.shownRows() ?? Array.from({ length: map.points.n }, (_, row) => row)
    const step = Math.ceil(rows.length / FEW)
    map.plot.filter(rows.filter((_, at) => at % step === 0), { preventEvent: true })
  }

  end() {
    const { map, isThin } = this
    this.forget()
    if (!isThin || map.isBusy || !map.plot) return
    const rows = map.shownRows()
    if (rows) map.plot.filter(rows, { preventEvent: true })
    else map.plot.unfilter({ preventEvent: true })
    map.plot.select(map.chosen.filter(map.isShown), { preventEvent: true })
  }

  forget() {
    clearTimeout(this.resting)
    Object.assign(this, { resting: null, late: 0, isThin: false })
  }
}
