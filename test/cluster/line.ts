// A line between two servers that a test can make bad: a proxy on a port of 127.0.0.1 that cuts, holds, delays or
// slices what passes, in one direction or both, and notes all of it.

import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export type Direction = 'out' | 'in'

/** One connection through a line: what the dialler said, and what it was answered. */
export interface Passage {
  readonly out: Buffer[]
  readonly in: Buffer[]
  readonly closed: boolean
}

class Connection implements Passage {
  readonly out: Buffer[] = []
  readonly in: Buffer[] = []
  closed = false
  private readonly line: Line
  private readonly near: Socket
  private readonly far: Socket
  private readonly timers = new Set<NodeJS.Timeout>()

  constructor(line: Line, near: Socket, far: Socket) {
    this.line = line
    this.near = near
    this.far = far
    this.join('out', near, far)
    this.join('in', far, near)
  }

  private join(direction: Direction, from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('data', (bytes: Buffer) => {
      this[direction].push(bytes)
      this.pass(bytes, to)
    })
    from.on('error', () => this.cut())
    from.on('end', () => this.later(() => to.end()))
    from.on('close', () => {
      this.closed = true
      to.destroySoon()
    })
    if (this.line.isHeld(direction)) from.pause()
  }

  private pass(bytes: Buffer, to: Socket): void {
    const { sliceBytes } = this.line
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes)
      this.later(() => to.write(slice))
    }
  }

  private later(act: () => void): void {
    const { delayMs } = this.line
    if (delayMs === 0) {
      act()
      return
    }
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      act()
    }, delayMs)
    this.timers.add(timer)
  }

  setHeld(direction: Direction, held: boolean): void {
    const from = direction === 'out' ? this.near : this.far
    if (held) from.pause()
    else from.resume()
  }

  /** Both ends see the connection reset. */
  cut(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.closed = true
    this.near.resetAndDestroy()
    this.far.resetAndDestroy()
  }
}

export class Line {
  /** Each piece of so many bytes is written by itself. */
  sliceBytes = Number.POSITIVE_INFINITY
  delayMs = 0
  readonly passages: Connection[] = []
  private readonly server: Server
  private readonly held = { out: false, in: false }
  private isCut = false
  private target: number

  private constructor(server: Server, target: number) {
    this.server = server
    this.target = target
    server.on('connection', (near) => this.accept(near))
  }

  /** A line to this port of 127.0.0.1, for the test that calls this; `port` of the line: any that is free. */
  static async to(target: number): Promise<Line> {
    const line = await Line.open(target)
    onTestFinished(() => line.end())
    return line
  }

  /** The same for whoever ends it. */
  static async open(target: number): Promise<Line> {
    const server = createServer({ noDelay: true })
    const line = new Line(server, target)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return line
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  private accept(near: Socket): void {
    if (this.isCut) {
      near.resetAndDestroy()
      return
    }
    this.passages.push(new Connection(this, near, dial(this.target, '127.0.0.1')))
  }

  /** From now on connections go to this port. */
  leadTo(target: number): void {
    this.target = target
  }

  /** Connections that are open. */
  get open(): readonly Passage[] {
    return this.passages.filter(({ closed }) => !closed)
  }

  isHeld(direction: Direction): boolean {
    return this.held[direction]
  }

  /** Nothing passes any more, and neither end is told. */
  hold(...directions: readonly Direction[]): void {
    this.setHeld(directions, true)
  }

  /** What was held passes, and what follows. */
  release(...directions: readonly Direction[]): void {
    this.setHeld(directions, false)
  }

  private setHeld(directions: readonly Direction[], held: boolean): void {
    for (const direction of directions.length === 0 ? (['out', 'in'] as const) : directions) {
      this.held[direction] = held
      for (const passage of this.passages) passage.setHeld(direction, held)
    }
  }

  /** Every connection is reset, and none comes about until mend(). */
  cut(): void {
    this.isCut = true
    for (const passage of this.passages) passage.cut()
  }

  mend(): void {
    this.isCut = false
  }

  /** Every connection is reset; new ones come about. */
  reset(): void {
    this.cut()
    this.mend()
  }

  async end(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}
