// Writes the licences of what the bundle holds beside it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"))
const bundled = Object.entries(lock.packages).filter(([path, { dev }]) => path && !dev).sort()
const parts = bundled.map(([path, { version, license }]) => {
  const file = readdirSync(path).find(name => /^licen[cs]e/i.test(name))
  if (!file) throw new Error(`${path} has no licence`)
  return `${path.replace(/.*node_modules\//, "")} ${version} (${license})\n\n${readFileSync(`${path}/${file}`, "utf8").trim()}\n`
})
const rule = `\n${"-".repeat(80)}\n\n`
writeFileSync("../bundle/LICENCES.txt", ["map.js holds these packages.\n", ...parts].join(rule))
