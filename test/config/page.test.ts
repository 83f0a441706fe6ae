import { expect, test } from 'vitest'
import { normaliseOptions } from '../../src/config/normalise.ts'
import { SETTINGS } from '../../src/config/table/table.ts'
import { committedPage, configurationPage } from './configuration-page.ts'

test('docs/configuration.md is what the tables say; npm run docs:config writes it', () => {
  expect(committedPage()).toBe(configurationPage())
})

test('every option has a setting, and every key and flag is there once', () => {
  const options = SETTINGS.flatMap(({ option }) => option ?? [])
  expect(options.toSorted()).toEqual(
    Object.keys(normaliseOptions({}))
      .filter((name) => name !== 'configFile' && name !== 'configDigest')
      .toSorted(),
  )
  for (const list of [SETTINGS.flatMap(({ keys }) => keys), SETTINGS.flatMap(({ flags }) => flags)]) {
    expect(new Set(list).size).toBe(list.length)
  }
})
