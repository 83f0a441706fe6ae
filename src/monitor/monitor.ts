// HTTP monitoring (reference 11).
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Primary } from '../primary.ts'

export class Monitor {
  port = 0
  private readonly http: Server
  constructor(_primary: Primary) {
    this.http = createServer()
  }
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.http.once('error', reject)
      this.http.listen(port === -1 ? 0 : port, host, () => {
        this.port = (this.http.address() as AddressInfo).port
        resolve()
      })
    })
  }
  close(): Promise<void> {
    return new Promise((resolve) => this.http.close(() => resolve()))
  }
}
