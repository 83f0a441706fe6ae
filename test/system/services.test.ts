// Which subjects of the system account are the server's own.

import { describe, expect, it } from 'vitest'
import { ACCOUNT_PAGES, CLAIMS, ORDERS, SERVER_PAGES } from '../../src/system/service-names.ts'
import { type Offer, serviceOf } from '../../src/system/services.ts'

const OFFER: Offer = { serverId: 'NID', claims: 'all' }
const nameOf = (subject: string, offer = OFFER): string | undefined => serviceOf(subject, offer)?.name

describe('services', () => {
  it('are known by their subjects', () => {
    for (const page of SERVER_PAGES) {
      expect(nameOf(`$SYS.REQ.SERVER.PING.${page}`)).toBe(page)
      expect(nameOf(`$SYS.REQ.SERVER.NID.${page}`)).toBe(page)
    }
    for (const order of ORDERS) {
      expect(nameOf(`$SYS.REQ.SERVER.NID.${order}`)).toBe(order)
      expect(nameOf(`$SYS.REQ.SERVER.PING.${order}`)).toBeUndefined()
    }
    for (const page of ACCOUNT_PAGES) {
      const subject = `$SYS.REQ.ACCOUNT.A.${page.replace('ACCOUNT.', '')}`
      expect(serviceOf(subject, OFFER)).toEqual({ name: page, account: 'A' })
    }
    for (const claims of CLAIMS) expect(nameOf(`$SYS.REQ.${claims}`)).toBe(claims)
    expect(nameOf('$SYS.REQ.SERVER.PING')).toBe('STATSZ')
    expect(nameOf('$SYS.REQ.ACCOUNT.PING.STATZ')).toBe('STATZ')
    expect(nameOf('$SYS.REQ.USER.INFO')).toBe('USER.INFO')
    expect(nameOf('$SYS.REQ.USER.A.INFO')).toBe('USER.INFO')
    expect(serviceOf('$SYS.ACCOUNT.A.CLAIMS.UPDATE', OFFER)).toEqual({ name: 'CLAIMS.UPDATE', account: 'A' })
    expect(serviceOf('$SYS.REQ.ACCOUNT.A.CLAIMS.LOOKUP', OFFER)).toEqual({ name: 'CLAIMS.LOOKUP', account: 'A' })
  })

  it.each([
    '$SYS',
    '$SYS.',
    '$SYS.REQ',
    '$SYS.REQ.',
    '$SYS.REQ.SERVER',
    '$SYS.REQ.SERVER.NID',
    '$SYS.REQ.SERVER.OTHER.VARZ',
    '$SYS.REQ.SERVER.PING.',
    '$SYS.REQ.SERVER.PING.varz',
    '$SYS.REQ.SERVER.PING.VARZ.X',
    '$SYS.REQ.SERVER.PING.toString',
    '$SYS.REQ.ACCOUNT',
    '$SYS.REQ.ACCOUNT.A',
    '$SYS.REQ.ACCOUNT.A.',
    '$SYS.REQ.ACCOUNT.A.X',
    '$SYS.REQ.ACCOUNT.A.INFO.X',
    '$SYS.REQ.ACCOUNT.A.CLAIMS',
    '$SYS.REQ.ACCOUNT.A.CLAIMS.LIST',
    '$SYS.REQ.CLAIMS',
    '$SYS.REQ.CLAIMS.LOOKUP',
    '$SYS.REQ.USER',
    '$SYS.REQ.USER.A.B.INFO',
    '$SYS.REQ.USER.AUTH',
    '$SYS.DEBUG',
    '$SYS.DEBUG.SUBSCRIBERS.X',
    '$SYS.ACCOUNT.A.CONNECT',
    '$SYS.SERVER.NID.STATSZ',
    '$JS.API.INFO',
    'x.REQ.SERVER.PING',
  ])('are not %s', (subject) => {
    expect(nameOf(subject)).toBeUndefined()
  })

  it('for tokens are there only where tokens can be pushed', () => {
    const offer: Offer = { ...OFFER, claims: 'none' }
    for (const claims of CLAIMS) expect(nameOf(`$SYS.REQ.${claims}`, offer)).toBeUndefined()
    expect(nameOf('$SYS.REQ.ACCOUNT.A.CLAIMS.UPDATE', offer)).toBeUndefined()
    expect(nameOf('$SYS.REQ.ACCOUNT.A.INFO', offer)).toBe('ACCOUNT.INFO')
    const some: Offer = { ...OFFER, claims: 'update' }
    for (const claims of CLAIMS) expect(nameOf(`$SYS.REQ.${claims}`, some)).toBeUndefined()
    expect(nameOf('$SYS.REQ.ACCOUNT.A.CLAIMS.LOOKUP', some)).toBeUndefined()
    expect(nameOf('$SYS.REQ.ACCOUNT.A.CLAIMS.UPDATE', some)).toBe('CLAIMS.UPDATE')
    expect(nameOf('$SYS.ACCOUNT.A.CLAIMS.UPDATE', some)).toBe('CLAIMS.UPDATE')
  })
})
