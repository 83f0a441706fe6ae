// TLS of the server's ports, on the primary: certificates are read and staples fetched before options come into force.

import { OptionError } from '../config/normalise.ts'
import type { Log } from '../log/log.ts'
import type { Options } from '../options/options.ts'
import type { PreparedTls, Stapling } from '../tls/ocsp/stapling.ts'
import type { Result } from '../tls/pem.ts'
import type { TlsOfPorts, TlsSettings } from '../tls/tls-settings.ts'

export interface ServerTlsObserver {
  /** There is a new staple; `tls` answers the latest settings. */
  changed(tls: () => TlsOfPorts): void
  /** A certificate is not good any more, and the server is to end then. */
  revoked(): void
}

export class PortTls {
  private readonly log: Log
  private readonly observer: ServerTlsObserver
  /** Undefined: no port has TLS. */
  private stapling: Stapling | undefined

  constructor(log: Log, observer: ServerTlsObserver) {
    this.log = log
    this.observer = observer
  }

  /** TLS by these options, with its staples. Rejects with an Error that says what is wrong. */
  async prepare(options: Options): Promise<PreparedTls> {
    const tls = await readCertificates(options)
    if (Object.values(tls).every((settings) => settings === undefined)) return { tls, commit: () => this.close() }
    this.stapling ??= await this.createStapling()
    return this.stapling.prepare(tls, options)
  }

  private async createStapling(): Promise<Stapling> {
    const { log, observer } = this
    const { Stapling } = await import('../tls/ocsp/stapling.ts')
    const stapling = new Stapling({
      info: (text) => log.info(text),
      warn: (text) => log.warn(text),
      error: (text) => log.error(text),
      changed: () => observer.changed(() => stapling.tls),
      revoked: () => observer.revoked(),
    })
    return stapling
  }

  /** No timer of it runs any more. */
  close(): void {
    this.stapling?.close()
  }
}

/** Reads the certificates. Throws an Error that says what is wrong with them. */
async function readCertificates(options: Options): Promise<TlsOfPorts> {
  const { tls, allowNonTls, websocket, httpGateway, leafnodes, cluster } = options
  const webSocketTls = websocket?.port === 0 ? undefined : websocket?.tls
  const httpTls = httpGateway?.port === 0 ? undefined : httpGateway?.tls
  const leafTls = leafnodes?.port === 0 ? undefined : leafnodes?.tls
  const clusterTls = cluster?.tls
  if ([tls, webSocketTls, httpTls, leafTls, clusterTls].every((one) => one === undefined)) return {}
  const { readTls, readSecurePortTls } = await import('../tls/read-settings.ts')
  return {
    client: tls && settled(readTls(tls, allowNonTls)),
    webSocket: webSocketTls && settled(readSecurePortTls(webSocketTls)),
    http: httpTls && settled(readSecurePortTls(httpTls)),
    leaf: leafTls && settled(readTls(leafTls, false)),
    cluster: clusterTls && settled(readSecurePortTls({ ...clusterTls, ocspPeer: undefined })),
  }
}

function settled(read: Result<TlsSettings>): TlsSettings {
  if ('error' in read) throw new OptionError(read.error)
  return read.value
}
