import { expect, test } from 'vitest'
import { PeerDirectory, parseDistinguishedName, peerNames } from '../../src/tls/names.ts'
import { type AttributeOrder, type CertificateOrder, OID, selfSigned } from './certificates.ts'

type Type = keyof typeof OID
/** `['O=Acme', 'OU=Ops', 'CN=alice']`: the parts of a subject, most general first; `+` joins attributes of one. */
function subject(...parts: string[]): AttributeOrder[][] {
  return parts.map((part) =>
    part.split('+').map((attribute) => {
      const at = attribute.indexOf('=')
      return { oid: OID[attribute.slice(0, at) as Type], value: attribute.slice(at + 1) }
    }),
  )
}

function userOf(users: readonly string[], order: CertificateOrder, mayConnect?: (user: string) => boolean) {
  return new PeerDirectory(users).find(peerNames(selfSigned(order).der), mayConnect)
}

const alice: CertificateOrder = {
  subject: subject('DC=test', 'DC=heddle', 'O=Acme', 'OU=Ops', 'OU=Night', 'UID=7', 'CN=alice'),
  emails: ['alice@heddle.test', 'al@heddle.test'],
  dnsNames: ['alice.heddle.test'],
  uris: ['spiffe://heddle.test/alice'],
}

test('names are looked for in the order e-mail, DNS name, URI, subject', () => {
  // The subject has an attribute without a short name, so it cannot be compared part by part.
  expect(peerNames(selfSigned(alice).der)).toEqual(
    [
      'alice@heddle.test',
      'al@heddle.test',
      'alice.heddle.test',
      'spiffe://heddle.test/alice',
      'CN=alice,OU=Ops+OU=Night,O=Acme,DC=test,DC=heddle',
      'CN=alice,OU=Ops+OU=Night,O=Acme',
    ].map((text) => ({ kind: 'text', text })),
  )
})

test('the first name that is a user counts, and only if it may connect in this way', () => {
  const users = ['spiffe://heddle.test/alice', 'al@heddle.test', 'CN=alice,OU=Ops+OU=Night,O=Acme']
  expect(userOf(users, alice)).toBe('al@heddle.test')
  expect(userOf(users, alice, (user) => !user.includes('@'))).toBe('spiffe://heddle.test/alice')
  expect(userOf(users, alice, (user) => user.startsWith('CN'))).toBe('CN=alice,OU=Ops+OU=Night,O=Acme')
  expect(userOf(users, alice, () => false)).toBeUndefined()
  expect(userOf([], alice)).toBeUndefined()
})

test.each<[string, string[], string[], string | undefined]>([
  ['as RFC 4514 writes it', ['O=Acme', 'OU=Ops', 'CN=alice'], ['CN=alice,OU=Ops,O=Acme'], 'CN=alice,OU=Ops,O=Acme'],
  ['with blanks', ['O=Acme', 'CN=alice'], ['CN = alice , O = Acme'], 'CN = alice , O = Acme'],
  ['types in any case', ['O=Acme', 'CN=alice'], ['cn=alice,o=Acme'], 'cn=alice,o=Acme'],
  ['values in another case', ['O=Acme', 'CN=alice'], ['CN=Alice,O=Acme'], undefined],
  ['in another order', ['O=Acme', 'OU=Ops', 'CN=alice'], ['OU=Ops,CN=alice,O=Acme'], 'OU=Ops,CN=alice,O=Acme'],
  ['domain parts', ['DC=test', 'DC=heddle', 'CN=al'], ['CN=al,DC=heddle,DC=test'], 'CN=al,DC=heddle,DC=test'],
  ['domain parts left out, as nats-server allows', ['DC=test', 'CN=al'], ['CN=al'], 'CN=al'],
  ['the right order before another one', ['O=A', 'CN=al'], ['O=A,CN=al', 'CN=al,O=A'], 'CN=al,O=A'],
  [
    'several users by the same parts in other orders',
    ['O=A', 'OU=B', 'CN=c'],
    ['O=A,OU=B,CN=c', 'OU=B,O=A,CN=c'],
    undefined,
  ],
  ['several users by the same parts', ['O=A', 'CN=c'], ['CN=c, O=A', 'CN=c,o=A'], undefined],
  ['a part too few', ['O=Acme', 'OU=Ops', 'CN=alice'], ['CN=alice,O=Acme'], undefined],
  ['a part too many', ['O=Acme', 'CN=alice'], ['CN=alice,OU=Ops,O=Acme'], undefined],
  ['the same part twice is not another part twice', ['OU=a', 'OU=a', 'OU=b'], ['OU=a,OU=b,OU=b'], undefined],
  ['several attributes in a part', ['O=Acme', 'OU=Ops+CN=al'], ['CN=al+OU=Ops,O=Acme'], 'CN=al+OU=Ops,O=Acme'],
  [
    'several attributes in a part, as Go writes them',
    ['O=Acme', 'OU=Ops+CN=al'],
    ['CN=al,OU=Ops,O=Acme'],
    'CN=al,OU=Ops,O=Acme',
  ],
  ['the same twice in a part', ['OU=a+OU=a+OU=b'], ['OU=a+OU=b+OU=b'], undefined],
  ['two common names: only with both', ['CN=alice', 'CN=admin'], ['CN=admin', 'CN=alice'], undefined],
  ['two common names, both', ['CN=alice', 'CN=admin'], ['CN=admin,CN=alice'], 'CN=admin,CN=alice'],
  ['a comma that is part of the value', ['CN=al,O=Acme'], ['CN=al,O=Acme'], undefined],
  ['a comma that is escaped', ['CN=al,O=Acme'], ['CN=al\\,O=Acme'], 'CN=al\\,O=Acme'],
  ['an equals sign in a value', ['CN=a=b'], ['CN=a=b'], 'CN=a=b'],
  ['bytes by their numbers', ['CN=Öl'], ['CN=\\C3\\96l'], 'CN=\\C3\\96l'],
  ['a blank at the end', ['CN=al '], ['CN=al\\ '], 'CN=al\\ '],
  ['a blank at the end that is not escaped', ['CN=al '], ['CN=al '], undefined],
])('a subject names a user: %s', (_, parts, users, user) => {
  expect(userOf(users, { subject: subject(...parts) })).toBe(user)
})

test('a certificate that cannot be read exactly names nobody', () => {
  const order = { subject: 'alice', dnsNames: ['alice.test', 'a\0.test'] }
  expect(userOf(['alice.test', 'CN=alice', 'a'], order)).toBeUndefined()
})

test('an empty subject names nobody, not even a user without a name', () => {
  expect(userOf([''], { subject: [] })).toBeUndefined()
})

test.each([
  '',
  'alice',
  'CN',
  '=x',
  'CN=a,',
  ',CN=a',
  'CN=a,,O=b',
  'CN=#0401',
  'CN=a\\',
  'CN=a\\4',
  'CN=\\FF',
  'C N=a',
])('%j is not a distinguished name', (text) => {
  expect(parseDistinguishedName(text)).toBeUndefined()
})
