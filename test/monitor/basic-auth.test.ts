import { describe, expect, it } from 'vitest'
import { BasicAuth } from '../../src/monitor/basic-auth.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

describe('BasicAuth', () => {
  const auth = new BasicAuth('ops', 'p:äss')

  it('lets in who knows user and password', () => {
    expect(auth.allows(basic('ops:p:äss'))).toBe(true)
    expect(auth.allows(basic('ops:p:äss').replace('Basic', 'basic'))).toBe(true)
  })

  it.each(['', 'Basic', 'Basic ', basic(''), basic('ops'), basic('ops:'), basic('ops:p:ass'), basic('Ops:p:äss')])(
    'refuses %j',
    (header) => expect(auth.allows(header)).toBe(false),
  )

  it.each([`Bearer ${Buffer.from('ops:p:äss').toString('base64')}`, `${basic('ops:p:äss')} x`, 'Basic %%%'])(
    'refuses %j',
    (header) => expect(auth.allows(header)).toBe(false),
  )

  it('asks nobody where nothing is set', () => expect(new BasicAuth('', '').allows('')).toBe(true))

  it('does not take an empty password for none', () => {
    const noPassword = new BasicAuth('ops', '')
    expect([noPassword.allows(''), noPassword.allows(basic('ops:'))]).toEqual([false, true])
  })
})
