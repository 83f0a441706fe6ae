// Orders of the system account to the server: reload the configuration, and close or redirect one client.

import type { Reply, ServiceCall } from './service.ts'

function refused(description: string): Reply {
  return { error: { code: 500, description } }
}

/** `$SYS.REQ.SERVER.<id>.RELOAD`. Answered when all go by the new configuration. */
export async function reload({ system }: ServiceCall): Promise<Reply> {
  try {
    await system.server.rereadOptions()
    return {}
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    system.server.log.error(`Failed to reload server configuration: ${text}`)
    return refused(text)
  }
}

/** `$SYS.REQ.SERVER.<id>.KICK`: closes a connection. */
export async function kick({ options, system }: ServiceCall): Promise<Reply> {
  const { reports, silent } = await system.server.ask({ kind: 'kick', id: options.number('cid') })
  return reports.includes(true) ? {} : refused(silent.length > 0 ? noAnswer(silent) : 'no such client or leafnode id')
}

/** `$SYS.REQ.SERVER.<id>.LDM`: tells one client that the server is about to end, so that it goes elsewhere. */
export async function lameDuckOne({ options, system }: ServiceCall): Promise<Reply> {
  const { reports, silent } = await system.server.ask({ kind: 'lameDuckOne', id: options.number('cid') })
  if (reports.includes('told')) return {}
  if (reports.includes('deaf')) {
    return refused('client does not support Lame Duck Mode or is not ready to receive the notification')
  }
  return refused(silent.length > 0 ? noAnswer(silent) : 'no such client id')
}

/** The connection may be on one of these shards. */
function noAnswer(silent: readonly number[]): string {
  return `no answer from shard ${silent.join(', ')}`
}
