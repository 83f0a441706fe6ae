// The handshake of a leaf link that this server has dialled: it waits for INFO, logs in by CONNECT, and waits for the
// answer.

import { Deadline } from '../base/deadline.ts'
import { CloseReason, Faults } from '../base/errors.ts'
import { byteString } from '../subjects/byte-string.ts'
import type { DialledLeaf } from './contract.ts'
import { type Signer, sign } from './credentials.ts'
import { closed, type Greeting, type GreetingLink, whyNotCluster } from './greeting.ts'
import { compressionLine, connectLine, type LeafInfo, readInfo } from './hello.ts'
import { withDenies } from './leaf-rights.ts'
import type { LeafDesk, LeafOwner } from './owner.ts'

/** From CONNECT to the INFO that answers it. */
const ANSWER_MS = 2_000
/** The other server is left alone for so long if this one must not be its leaf node. */
const CLUSTER_DELAY_MS = 30_000

export class Dialled implements Greeting {
  readonly identity = undefined
  readonly connected = undefined
  private readonly owner: LeafOwner
  private readonly desk: LeafDesk
  private readonly link: GreetingLink
  private readonly order: DialledLeaf
  private readonly deadline = new Deadline()
  /** Where else the hub may be reached, if the primary has not been told: the latest that it has said. */
  private untold: readonly string[] | undefined
  private isTelling = false
  private state: 'waiting' | 'compressing' | 'connecting' | 'deciding' | 'bound' = 'waiting'

  constructor(owner: LeafOwner, desk: LeafDesk, link: GreetingLink, order: DialledLeaf) {
    this.owner = owner
    this.desk = desk
    this.link = link
    this.order = order
  }

  greet(): void {
    this.awaitInfo()
  }

  private awaitInfo(): void {
    const { firstInfoTimeout } = this.order.remote
    this.deadline.start(firstInfoTimeout, () => this.link.closeByTimer(Faults.staleConnection))
  }

  stop(): void {
    this.deadline.stop()
  }

  /** Nobody has logged in here. */
  async review(): Promise<void> {}

  processConnect(_json: string): void {
    this.link.close(Faults.badArguments)
  }

  processInfo(json: string): void {
    const info = readInfo(json)
    if (info === undefined) {
      this.link.close(Faults.badArguments)
      return
    }
    if (this.state === 'waiting') this.heardFirst(info)
    else if (this.state === 'compressing') this.goOnToConnect(info)
    else if (this.state === 'connecting' && info.isAnswer) this.link.attempt(() => this.heardAnswer(info))
    else if (this.state === 'bound') this.heardLater(info)
  }

  private heardFirst(info: LeafInfo): void {
    const { link } = this
    this.deadline.stop()
    if (info.clientId === 0 || !(info.hasUrls || info.answersConnect)) {
      this.owner.log.error('attempted to connect to wrong port', link)
      link.close(closed(undefined, CloseReason.wrongPort))
      return
    }
    const refusal = whyNotCluster(info.cluster, this.desk.cluster)
    if (refusal !== undefined) {
      link.delayMs = CLUSTER_DELAY_MS
      link.refuse(refusal)
      return
    }
    const { serverName: name, domain, headers } = info
    link.meet({ name, cluster: byteString(info.cluster), domain, headers })
    this.tellUrls(info)
    // This side says first, in plain, that it compresses.
    const announce = (): void => link.sendText(compressionLine(link.id, link.compression.mode))
    link.negotiate(info.compression, announce, (isCompressed) => {
      if (!isCompressed) {
        this.goOnToConnect(info)
        return
      }
      this.state = 'compressing'
      this.awaitInfo()
    })
  }

  private goOnToConnect(info: LeafInfo): void {
    const { link, owner } = this
    this.deadline.stop()
    this.state = 'connecting'
    const goOn = link.suspend()
    link.attempt(async () => {
      await this.connect(info)
      owner.wake()
      owner.schedule()
      goOn()
    })
  }

  private async connect(info: LeafInfo): Promise<void> {
    const { desk, link } = this
    const { remote, username, password, jwt, seed } = this.order
    const signer: Signer = { jwt, seed: seed || remote.nkey }
    const signed = await sign(signer, info.nonce)
    const missing = await desk.learn(link.account)
    if (link.closing) return
    if (missing !== undefined) {
      const what = `Unable to lookup account ${remote.account} for solicited leafnode connection`
      this.owner.log.error(`${what}: ${missing}`, link)
      link.close(closed(undefined, CloseReason.authentication))
      return
    }
    if (signed === undefined) {
      this.owner.log.error('the credentials of a remote cannot be used', link)
      link.close(closed(undefined, CloseReason.authentication))
      return
    }
    link.sendText(
      connectLine({
        identity: desk.identity,
        credentials: { user: username, password, token: password === '' ? username : '', ...signed },
        domain: desk.domain,
        cluster: desk.cluster,
        isHub: remote.hub,
        streams: desk.hasStreams(link.account),
        denyImports: remote.denyImports,
        isolate: remote.requestIsolation,
        compression: link.compressMode,
        account: remote.account,
      }),
    )
    if (info.answersConnect) {
      this.deadline.start(ANSWER_MS, () =>
        link.closeByTimer(closed('Stale Leaf Node Connection - Closing', CloseReason.staleConnection)),
      )
    } else await this.heardAnswer(info)
  }

  private async heardAnswer(info: LeafInfo): Promise<void> {
    const { link } = this
    this.deadline.stop()
    this.state = 'deciding'
    link.remoteAccount = info.remoteAccount
    this.obeyInfo(info)
    const goOn = link.suspend()
    if (await link.bind()) {
      this.state = 'bound'
      link.begin()
    }
    this.owner.schedule()
    goOn()
  }

  private obeyInfo({ imports, exports }: LeafInfo): void {
    const { denyImports, denyExports } = this.order.remote
    const allowed = imports?.allow?.length === 0 ? { ...imports, allow: undefined } : imports
    this.link.obey({ incoming: withDenies(allowed, denyImports), outgoing: withDenies(exports, denyExports) })
  }

  private heardLater(info: LeafInfo): void {
    this.tellUrls(info)
    if (info.hasPermissions) this.obeyInfo(info)
  }

  private tellUrls({ urls: plain, webSocketUrls }: LeafInfo): void {
    const { link, desk } = this
    const urls = link.isWebSocket ? webSocketUrls : plain
    if (urls.length === 0 || this.order.remote.ignoreDiscovered) return
    this.untold = urls
    if (this.isTelling) return
    this.isTelling = true
    link.attempt(async () => {
      for (let latest = this.untold; latest !== undefined; latest = this.untold) {
        this.untold = undefined
        await desk.ask({ kind: 'urls', link: link.id, urls: latest })
      }
      this.isTelling = false
    })
  }
}
