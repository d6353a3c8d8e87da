// A radio group of cards: arrow keys move and choose, Home and End go to the ends. Python holds the choice.
const SVG = "http://www.w3.org/2000/svg"
const WIDTH = 150
const HEIGHT = 34
const GAP = 2
const open = new WeakSet()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const group = parentElement.querySelector(".cards")
  const more = parentElement.querySelector(".more")
  if (!group || !more || !data) return
  group.setAttribute("aria-label", data.label)
  build(group, data.cards)

  const cards = [...group.children]
  const draw = (chosen) => {
    const isOpen = open.has(parentElement)
    cards.forEach((card, index) => {
      const checked = card.dataset.name === chosen
      card.setAttribute("aria-checked", String(checked))
      card.tabIndex = checked ? 0 : -1
      card.hidden = !isOpen && index >= data.first && !checked
    })
    more.hidden = cards.length <= data.first
    more.textContent = isOpen ? "fewer networks" : `all ${cards.length} networks`
    more.setAttribute("aria-expanded", String(isOpen))
  }
  const choose = (card) => {
    draw(card.dataset.name)
    card.focus()
    setTriggerValue("chosen", card.dataset.name)
  }
  const step = (card, key) => {
    const shown = cards.filter((one) => !one.hidden)
    const at = shown.indexOf(card)
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: shown.length - 1,
    }[key]
    return to === undefined ? null : shown[(to + shown.length) % shown.length]
  }

  cards.forEach((card) => {
    card.onclick = () => choose(card)
    card.onkeydown = (event) => {
      const next = event.key === " " || event.key === "Enter" ? card : step(card, event.key)
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      choose(next)
    }
  })
  more.onclick = () => {
    open.has(parentElement) ? open.delete(parentElement) : open.add(parentElement)
    draw(data.value)
  }
  draw(data.value)
}

// Cards stay the same elements while only their words change, so that the focus stays where it is.
function build(group, cards) {
  const names = cards.map((card) => card.name).join()
  if (group.dataset.names !== names) {
    group.dataset.names = names
    group.replaceChildren(...cards.map(element))
  }
  cards.forEach((card, index) => {
    const says = group.children[index].querySelector(".says")
    const lines = card.says.join("\n")
    if (says.dataset.lines === lines) return
    says.dataset.lines = lines
    says.replaceChildren(...card.says.map((line) => Object.assign(document.createElement("div"), { textContent: line })))
  })
}

function element(card) {
  const root = document.createElement("div")
  root.className = "card"
  root.dataset.name = card.name
  root.setAttribute("role", "radio")
  root.title = card.note
  const name = Object.assign(document.createElement("div"), { className: "name", textContent: card.name })
  const says = Object.assign(document.createElement("div"), { className: "says" })
  root.append(picture(card.blocks), name, says)
  return root
}

// One bar a layer, from the input on the left: as high as its rows (or its units), as wide as its channels.
function picture(blocks) {
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("class", "picture")
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`)
  svg.setAttribute("preserveAspectRatio", "xMinYMid meet")
  svg.setAttribute("aria-hidden", "true")
  const wanted = blocks.reduce((sum, [, , wide]) => sum + wide + GAP, 0)
  const scale = Math.min(1, WIDTH / wanted)
  let x = 1
  for (const [kind, high, wide] of blocks) {
    const bar = document.createElementNS(SVG, "rect")
    const tall = Math.max(high * (HEIGHT - 2), 3)
    bar.setAttribute("class", kind)
    bar.setAttribute("x", x)
    bar.setAttribute("y", (HEIGHT - tall) / 2)
    bar.setAttribute("width", Math.max(wide * scale, 1.5))
    bar.setAttribute("height", tall)
    bar.setAttribute("rx", 1)
    svg.append(bar)
    x += (wide + GAP) * scale
  }
  return svg
}
