// Permissions of a cluster: which interest this server sends, and which it takes. Messages are not checked.

import type { Permissions, SubjectRules } from '../options/shapes.ts'
import type { SubjectLists } from '../remote/members.ts'
import { covers } from '../subjects/filter.ts'
import type { RouteHello } from './contract.ts'

export class RouteRights {
  private readonly imports: SubjectRules | undefined
  private readonly exports: SubjectRules | undefined
  private readonly theirExports: SubjectLists | undefined

  /** `permissions`: this server's; `hello`: what the other one says of its own. */
  constructor(permissions: Permissions | undefined, hello: RouteHello | undefined) {
    this.imports = permissions?.publish
    this.exports = permissions?.subscribe
    this.theirExports = hello?.exports
  }

  /** Whether interest in a subject is told: this server imports it, and the other one exports it. */
  maySendInterest(subject: string): boolean {
    return allows(this.imports, subject) && allows(this.theirExports, subject)
  }

  /** Whether the other server's interest in a subject is taken. */
  mayExport(subject: string): boolean {
    return allows(this.exports, subject)
  }
}

function allows(lists: SubjectLists | undefined, subject: string): boolean {
  if (lists === undefined) return true
  const { allow, deny } = lists
  if (allow !== undefined && allow.length > 0 && !allow.some((filter) => covers(filter, subject))) return false
  return deny?.some((filter) => covers(filter, subject)) !== true
}
