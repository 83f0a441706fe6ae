// src/node.sh bench/stream-subjects.ts [--subjects N] [--rounds N]: questions by wildcard filters about a store in memory
// of so many subjects, `kv.AAA.BBB.N`, with two messages each. Medians of processor time; a filter is made anew each time,
// as a request makes it. The first question also puts subjects in order (subject-order.ts).

import { parseArgs } from 'node:util'
import { MemoryStore } from '../src/jetstream/storage/memory-store.ts'
import { SubjectFilter } from '../src/jetstream/storage/subject-filter.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: { subjects: { type: 'string', default: '100000,1000000' }, rounds: { type: 'string', default: '21' } },
})
const NONE = Buffer.alloc(0)
/** A group has so many subjects. */
const GROUP = 100

function filled(count: number): MemoryStore {
  const store = new MemoryStore()
  for (let i = 0; i < 2 * count; i++) {
    const key = i % count
    const group = Math.floor(key / GROUP)
    store.append(i, Buffer.from(`kv.${group % 1000}.${Math.floor(group / 1000)}.${key}`), NONE, NONE)
  }
  return store
}

function line(what: string, act: (filter: (text: string) => SubjectFilter) => unknown): void {
  const make = (text: string): SubjectFilter => new SubjectFilter([text])
  const times: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const before = process.cpuUsage()
    act(make)
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  process.stdout.write(
    `${what.padEnd(52)}first ${times[0].toFixed(2).padStart(8)} ms  then ${median(times).toFixed(3)} ms\n`,
  )
}

for (const count of values.subjects.split(',').map(Number)) {
  const store = filled(count)
  process.stdout.write(`${count} subjects, index ${(store.indexBytes / 2 ** 20).toFixed(0)} MiB\n`)
  line('pending of a hundred subjects, kv.7.0.>', (f) => store.pending(f('kv.7.0.>'), 1))
  line('… from the middle on', (f) => store.pending(f('kv.7.0.>'), count + 700 + 50))
  line('pending of a thousand groups’ firsts, kv.*.0.*', (f) => store.pending(f('kv.*.0.*'), 1))
  line('the last of a hundred subjects', (f) => store.previous(f('kv.7.0.>'), store.last))
  line('the next of a hundred subjects, from behind them', (f) => store.next(f('kv.7.0.>'), count + 900))
  line('nothing matches, other.>', (f) => store.next(f('other.>'), 1))
  line('a hundred subjects with their counts', (f) => [...store.subjects(f('kv.7.0.>'))].length)
}
