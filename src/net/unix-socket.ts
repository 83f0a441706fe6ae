// A Unix domain socket to listen on: a file, whose permissions say who may connect.
//
// It is bound under another name, gets its permissions, listens, and only then takes its place: at no time can anybody
// connect whom it does not admit, and a file that a killed server left behind is replaced in one step.

import { randomBytes } from 'node:crypto'
import { accessSync, chmodSync, constants, lstatSync, renameSync, type Stats, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { LISTEN_BACKLOG } from '../base/constants.ts'
import { osErrorText, StartError } from '../base/errors.ts'
import { bindUnixSocket } from '../base/node-private.ts'

/** What the temporary name adds. */
const SUFFIX_BYTES = 2
/** The longest path that fits into the address of a socket with its end, less the suffix. */
const PATH_BYTES_MAX = (process.platform === 'linux' ? 107 : 103) - '.'.length - 2 * SUFFIX_BYTES

function refusal(path: string, why: string): StartError {
  return new StartError(`Error listening on Unix socket: ${path}, ${why}`)
}

/**
 * Makes a server listen on `path` with the permissions `mode`. Returns a function that deletes the file, unless another
 * server has put its own there. Rejects with a StartError if the path cannot be had: a file that is no socket, or a
 * socket that somebody listens on, stays as it is.
 */
export async function listenOnUnixSocket(server: Server, path: string, mode: number): Promise<() => void> {
  if (process.platform === 'win32') throw refusal(path, 'there are none on this system')
  // Its descriptor is closed when the thread's environment ends (bindUnixSocket): it has to end with the process.
  if (!isMainThread) throw refusal(path, 'only a server on the main thread of its process can')
  const length = Buffer.byteLength(path)
  if (length > PATH_BYTES_MAX) throw refusal(path, `a path may have ${PATH_BYTES_MAX} bytes, not ${length}`)
  const objection = await whyTaken(path)
  if (objection !== undefined) throw refusal(path, objection)
  const temporary = `${path}.${randomBytes(SUFFIX_BYTES).toString('hex')}`
  try {
    // The error of a folder that is not there; bind() would call it EACCES.
    accessSync(dirname(path), constants.W_OK)
    const handle = bindUnixSocket(temporary)
    if (typeof handle === 'number') throw bindError(handle)
    chmodSync(temporary, mode)
    await listening(server, handle)
    const own = lstatSync(temporary)
    renameSync(temporary, path)
    return () => remove(path, own)
  } catch (error) {
    server.close()
    remove(temporary)
    throw refusal(path, `"listen unix ${path}: ${osErrorText(error)}" (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** The error of a system call, as Node makes one of its number. */
function bindError(errno: number): Error {
  return Object.assign(new Error(), { errno, code: getSystemErrorName(errno), syscall: 'bind' })
}

function listening(server: Server, handle: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(handle, LISTEN_BACKLOG, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function statsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Why the file at `path` must not be replaced; undefined: there is none, or a socket on which nobody listens. */
async function whyTaken(path: string): Promise<string | undefined> {
  try {
    const stats = statsOf(path)
    if (stats === undefined) return undefined
    if (!stats.isSocket()) return 'a file is there that is not a socket'
  } catch (error) {
    return osErrorText(error)
  }
  const answer = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  return answer === 'ECONNREFUSED' || answer === 'ENOENT' ? undefined : 'somebody listens there'
}

/** Deletes a file: the one that is known, if it is still that one. */
function remove(path: string, known?: Stats): void {
  try {
    const stats = statsOf(path)
    if (stats !== undefined && (known === undefined || (stats.ino === known.ino && stats.dev === known.dev))) {
      unlinkSync(path)
    }
  } catch {
    // Its folder is gone, or is not the server's any more: nothing is left to do.
  }
}
