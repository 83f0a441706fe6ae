// One run: a fresh server, the load, and what both of them showed.

import { fileURLToPath } from 'node:url'
import type { Run } from './metrics.ts'
import { type Program, ServerProcess } from './server-process.ts'
import type { Contender, Shape } from './shape.ts'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface Setting {
  /** The nats-server to compare with. */
  readonly peer: string
  /** Heddle's shards where a contender does not say; undefined: its own default. */
  readonly workers: number | undefined
  /** Share of the usual number of messages. */
  readonly scale: number
}

function programOf(shape: Shape, contender: Contender, setting: Setting): Program {
  switch (contender.program) {
    case 'peer':
      return { command: setting.peer, arguments: [] }
    case 'heddle': {
      const workers = contender.workers ?? setting.workers
      const shards = workers === undefined ? [] : ['--workers', `${workers}`]
      return { command: `${ROOT}src/heddle.sh`, arguments: [...shards, ...(contender.flags ?? [])] }
    }
    case 'floor': {
      const task = shape.load.floor?.(setting.scale) ?? []
      return { command: process.execPath, arguments: [`${ROOT}bench/floor.ts`, ...task], publishes: true }
    }
  }
}

/** Runs the shape's load against a fresh server. Rejects when the load did not go through whole. */
export async function measure(shape: Shape, contender: Contender, setting: Setting): Promise<Run> {
  const server = await ServerProcess.start(programOf(shape, contender, setting), contender.setup)
  try {
    const { messages, metrics } = await shape.load.run(server, setting.scale)
    const { cpuMs, loadCpuMs } = server
    const usage = server.usage()
    const isOurs = shape.load.isTool !== true && !Number.isNaN(loadCpuMs)
    return {
      ...(messages > 0 ? { cpuUs: (cpuMs * 1000) / messages, growthMiB: usage.peakMiB - server.atReady.rssMiB } : {}),
      ...(messages > 0 && isOurs ? { loadCpuUs: (loadCpuMs * 1000) / messages } : {}),
      peakMiB: usage.peakMiB,
      lifeCpuMs: usage.cpuMs,
      ...metrics,
    }
  } catch (error) {
    const log = server.logTail
    throw new Error(`${error instanceof Error ? error.message : error}${log === '' ? '' : `\nits log ends: ${log}`}`)
  } finally {
    await server.stop()
  }
}
