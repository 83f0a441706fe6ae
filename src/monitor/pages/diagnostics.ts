// /stacksz and /debug/vars: diagnostics of the process. nats-server shows stacks of goroutines and the memory of Go;
// here are the threads with what keeps their loops alive, and the memory of Node under Go's names, as far as they
// correspond. Arguments of the command are not shown, because they may contain passwords.

import { nowMs } from '../../base/clock.ts'
import { age } from '../../base/go-format.ts'
import { type Answer, jsonAnswer, textAnswer } from '../answer.ts'
import type { PageContext } from '../page.ts'
import type { Parameters } from '../parameters.ts'

export async function stacksz(_parameters: Parameters, context: PageContext): Promise<Answer> {
  const load = context.load.report()
  const threads = await context.reports.ask({ kind: 'load' })
  const lines = [`thread primary [${describeLoad(load.utilisation, load.lagP99Ms)}]:`]
  for (const [resource, count] of Object.entries(countedResources())) lines.push(`\t${resource} ${count}`)
  for (const [index, { state }] of context.server.shardStates.entries()) {
    const shardLoad = threads.find(({ shard }) => shard === index)?.load
    const words = shardLoad === undefined ? 'does not answer' : describeLoad(shardLoad.utilisation, shardLoad.lagP99Ms)
    lines.push('', `thread shard ${index} [${state}, ${words}]:`)
  }
  // A text, under the type that nats-server gives its own.
  return textAnswer(`${lines.join('\n')}\n`, 200, { 'Content-Type': 'application/json' })
}

function describeLoad(utilisation: number, lagMs: number): string {
  return `busy ${Math.round(utilisation * 100)}%, late by ${lagMs.toFixed(1)}ms`
}

function countedResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

export function debugVars(_parameters: Parameters, context: PageContext): Answer {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
  return jsonAnswer({
    cmdline: ['heddle'],
    memstats: {
      Alloc: heapUsed + external,
      Sys: rss,
      HeapAlloc: heapUsed,
      HeapSys: heapTotal,
      HeapIdle: heapTotal - heapUsed,
      HeapInuse: heapUsed,
      External: external,
      ArrayBuffers: arrayBuffers,
    },
    uptime: age(nowMs() - context.server.startedAt),
  })
}
