// An OCSP responder: a web server that says of certificates what the test wants it to.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export class OcspResponder {
  /** What the next who asks is told; null: nothing at all. */
  answer: Buffer | null = Buffer.alloc(0)
  /** Says no to questions by POST. */
  takesPost = true
  /** The questions, in order (DER). */
  readonly asked: Buffer[] = []
  readonly url: string
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Answers on a free port until the test ends. */
  static async start(): Promise<OcspResponder> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const isPost = request.method === 'POST'
        if (isPost && !responder.takesPost) return response.writeHead(405).end()
        const path = decodeURIComponent((request.url ?? '').slice(1))
        responder.asked.push(isPost ? Buffer.concat(chunks) : Buffer.from(path, 'base64'))
        return responder.answer === null ? undefined : response.end(responder.answer)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const responder = new OcspResponder(server)
    onTestFinished(() => responder.stop())
    return responder
  }

  stop(): void {
    this.server.close()
    this.server.closeAllConnections()
  }
}
