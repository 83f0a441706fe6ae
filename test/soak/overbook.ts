// A server on a machine that has far too much to do, which is frozen now and then on top: its threads wait for a
// processor most of the time, and nothing is wrong with any of them.

import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RawClient } from '../support/raw-client.ts'
import { startCommand } from '../support/server.ts'
import { Chatter, Listener, settle, Talker } from '../support/streams.ts'

export interface Overbooking {
  readonly workers: number
  readonly seconds: number
  /** Processes that do nothing but use the processor, and how nice they are. */
  readonly busy: number
  readonly busyNice: number
  /** How nice the server is. Whoever runs this is at 0, and busier than the others. */
  readonly serverNice: number
  /** The folder of a control group that the server is put into. */
  readonly group?: string | undefined
  readonly freezes: number
  readonly freezeMs: number
}

export interface OverbookingReport {
  /** Threads that were replaced. */
  readonly replaced: number
  /** How often a shard was silent for a second. */
  readonly late: number
  readonly messages: number
  readonly faults: readonly string[]
  /** The server's log. */
  readonly log: string
}

const countOf = (text: string, what: RegExp): number => text.match(what)?.length ?? 0

/** Runs the command `heddle` so, with traffic on all its shards. */
export async function overbook(terms: Overbooking): Promise<OverbookingReport> {
  const server = await startCommand(['--workers', String(terms.workers)])
  const hogs: ChildProcess[] = []
  const clients: RawClient[] = []
  try {
    const open = async (): Promise<RawClient> => {
      const client = await RawClient.open(server.port)
      clients.push(client)
      return client
    }
    const talkers: Talker[] = []
    const listeners: Listener[] = []
    // They go to the shards in turn.
    for (let i = 0; i < terms.workers; i++) talkers.push(new Talker(await open()))
    for (let i = 0; i < terms.workers; i++) listeners.push(await Listener.start(await open(), `listener ${i}`, talkers))
    const pid = server.child.pid as number
    setPriority(pid, terms.serverNice)
    if (terms.group !== undefined) writeFileSync(join(terms.group, 'cgroup.procs'), String(pid))
    for (let i = 0; i < terms.busy; i++) {
      const hog = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
      hogs.push(hog)
      setPriority(hog.pid as number, terms.busyNice)
    }
    const chatter = new Chatter(talkers, 50)
    const partMs = (terms.seconds * 1000) / (terms.freezes + 1)
    for (let part = 0; part <= terms.freezes; part++) {
      if (part > 0) {
        server.child.kill('SIGSTOP')
        await sleep(terms.freezeMs)
        server.child.kill('SIGCONT')
      }
      await sleep(partMs)
    }
    chatter.stop()
    for (const hog of hogs) hog.kill('SIGKILL')
    const faults = await settle(listeners, talkers)
    return {
      replaced: countOf(server.stderr, /is stuck and is replaced|Shard \d+ died/g),
      late: countOf(server.stderr, /event loop blocked/g),
      messages: talkers.reduce((sum, talker) => sum + talker.sent, 0),
      faults,
      log: server.stderr,
    }
  } finally {
    for (const hog of hogs) hog.kill('SIGKILL')
    for (const client of clients) client.socket.destroy()
    await server.stop('SIGKILL')
  }
}
