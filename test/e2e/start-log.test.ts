// What the log says at the start and at a reload, line by line, beside nats-server.

import { expect, test } from 'vitest'
import { configuredServers, startReloadable } from '../support/configured-servers.ts'

/** Levels and texts, without what is measured or made up. */
function linesOf(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '' && !/ (Git|Shards): /.test(line))
    .map((line) => line.replace(/^\[\d+\] \S+ \S+ /, ''))
    .map((line) => line.replace(/(Version:|Name:|ID:|configuration|connections on) .*/, '$1'))
}

test.each(configuredServers('log lines of a start').filter(({ name }) => name !== 'heddle, 4 shards'))(
  '$name',
  async (server) => {
    const { program, reload } = await startReloadable(server, 'authorization { user: a, password: b }')
    expect(linesOf(program.stderr.slice(0, program.stderr.indexOf('Server is ready')))).toEqual([
      '[INF] Starting nats-server',
      '[INF]   Version:',
      '[INF]   Name:',
      '[INF]   ID:',
      '[WRN] Plaintext passwords detected, use nkeys or bcrypt',
      '[INF] Using configuration',
      '[INF] Listening for client connections on',
      expect.stringMatching(/\[INF\] $/),
    ])
    const lines = linesOf(
      await reload('authorization { user: c, password: d, timeout: 5 }\nmax_connections: 7\nconnect_error_reports: 5'),
    )
    for (const line of [
      'max_connections = 7',
      'authorization username',
      'authorization password',
      'authorization timeout = 5',
      'connect_error_reports = 5',
    ]) {
      expect(lines).toContain(`[INF] Reloaded: ${line}`)
    }
  },
)
