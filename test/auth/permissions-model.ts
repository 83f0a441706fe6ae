// What permissions mean, said as plainly as possible: lists of entries, each tried in turn. The server's tries are held
// against it. It knows only literal subjects; what a wildcard covers is found by trying subjects.

import type { Permissions } from '../../src/options/shapes.ts'

const PATTERNS = new Map<string, RegExp>()

function covers(filter: string, subject: string): boolean {
  let pattern = PATTERNS.get(filter)
  if (pattern === undefined) {
    const tokens = filter.split('.').map((token) => {
      if (token === '*') return '[^.]+'
      return token === '>' ? '[^.]+(\\.[^.]+)*' : token.replace(/\W/g, '\\$&')
    })
    pattern = new RegExp(`^${tokens.join('\\.')}$`)
    PATTERNS.set(filter, pattern)
  }
  return pattern.test(subject)
}

const queueFits = (entry: string, queue: string): boolean => {
  const name = entry.split(' ')[1]
  return name === queue || (!queue.split('.').includes('>') && covers(name, queue))
}

/** Subjects of up to four tokens over the letters that cases are made of, and one that no case names. */
export const WORLD = ['a', 'b', 'c', 'z']
for (let i = 0; i < 4 + 16 + 64; i++) for (const letter of ['a', 'b', 'c', 'z']) WORLD.push(`${WORLD[i]}.${letter}`)

export class PermissionsModel {
  private readonly permissions: Permissions

  constructor(permissions: Permissions) {
    this.permissions = permissions
  }

  mayPublish(subject: string): boolean {
    const { allow, deny } = this.permissions.publish ?? {}
    const isAllowed = allow === undefined ? !this.permissions.responses : allow.some((entry) => covers(entry, subject))
    return isAllowed && !(deny ?? []).some((entry) => covers(entry, subject))
  }

  mayDeliver(subject: string, queue: string): boolean {
    return !(this.permissions.subscribe?.deny ?? []).some(
      (entry) => covers(entry.split(' ')[0], subject) && (!entry.includes(' ') || (queue && queueFits(entry, queue))),
    )
  }

  /** Some one entry must allow all that the filter covers, read as a token and as a wildcard; no deny all of it. */
  maySubscribe(filter: string, queue: string): 'denied' | 'allowed' | 'filtered' {
    const covered = WORLD.filter((subject) => covers(filter, subject))
    const literally = (entry: string) => covers(entry.split(' ')[0], filter)
    const within = (entry: string) => covered.every((subject) => covers(entry.split(' ')[0], subject))
    if (!this.allows(queue, literally) || !this.allows(queue, within)) return 'denied'
    const denying = (this.permissions.subscribe?.deny ?? []).filter(literally)
    if (denying.some((entry) => !entry.includes(' ') || (queue && queueFits(entry, queue)))) return 'denied'
    return covered.every((subject) => this.mayDeliver(subject, queue)) ? 'allowed' : 'filtered'
  }

  private allows(queue: string, applies: (entry: string) => boolean): boolean {
    const allow = this.permissions.subscribe?.allow ?? []
    const applying = allow.filter(applies)
    const named = queue === '' ? [] : applying.filter((entry) => entry.includes(' '))
    if (named.length > 0) return named.some((entry) => queueFits(entry, queue))
    return allow.length === 0 || applying.some((entry) => !entry.includes(' '))
  }
}
