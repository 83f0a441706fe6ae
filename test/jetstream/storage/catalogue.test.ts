// The catalogue of streams and consumers: what is kept, encrypted or not, and what a damaged database costs.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Catalogue, type CatalogueSettings } from '../../../src/jetstream/storage/catalogue.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heddle-catalogue-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Does something with the catalogue, opened anew. */
function within<T>(settings: Omit<CatalogueSettings, 'folder'>, act: (catalogue: Catalogue) => T): T {
  const catalogue = new Catalogue({ folder, ...settings })
  try {
    return act(catalogue)
  } finally {
    catalogue.close()
  }
}

/** Two streams, of which the first has a consumer with a state. */
function fill(catalogue: Catalogue): number {
  const id = catalogue.putStream('A', 'ORDERS', 'config of orders')
  catalogue.putStream('B', 'ORDERS', 'config of others')
  catalogue.putConsumer(id, 'c', 'config of c')
  catalogue.putStates([{ stream: id, name: 'c', state: Buffer.from('state of c') }])
  return id
}

function seen(catalogue: Catalogue): unknown {
  const streams = catalogue.streams()
  const consumers = streams.flatMap(({ id }) => catalogue.consumers(id))
  return {
    streams: streams.map(({ account, name, config }) => `${account} ${name}: ${config}`),
    consumers: consumers.map(({ name, config, state }) => `${name}: ${config}, ${state && Buffer.from(state)}`),
  }
}

const FILLED = {
  streams: ['A ORDERS: config of orders', 'B ORDERS: config of others'],
  consumers: ['c: config of c, state of c'],
}

test('what was kept is there when it is opened again', () => {
  within({}, fill)
  expect(within({}, seen)).toEqual(FILLED)
})

test('another configuration replaces the one before, and state and id stay', () => {
  const ids = within({}, (catalogue) => {
    const id = fill(catalogue)
    catalogue.putConsumer(id, 'c', 'other')
    return [id, catalogue.putStream('A', 'ORDERS', 'other')]
  })
  expect(ids[0]).toBe(ids[1])
  expect(within({}, seen)).toEqual({
    streams: ['A ORDERS: other', 'B ORDERS: config of others'],
    consumers: ['c: other, state of c'],
  })
})

test('a deleted stream takes its consumers and its folder along, and its id is not given again', () => {
  within({}, (catalogue) => {
    const id = fill(catalogue)
    const other = catalogue.putStream('B', 'ORDERS', 'config of others')
    catalogue.deleteStream(other)
    catalogue.deleteStream(id)
    expect(catalogue.putStream('A', 'ORDERS', 'new')).toBeGreaterThan(other)
  })
  expect(within({}, seen)).toEqual({ streams: ['A ORDERS: new'], consumers: [] })
  expect(readdirSync(join(folder, 'streams'))).toHaveLength(1)
})

test('states of consumers that are gone are left out, and the others are kept', () => {
  within({}, (catalogue) => {
    const id = fill(catalogue)
    const state = Buffer.from('later')
    catalogue.putStates([
      { stream: id, name: 'gone', state },
      { stream: 999, name: 'c', state },
      { stream: id, name: 'c', state },
    ])
  })
  expect(within({}, seen)).toEqual({ ...FILLED, consumers: ['c: config of c, later'] })
})

test('with a key nothing that was configured can be read on the disk', () => {
  within({ key: 'secret' }, fill)
  expect(within({ key: 'secret' }, seen)).toEqual(FILLED)
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const bytes = files.map((name) => {
    try {
      return readFileSync(join(folder, name), 'latin1')
    } catch {
      return ''
    }
  })
  for (const text of ['config of', 'state of']) expect(bytes.some((all) => all.includes(text))).toBe(false)
})

test('another key opens it if the key before is named, and alone from then on', () => {
  const key = within({ key: 'one' }, (catalogue) => catalogue.keyOf(fill(catalogue)))
  expect(() => within({ key: 'two' }, seen)).toThrow('encrypted with another key')
  expect(() => within({}, seen)).toThrow('there is no key')
  expect(within({ key: 'two', previousKey: 'one' }, seen)).toEqual(FILLED)
  expect(within({ key: 'two' }, seen)).toEqual(FILLED)
  expect(within({ key: 'two' }, (catalogue) => catalogue.keyOf(1))).toEqual(key)
})

test('a damaged database costs the consumers; streams come back from their folders, and it is kept', () => {
  within({}, fill)
  const path = join(folder, 'catalogue.db')
  const bytes = readFileSync(path)
  bytes.fill(0xff, 0, 2048)
  writeFileSync(path, bytes)
  within({}, (catalogue) => {
    expect(seen(catalogue)).toEqual({ ...FILLED, consumers: [] })
    expect(catalogue.notes[0]).toContain('is damaged')
  })
  expect(readdirSync(folder).some((name) => name.startsWith('catalogue.db.damaged-'))).toBe(true)
  expect(within({}, (catalogue) => catalogue.notes)).toEqual([])
})

test('a folder of no known stream is left as it is, and named', () => {
  within({}, (catalogue) => {
    const id = fill(catalogue)
    writeFileSync(join(catalogue.folderOf(id), 'stream.json'), 'no JSON')
  })
  rmSync(join(folder, 'catalogue.db'))
  within({}, (catalogue) => {
    expect(seen(catalogue)).toEqual({ streams: ['B ORDERS: config of others'], consumers: [] })
    expect(catalogue.notes.some((note) => note.includes('it is left as it is'))).toBe(true)
  })
})
