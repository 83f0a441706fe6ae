import { describe, expect, it } from 'vitest'
import { Members } from '../../../src/auth/jwt/members.ts'
import { type Rights, readRights } from '../../../src/auth/jwt/rights.ts'
import { EXPANDED_MAX, EXPANSIONS_MAX, fillTemplates } from '../../../src/auth/jwt/templates.ts'
import type { Claims } from '../../../src/auth/jwt/token.ts'

const who: Claims = {
  id: '',
  name: 'alice',
  subject: 'UALICE',
  issuer: '',
  audience: '',
  issuedAt: 0,
  expires: 0,
  notBefore: 0,
  tags: ['team:red', 'team:blue', 'site:x', 'plain'],
}
const named = { user: who, account: { ...who, name: 'acme', tags: ['region:eu'] }, issuerAccount: 'AACME' }
const rights = (body: object): Rights => readRights(new Members(body, '', []), -1)
const fill = (body: object) => fillTemplates(rights(body), named)

describe('templates', () => {
  it('name the user and the account', () => {
    const filled = fill({
      pub: { allow: ['a.{{name()}}', 'b.{{subject()}}.x', 'c.{{account-name()}}', 'd.{{ account-subject() }}', 'e'] },
    })
    expect(filled?.publish.allow).toEqual(['a.alice', 'b.UALICE.x', 'c.acme', 'd.AACME', 'e'])
  })

  it('stand for each tag, in every combination', () => {
    const filled = fill({ sub: { allow: ['{{tag(team)}}.{{tag(site)}}.{{account-tag(region)}}.{{NAME()}}'] } })
    expect(filled?.subscribe.allow).toEqual(['red.x.eu.alice', 'blue.x.eu.alice'])
    expect(fill({ pub: { deny: ['{{tag(team)}}.{{tag(team)}}'] } })?.publish.deny).toEqual(['red.red', 'blue.blue'])
  })

  it('are left out where they would be no subject, and refuse all if nothing is left', () => {
    const filled = fill({ pub: { allow: ['a.{{tag(none)}}', 'b'] }, sub: { allow: ['a.{{tag(none)}}'], deny: ['x'] } })
    expect(filled?.publish).toEqual({ allow: ['b'], deny: undefined })
    expect(filled?.subscribe).toEqual({ allow: [], deny: ['x', '>'] })
  })

  it('fail as a whole where a deny cannot be made, or an operation is unknown', () => {
    expect(fill({ pub: { deny: ['a.{{tag(none)}}'] } })).toBeUndefined()
    expect(fill({ pub: { allow: ['a.{{host()}}'] } })).toBeUndefined()
    expect(fill({ sub: { deny: ['{{name()}}..x'] } })).toBeUndefined()
    for (const operation of ['', ' ', 'name', 'name(', 'tag', 'tag(', '__proto__', 'constructor()']) {
      expect(fill({ pub: { allow: [`{{${operation} }}`] } }), operation).toBeUndefined()
    }
  })

  it('take values as they are', () => {
    const odd = { ...named, user: { ...who, name: '$&.$1' } }
    expect(fillTemplates(rights({ pub: { allow: ['a.{{name()}}'] } }), odd)?.publish.allow).toEqual(['a.$&.$1'])
    const blank = { ...named, user: { ...who, name: 'a b' } }
    expect(fillTemplates(rights({ pub: { allow: ['a.{{name()}}'] } }), blank)?.publish).toEqual({
      allow: [],
      deny: ['>'],
    })
  })

  it('leave lists without any as they are', () => {
    const body = { pub: { allow: ['a..b', ' '], deny: [] }, sub: {} }
    expect(fill(body)?.publish).toEqual({ allow: ['a..b', ' '], deny: [] })
    expect(fill(body)?.subscribe).toEqual({ allow: undefined, deny: undefined })
  })

  it('do not grow without bound', () => {
    const tags = Array.from({ length: 65 }, (_, i) => `n:${i}`)
    const many = { ...named, user: { ...who, tags } }
    const allow = (entry: string) => fillTemplates(rights({ pub: { allow: [entry] } }), many)
    expect(allow('{{tag(n)}}')?.publish.allow?.length).toBe(65)
    expect(65 * 65).toBeGreaterThan(EXPANSIONS_MAX)
    expect(allow('{{tag(n)}}.{{tag(n)}}')).toBeUndefined()
    expect(allow('{{tag(n)}}.'.repeat(500))).toBeUndefined()
    const long = { ...named, user: { ...who, name: 'n'.repeat(EXPANDED_MAX / 4) } }
    const fillLong = (entry: string) => fillTemplates(rights({ pub: { allow: [entry] } }), long)
    expect(fillLong('{{name()}}.{{ name() }}')?.publish.allow).toHaveLength(1)
    expect(fillLong('{{name()}}.'.repeat(5))).toBeUndefined()
  })
})
