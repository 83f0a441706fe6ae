// Bodies of requests to the server: JSON as Go reads it.

import { describe, expect, it } from 'vitest'
import { bodyShape, RequestOptions, readBody } from '../../../src/system/primary/request-options.ts'

const SHAPE = bodyShape('Pagez', {
  limit: ['int', 'limit'],
  cid: ['uint64', 'cid'],
  deep: ['bool', 'subs'],
  acc: ['string', 'acc'],
})

function read(body: string): RequestOptions {
  const options = readBody(Buffer.from(body), SHAPE)
  if (!(options instanceof RequestOptions)) throw new Error(options.wrong)
  return options
}

describe('a body', () => {
  it.each(['', 'null', '{}', '{"unknown":[1,{"x":null}]}', '{"limit":null}', ' {} \n'])(
    'may say nothing: %j',
    (body) => {
      const options = read(body)
      expect([options.number('limit'), options.is('deep'), options.text('acc'), options.texts('tags')]).toEqual([
        0,
        false,
        '',
        [],
      ])
    },
  )

  it('says filters and options, whatever the case of their names', () => {
    const options = read('{"Server_Name":"x","TAGS":["a"],"limit":-3,"deep":true,"acc":"ü"}')
    expect(options.text('server_name')).toBe('x')
    expect(options.texts('tags')).toEqual(['a'])
    const parameters = options.parameters({ more: '1' })
    expect([parameters.integer('limit'), parameters.boolean('subs'), parameters.text('acc')]).toEqual([-3, true, 'ü'])
    expect(parameters.bytes('more')).toBe('1')
    expect(parameters.bytes('server_name')).toBe('')
  })

  it('adds nothing to objects of ours', () => {
    const options = read('{"__proto__":{"limit":5},"constructor":{"prototype":{"limit":5}}}')
    expect(options.number('limit')).toBe(0)
    expect(({} as Record<string, unknown>)['limit']).toBeUndefined()
  })

  it.each([
    ['x', "invalid character 'x' looking for beginning of value"],
    ['  ', 'unexpected end of JSON input'],
    ['{"limit":', 'unexpected end of JSON input'],
    ['[]', 'json: cannot unmarshal array into Go value of type server.PagezEventOptions'],
    ['true', 'json: cannot unmarshal bool into Go value of type server.PagezEventOptions'],
    [
      '{"limit":{}}',
      'json: cannot unmarshal object into Go struct field PagezEventOptions.PagezOptions.limit of type int',
    ],
    [
      '{"limit":1.5}',
      'json: cannot unmarshal number 1.5 into Go struct field PagezEventOptions.PagezOptions.limit of type int',
    ],
    [
      '{"limit":1.0}',
      'json: cannot unmarshal number 1.0 into Go struct field PagezEventOptions.PagezOptions.limit of type int',
    ],
    [
      '{"limit":"x","LIMIT":1}',
      'json: cannot unmarshal string into Go struct field PagezEventOptions.PagezOptions.limit of type int',
    ],
    [
      '{"tags":["a",1]}',
      'json: cannot unmarshal number into Go struct field PagezEventOptions.EventFilterOptions.tags of type string',
    ],
    [
      '{"cid":-1}',
      'json: cannot unmarshal number -1 into Go struct field PagezEventOptions.PagezOptions.cid of type uint64',
    ],
    [
      '{"host":1}',
      'json: cannot unmarshal number into Go struct field PagezEventOptions.EventFilterOptions.host of type string',
    ],
  ])('is refused: %s', (body, wrong) => {
    expect(readBody(Buffer.from(body), SHAPE)).toEqual({ wrong })
  })
})
