// Login by a user token (docs/reference/authentication.md, "Operator mode"): checks each link of the chain operator →
// account → user, then address, time and kind of connection.

import { BlockList, isIP, isIPv6 } from 'node:net'
import { whyNotSigned } from '../configured.ts'
import { AuthFaults, type Identity, identity, type Refusal, refuse } from '../identity.ts'
import { type AuthRequest, andThen, type Soon, shownUser } from '../request.ts'
import type { OperatorSettings } from '../settings.ts'
import type { VerifiedAccount } from './account.ts'
import { type AccountBook, isExpired } from './account-book.ts'
import { isRevoked } from './activation.ts'
import { isEmpty, parseNetwork, type Rights, toConnectionTypes, toPermissions } from './rights.ts'
import { fillTemplates } from './templates.ts'
import { timeLeft } from './times.ts'
import { isInvalid } from './token.ts'
import { decodeUser, type User, whyNotUser } from './user.ts'

/** The order of questions is nats-server's; each has one answer, and only the last one lets in. */
export function authenticateToken(
  operator: OperatorSettings,
  accounts: AccountBook,
  request: AuthRequest,
  isProxied: boolean,
): Soon<Identity | Refusal> {
  // A client whose own token cannot be read may still log in by the default sentinel.
  const own = decodeUser(request.credentials.jwt)
  const isOwn = !isInvalid(own) || operator.defaultSentinel === ''
  const jwt = isOwn ? request.credentials.jwt : operator.defaultSentinel
  const user = isOwn ? own : decodeUser(jwt)
  if (isInvalid(user)) return refuse(jwt === '' ? 'authentication requires a user token' : user.invalid)
  if (user.rights.proxyRequired && !isProxied) return refuse('proxy required', AuthFaults.proxyRequired)
  const why = whyNotUser(user, request.nowMs)
  if (why !== undefined) return refuse(why)
  const key = user.issuerAccount || user.claims.issuer
  const { pinnedAccounts } = operator
  if (pinnedAccounts.length > 0 && !pinnedAccounts.includes(key)) return refuse('account is not pinned')
  return andThen(accounts.lookup(key, request.nowMs), (account) => {
    if (isInvalid(account)) return refuse(account.invalid)
    return admit(user, jwt, account, request, isProxied)
  })
}

function admit(
  user: User,
  jwt: string,
  account: VerifiedAccount,
  request: AuthRequest,
  isProxied: boolean,
): Identity | Refusal {
  const rights = rightsOf(user, account)
  if ('fault' in rights) return rights
  if (rights.proxyRequired && !isProxied) return refuse('proxy required', AuthFaults.proxyRequired)
  if (isExpired(account, request.nowMs)) return refuse('account has expired')
  if (rights.bearer && account.limits.disallowBearer) return refuse('account does not allow bearer tokens')
  const connectionTypes = toConnectionTypes(rights)
  if (connectionTypes !== undefined && !connectionTypes.includes(request.connectionType)) {
    return refuse('connection type not allowed')
  }
  const { claims } = user
  const unsigned = rights.bearer ? undefined : whyNotSigned(request, claims.subject)
  if (unsigned !== undefined) return unsigned
  if (isRevoked(account.revocations, claims.subject, claims.issuedAt)) return refuse('user is revoked')
  if (!isFrom(rights.sources ?? [], request.ip)) return refuse('address not allowed')
  const leftMs = timeLeft(rights.windows ?? [], rights.zone, request.nowMs)
  if (leftMs === 0) return refuse('time of day not allowed')

  return identity('jwt', shownUser({ ...request.credentials, jwt }, claims.subject), account.claims.subject, {
    ...grantOf(rights, account),
    limits: { subscriptions: rights.subscriptions, payload: rights.payload },
    connectionTypes: connectionTypes ?? [],
    expiresAtMs: earliest(claims.expires, leftMs, request.nowMs),
    nameTag: claims.name,
    tags: claims.tags,
    token: {
      jwt,
      subject: claims.subject,
      issuer: claims.issuer,
      issuedAt: claims.issuedAt,
      bearer: rights.bearer,
    },
  })
}

/** What the user's token grants, or the scope of the key that signed it; refused if that key is not the account's. */
export function rightsOf(user: User, account: VerifiedAccount): Rights | Refusal {
  const { claims, issuerAccount, rights } = user
  if (!account.signers.has(claims.issuer)) return refuse('user is signed by an unknown key')
  const scope = account.signers.get(claims.issuer)
  if (scope === undefined) return rights
  if (!isEmpty(rights)) return refuse('user of a scoped signing key has permissions of its own')
  const filled = fillTemplates(scope, { user: claims, account: account.claims, issuerAccount })
  return filled ?? refuse('templates of the signing key cannot be resolved')
}

/** Permissions of a token, or the account's where it says none. */
export function grantOf(
  rights: Rights,
  account: VerifiedAccount,
): Pick<Identity, 'permissions' | 'hasDefaultPermissions'> {
  const own = toPermissions(rights)
  if (own !== undefined) return { permissions: own, hasDefaultPermissions: false }
  return { permissions: toPermissions(account.defaultPermissions), hasDefaultPermissions: true }
}

/** Whether the address is in one of the networks; no networks: all are. */
export function isFrom(sources: readonly string[], ip: string): boolean {
  if (sources.length === 0) return true
  if (isIP(ip) === 0) return false
  const allowed = new BlockList()
  for (const source of sources) {
    const network = parseNetwork(source)
    if (network === undefined) return false
    allowed.addSubnet(network.address, network.bits, network.family)
  }
  return allowed.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
}

/** When a token or its window of time ends, whichever is first. */
export function earliest(expires: number, leftMs: number | undefined, nowMs: number): number | undefined {
  const ends = [expires > 0 ? expires * 1000 : undefined, leftMs === undefined ? undefined : nowMs + leftMs]
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
