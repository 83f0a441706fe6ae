// The list of file streams, in a real database.

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Catalogue } from '../../../src/jetstream/primary/catalogue.ts'
import { folderOf } from '../../../src/jetstream/stores.ts'
import { streamConfig } from '../../../src/jetstream/stream-config.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'heddle-catalogue-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const stream = (name: string, description = '', account = '$G') => ({
  account,
  config: streamConfig({ name, description }),
  createdUs: 5,
  id: 0,
})

test('streams are there again, each with its number, in the account that they belong to', () => {
  const path = folder()
  const first = new Catalogue(path)
  const ids = [first.put(stream('A')), first.put(stream('B')), first.put(stream('A', '', 'other'))]
  expect(new Set(ids).size).toBe(3)
  expect(first.put(stream('B', 'changed'))).toBe(ids[1])
  first.close()
  const second = new Catalogue(path)
  expect(second.streams().map(({ account, config, id }) => [account, config.name, config.description, id])).toEqual([
    ['$G', 'A', '', ids[0]],
    ['$G', 'B', 'changed', ids[1]],
    ['other', 'A', '', ids[2]],
  ])
  second.close()
})

test('a number is never used again, and what a crash left of a deleted stream goes at the next start', () => {
  const path = folder()
  const first = new Catalogue(path)
  const id = first.put(stream('A'))
  mkdirSync(folderOf(path, id), { recursive: true })
  first.remove(id)
  expect(first.put(stream('A'))).toBeGreaterThan(id)
  first.close()
  const second = new Catalogue(path)
  expect(second.streams().map(({ config }) => config.name)).toEqual(['A'])
  expect(existsSync(folderOf(path, id))).toBe(false)
  second.close()
})
