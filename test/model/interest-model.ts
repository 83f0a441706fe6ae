// The shared index in the plainest way: a list of filters with counts, every one of them compared with the subject.

import type { Interest } from '../../src/interest/reader.ts'

/** Whether a filter matches a subject, by the rules of docs/reference/operations.md, "Subjects". Byte strings. */
export function naiveMatch(filter: string, subject: string): boolean {
  return !subject.split('.').includes('') && matchTokens(filter.split('.'), subject.split('.'))
}

function matchTokens(filter: readonly string[], subject: readonly string[]): boolean {
  if (filter.length === 0) return subject.length === 0
  if (subject.length === 0) return false
  if (filter[0] === '>' && filter.length === 1) return true
  return (filter[0] === '*' || filter[0] === subject[0]) && matchTokens(filter.slice(1), subject.slice(1))
}

interface Entry {
  readonly account: string
  readonly filter: string
  readonly queue: string
  count: number
}

export class InterestModel {
  private readonly entries = new Map<string, Entry>()

  add(account: string, filter: string, queue: string): void {
    const key = JSON.stringify([account, filter, queue])
    const entry = this.entries.get(key)
    if (entry === undefined) this.entries.set(key, { account, filter, queue, count: 1 })
    else entry.count++
  }

  remove(account: string, filter: string, queue: string): void {
    const key = JSON.stringify([account, filter, queue])
    const entry = this.entries.get(key) as Entry
    if (--entry.count === 0) this.entries.delete(key)
  }

  read(account: string, subject: string): Interest {
    let plain = false
    let queues: Map<string, number> | undefined
    for (const entry of this.entries.values()) {
      if (entry.account !== account || !naiveMatch(entry.filter, subject)) continue
      if (entry.queue === '') plain = true
      else {
        queues ??= new Map()
        queues.set(entry.queue, (queues.get(entry.queue) ?? 0) + entry.count)
      }
    }
    return { plain, queues }
  }
}
