// This travels with each message, so it only loads the program of the map, once for all maps and pages.
const FAILED = "The map's program cannot be loaded now; reload the page to try again."
const programs = new Map()

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".map")
  if (!root || !data) return
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true)
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)))
  const turn = root.turn = (root.turn ?? 0) + 1
  root.style.height = `${header.height}px`
  const address = new URL(header.program, location.origin).href
  if (!programs.has(address)) programs.set(address, import(address))
  programs.get(address).then(
    program => turn === root.turn && program.receive(root, header, data.slice(4 + length), component),
    () => {
      programs.delete(address)
      root.querySelector(".trouble").textContent = FAILED
      root.querySelector(".trouble").hidden = false
    },
  )
  // Newer data may come before what is older is cleaned up: only who received last may end the map.
  return () => {
    if (turn !== root.turn) return
    root.turn += 1
    root.end?.()
  }
}
