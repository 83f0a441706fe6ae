// The architecture is kept: who imports whom (layout.ts), without a circle.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ONLY, ROOMS, WHOLE } from './layout.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FILES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name}`)

/** What a file imports from files of ours, types and lazy imports among it. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)].map(([, name]) =>
    normalize(join(dirname(file), name)),
  )
}

const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file)]))

/** The room of a file: the longest name that its folder begins with. */
function roomOf(file: string): string {
  const folder = dirname(file).slice('src/'.length)
  const names = Object.keys(ROOMS).filter((name) => name !== '' && (folder === name || folder.startsWith(`${name}/`)))
  return names.sort((a, b) => b.length - a.length)[0] ?? (folder === '' ? '' : folder)
}

function mayImport(file: string, imported: string): boolean {
  const [from, to] = [roomOf(file), roomOf(imported)]
  if (from === to) return true
  if (ROOMS[from]?.imports.includes(to) !== true) return false
  return ONLY.find((one) => one.from === from && one.to === to)?.files.includes(imported) ?? true
}

test('there are files, and all their imports are found', () => {
  expect(FILES.length).toBeGreaterThan(200)
  const missing = [...IMPORTS].flatMap(([file, all]) =>
    all.filter((one) => !IMPORTS.has(one)).map((one) => [file, one]),
  )
  expect(missing).toEqual([])
})

test('every folder is known', () => {
  expect([...new Set(FILES.map(roomOf))].filter((room) => ROOMS[room] === undefined)).toEqual([])
})

test('no file imports what its folder may not', () => {
  const breaches = [...IMPORTS].flatMap(([file, all]) =>
    all.filter((imported) => !mayImport(file, imported)).map((imported) => `${file} imports ${imported}`),
  )
  expect(breaches).toEqual([])
})

test('a shard, the primary and a client are taken whole where they are made, and nowhere else', () => {
  const takers = [...IMPORTS].flatMap(([file, all]) =>
    all
      .filter((imported) => WHOLE[imported]?.includes(roomOf(file)) === false)
      .map((imported) => `${file} takes ${imported}`),
  )
  expect(takers).toEqual([])
})

test('nothing is allowed that nobody needs', () => {
  const used = new Set(
    [...IMPORTS].flatMap(([file, all]) => all.map((imported) => `${roomOf(file)} > ${roomOf(imported)}`)),
  )
  const idle = Object.entries(ROOMS).flatMap(([room, { imports }]) =>
    imports.map((imported) => `${room} > ${imported}`).filter((pair) => !used.has(pair)),
  )
  expect(idle).toEqual([])
})

test('folders stand on each other: none stands on one that stands on it', () => {
  expect(circlesIn(new Map(Object.entries(ROOMS).map(([room, { imports }]) => [room, imports])))).toEqual([])
})

test('no files import each other in a circle', () => {
  expect(circlesIn(IMPORTS)).toEqual([])
})

test('a circle is found', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['a']],
    ['d', []],
  ])
  expect(circlesIn(graph)).toEqual(['a > b > c'])
})

test('each folder says what it is, on which thread, and what it stands on', () => {
  const threads = { any: 'any', shard: 'a shard’s', primary: 'the primary' }
  for (const [room, { thread, imports }] of Object.entries(ROOMS)) {
    if (room === '') continue
    const page = readFileSync(join(ROOT, 'src', room, 'README.md'), 'utf8')
    const names = imports.map((name) => `\`${name}\``).join(', ') || 'nothing'
    expect(page, room).toContain(`Thread: ${threads[thread]}. Imports: ${names} (`)
  }
})

test('few files lie loose: the listing of src/ is the architecture', () => {
  const loose = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isFile())
  expect(loose.length).toBeLessThanOrEqual(6)
})

/** The strongly connected parts of a graph that have more than one node (Tarjan), each as a text. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const circles: string[] = []
  const visit = (node: string): void => {
    order.set(node, order.size)
    lowest.set(node, order.size - 1)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(node, Math.min(Number(lowest.get(node)), Number(lowest.get(next))))
    }
    if (lowest.get(node) !== order.get(node)) return
    const circle = stack.splice(stack.indexOf(node))
    if (circle.length > 1) circles.push(circle.join(' > '))
  }
  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return circles
}
