// Words for numbers, and elements made from words. Text only ever becomes a text node: what a client calls itself is
// shown, never run.

const SHORT = ['', 'k', 'M', 'G', 'T', 'P']
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

function scaled(value, step, units) {
  let unit = 0
  let rest = Math.abs(value)
  while (rest >= step * 0.9995 && unit < units.length - 1) {
    rest /= step
    unit++
  }
  const digits = unit === 0 ? (rest < 10 && !Number.isInteger(rest) ? 1 : 0) : rest < 10 ? 2 : rest < 100 ? 1 : 0
  return { text: (Math.sign(value) * rest).toFixed(digits), unit: units[unit] }
}

/** 1,234 stays; 12,345 becomes 12.3 k. */
export function count(value) {
  if (Math.abs(value) < 10_000) return Math.round(value).toLocaleString('en')
  const { text, unit } = scaled(value, 1000, SHORT)
  return `${text} ${unit}`
}

/** A rate a second. */
export function rate(value) {
  const { text, unit } = scaled(value, 1000, SHORT)
  return unit === '' ? text : `${text} ${unit}`
}

export function bytes(value) {
  const { text, unit } = scaled(value, 1024, BINARY)
  return `${text} ${unit}`
}

export function percent(share) {
  return `${Math.round(share * 100)} %`
}

export function seconds(value) {
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`
  if (value < 1) return `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms`
  return `${value.toFixed(1)} s`
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB')
}

/** Today's as a time of day, older ones with the day. */
export function when(ms) {
  const date = new Date(ms)
  const today = new Date().toDateString() === date.toDateString()
  return today
    ? clock(ms)
    : `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${clock(ms).slice(0, 5)}`
}

export function byId(id) {
  return document.getElementById(id)
}

/** An element with attributes (functions become listeners) and children (texts or elements). */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key, value)
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

export function makeSvg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  element.append(...children)
  return element
}

/** Says something where it differs from what is there: an element that does not change is not touched. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** Where the pages stand: a folder above this file, under whatever path the server or a proxy has put it. */
const PAGES = new URL('../', import.meta.url)

export async function getJson(path, signal) {
  const response = await fetch(new URL(path, PAGES), { signal, cache: 'no-store' })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.json()
}

/** Calls `task` now and every `ms` while the page is looked at, one at a time. Answers a function that ends it. */
export function repeat(ms, task) {
  let ended = false
  let timer
  const run = async () => {
    clearTimeout(timer)
    if (ended) return
    if (!document.hidden) {
      try {
        await task()
      } catch {
        // The feed tells that the server cannot be reached.
      }
    }
    if (!ended) timer = setTimeout(run, ms)
  }
  void run()
  return () => {
    ended = true
    clearTimeout(timer)
  }
}
