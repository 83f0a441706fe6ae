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
  using catalogue = opened(settings)
  return act(catalogue)
}

function opened(settings: Omit<CatalogueSettings, 'folder'>): Catalogue & Disposable {
  const catalogue = new Catalogue({ folder, ...settings })
  return Object.assign(catalogue, { [Symbol.dispose]: () => catalogue.close() })
}

/** Two streams, of which the first has a consumer with a state. */
function fill(catalogue: Catalogue): number {
  const id = catalogue.putStream('A', 'ORDERS', 'config of orders')
  catalogue.putStream('B', 'ORDERS', 'config of others')
  catalogue.putConsumers([{ stream: id, name: 'c', kept: 'state of c' }])
  return id
}

function seen(catalogue: Catalogue): unknown {
  const streams = catalogue.streams()
  const consumers = streams.flatMap(({ id }) => catalogue.consumers(id))
  return {
    streams: streams.map(({ account, name, config }) => `${account} ${name}: ${config}`),
    consumers: consumers.map(({ name, kept }) => `${name}: ${kept}`),
  }
}

const FILLED = {
  streams: ['A ORDERS: config of orders', 'B ORDERS: config of others'],
  consumers: ['c: state of c'],
}

test('what was kept is there when it is opened again', () => {
  within({}, fill)
  expect(within({}, seen)).toEqual(FILLED)
})

test('another configuration replaces the one before, and consumers and id stay', () => {
  const ids = within({}, (catalogue) => {
    const id = fill(catalogue)
    return [id, catalogue.putStream('A', 'ORDERS', 'other')]
  })
  expect(ids[0]).toBe(ids[1])
  expect(within({}, seen)).toEqual({
    streams: ['A ORDERS: other', 'B ORDERS: config of others'],
    consumers: ['c: state of c'],
  })
})

test('a stream may get another name, and keeps its id, its folder and its consumers', () => {
  within({}, (catalogue) => catalogue.moveStream(fill(catalogue), 'C', 'MOVED', 'config of moved'))
  expect(within({}, seen)).toEqual({
    streams: ['C MOVED: config of moved', 'B ORDERS: config of others'],
    consumers: ['c: state of c'],
  })
})

test('a deleted stream takes its consumers and its folder along, and its id is not given again', async () => {
  {
    using catalogue = opened({})
    const id = fill(catalogue)
    const other = catalogue.putStream('B', 'ORDERS', 'config of others')
    await Promise.all([catalogue.deleteStream(other), catalogue.deleteStream(id)])
    expect(catalogue.putStream('A', 'ORDERS', 'new')).toBeGreaterThan(other)
  }
  expect(within({}, seen)).toEqual({ streams: ['A ORDERS: new'], consumers: [] })
  expect(readdirSync(join(folder, 'streams'))).toHaveLength(1)
})

test('consumers of streams that are gone are left out, and the others are kept', () => {
  within({}, (catalogue) => {
    const id = fill(catalogue)
    catalogue.putConsumers([
      { stream: 999, name: 'c', kept: 'gone' },
      { stream: id, name: 'c', kept: 'later' },
      { stream: id, name: 'd', kept: 'new' },
    ])
  })
  expect(within({}, seen)).toEqual({ ...FILLED, consumers: ['c: later', 'd: new'] })
})

test('what was kept without a key is encrypted when there is one', () => {
  within({}, fill)
  expect(within({ key: 'secret' }, seen)).toEqual(FILLED)
  expectNothingReadable()
  expect(() => within({}, seen)).toThrow('there is no key')
})

test('with a key nothing that was configured can be read on the disk', () => {
  within({ key: 'secret' }, fill)
  expect(within({ key: 'secret' }, seen)).toEqual(FILLED)
  expectNothingReadable()
})

function expectNothingReadable(): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const bytes = files.map((name) => {
    try {
      return readFileSync(join(folder, name), 'latin1')
    } catch {
      return ''
    }
  })
  const encoded = Buffer.from('config of orders').toString('base64').slice(4, 16)
  for (const text of ['config of', 'state of', encoded]) expect(bytes.some((all) => all.includes(text))).toBe(false)
}

test('another key opens it if the key before is named, and alone from then on', () => {
  const key = within({ key: 'one' }, (catalogue) => catalogue.keyOf(fill(catalogue)))
  expect(() => within({ key: 'two' }, seen)).toThrow('encrypted with another key')
  expect(() => within({}, seen)).toThrow('there is no key')
  expect(within({ key: 'two', previousKey: 'one' }, seen)).toEqual(FILLED)
  expect(within({ key: 'two' }, seen)).toEqual(FILLED)
  expect(within({ key: 'two' }, (catalogue) => catalogue.keyOf(1))).toEqual(key)
})

test.each(['secret', 'secret.copy'])('a damaged %s is made of its copy again', (name) => {
  const settings = { key: 'secret' }
  within(settings, fill)
  const before = readFileSync(join(folder, name))
  for (const damaged of [Buffer.alloc(before.length), before.subarray(0, 20), Buffer.alloc(0), undefined]) {
    if (damaged === undefined) rmSync(join(folder, name))
    else writeFileSync(join(folder, name), damaged)
    expect(within(settings, seen)).toEqual(FILLED)
    expect(readFileSync(join(folder, name))).toEqual(before)
  }
})

test('without a good copy nothing is opened, and nothing is made anew', () => {
  within({ key: 'secret' }, fill)
  for (const name of ['secret', 'secret.copy']) writeFileSync(join(folder, name), Buffer.alloc(60))
  expect(() => within({ key: 'secret', previousKey: 'other' }, seen)).toThrow('encrypted with another key')
  expect(readFileSync(join(folder, 'secret'))).toEqual(Buffer.alloc(60))
})

test.each([{}, { key: 'secret' }])(
  'a damaged database (%o) costs the consumers, and no stream; it is kept',
  (settings) => {
    within(settings, fill)
    const path = join(folder, 'catalogue.sqlite')
    const bytes = readFileSync(path)
    bytes.fill(0xff, 0, 2048)
    writeFileSync(path, bytes)
    within(settings, (catalogue) => {
      expect(seen(catalogue)).toEqual({ ...FILLED, consumers: [] })
      expect(catalogue.notes[0]).toContain('is damaged')
    })
    expect(readdirSync(folder).some((name) => name.startsWith('catalogue.sqlite.damaged-'))).toBe(true)
    expect(within(settings, (catalogue) => catalogue.notes)).toEqual([])
  },
)

test('a folder of no known stream is left as it is, and named', () => {
  within({}, (catalogue) => {
    const id = fill(catalogue)
    writeFileSync(join(catalogue.folderOf(id), 'stream.json'), 'no JSON')
  })
  rmSync(join(folder, 'catalogue.sqlite'))
  within({}, (catalogue) => {
    expect(seen(catalogue)).toEqual({ streams: ['B ORDERS: config of others'], consumers: [] })
    expect(catalogue.notes.some((note) => note.includes('it is left as it is'))).toBe(true)
  })
})
