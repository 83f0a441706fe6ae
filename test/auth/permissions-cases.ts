// Random permissions and questions about them, answered by the server's code and by the model.

import { CompiledPermissions } from '../../src/auth/permissions.ts'
import type { Permissions } from '../../src/options/shapes.ts'
import type { Random } from '../support/random.ts'
import { PermissionsModel, WORLD } from './permissions-model.ts'

const TOKENS = ['a', 'b', 'c', '*']
const QUEUES = ['', '', 'q', 'q.a', 'q.b', 'r', '*', '>']
const PATTERNS = ['q', 'q.*', 'q.>', '>', '*', 'r', 'q.a']

/** One to three tokens, so that every filter is told from every other by some subject of the model's world. */
export function randomFilter(random: Random): string {
  const tokens = Array.from({ length: 1 + random.below(3) }, () => random.pick(TOKENS))
  if (random.chance(0.3)) tokens[tokens.length - 1] = '>'
  return tokens.join('.')
}

function randomEntries(random: Random, hasQueues: boolean): string[] {
  return Array.from({ length: random.below(4) }, () => {
    const filter = randomFilter(random)
    return hasQueues && random.chance(0.35) ? `${filter} ${random.pick(PATTERNS)}` : filter
  })
}

export function randomPermissions(random: Random): Permissions {
  const list = (hasQueues: boolean) => (random.chance(0.25) ? undefined : randomEntries(random, hasQueues))
  return {
    publish: random.chance(0.1) ? undefined : { allow: list(false), deny: list(false) },
    subscribe: random.chance(0.1) ? undefined : { allow: list(true), deny: list(true) },
    responses: random.chance(0.1) ? { maxMessages: 1, expires: 1000 } : undefined,
  }
}

/** Asks `count` questions. Answers the first one on which the two disagree, or undefined. */
export function firstDisagreement(random: Random, count: number): string | undefined {
  for (let asked = 0; asked < count; ) {
    const permissions = randomPermissions(random)
    const compiled = new CompiledPermissions(permissions)
    const model = new PermissionsModel(permissions)
    for (let i = 0; i < 20 && asked < count; i++, asked += 3) {
      const subject = random.pick(WORLD)
      const filter = random.chance(0.2) ? random.pick(WORLD) : randomFilter(random)
      const queue = random.pick(QUEUES)
      const answers: [string, boolean | string, boolean | string][] = [
        [`PUB ${subject}`, compiled.mayPublish(subject), model.mayPublish(subject)],
        [`SUB ${filter} ${queue}`, compiled.maySubscribe(filter, queue), model.maySubscribe(filter, queue)],
        [`MSG ${subject} ${queue}`, compiled.mayDeliver(subject, queue), model.mayDeliver(subject, queue)],
      ]
      for (const [question, ours, models] of answers) {
        if (ours !== models) return `${question}: ${ours}, model ${models}: ${JSON.stringify(permissions)}`
      }
      // What was allowed at SUB without a filter must never have been in need of one.
      if (answers[1][1] === 'allowed' && subjectsOf(filter).some((at) => !compiled.mayDeliver(at, queue))) {
        return `SUB ${filter} ${queue} needs a filter: ${JSON.stringify(permissions)}`
      }
    }
  }
  return undefined
}

function subjectsOf(filter: string): string[] {
  const everything = new CompiledPermissions({ publish: { allow: [filter] } })
  return WORLD.filter((subject) => everything.mayPublish(subject))
}
