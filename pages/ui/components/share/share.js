// The address is read when it is needed, as the page may have changed it since this was drawn.
const HERE_ONLY = /^(localhost|127\.|\[::1\])/

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".share")
  const input = root.querySelector("input")
  const said = root.querySelector(".said")
  const code = root.querySelector(".code")

  function show() {
    if (input.value === location.href && code.src) return
    input.value = location.href
    said.textContent = ""
    root.querySelector(".near").hidden = !HERE_ONLY.test(location.host)
    const fits = location.href.length <= data.most
    code.hidden = !fits
    if (fits) code.src = `${data.codes}?text=${encodeURIComponent(location.href)}`
    else said.textContent = "This link is too long for a QR code; copy it."
  }

  async function copy() {
    show()
    try {
      await navigator.clipboard.writeText(input.value)
      said.textContent = "Copied."
    } catch {
      // Without TLS a browser offers no clipboard; what is selected it can still copy.
      input.focus()
      input.select()
      said.textContent = document.execCommand("copy") ? "Copied." : "Press Ctrl+C to copy."
    }
  }

  show()
  root.querySelector(".copy").onclick = copy
  input.onfocus = () => input.select()
  root.onpointerenter = show
  const watch = setInterval(show, 500)
  return () => clearInterval(watch)
}
