// A NATS client in less than 260 lines, to learn the protocol from. It has four verbs:
//
//     connect(address)                       publish(subject, reply, payload)
//     subscribe(subject, queue, callback)    close()
//
// The protocol is lines of text. Each ends with CR LF, and begins with a verb; a payload follows where the line says how
// long it is. This is a whole conversation, > from the client, < from the server:
//
//     < INFO {"server_id":"NA…","version":"2.12.0","max_payload":1048576,…}␍␊
//     > CONNECT {"verbose":false,"name":"example"}␍␊
//     > PING␍␊
//     < PONG␍␊                         it was let in
//     > SUB greetings 1␍␊              messages to "greetings" are wanted, as number 1
//     > PUB greetings 5␍␊hello␍␊       a message of 5 bytes
//     < MSG greetings 1 5␍␊hello␍␊     it comes back, to number 1
//     < PING␍␊                         are you there?
//     > PONG␍␊                         whoever does not answer is cut off
//     > UNSUB 1␍␊
//
// What a client for daily use has besides is in heddle/client: it finds other servers when one is lost, bounds what
// waits, and so on. Here clarity comes before speed.

import { connect as openSocket, type Socket } from 'node:net'

/** Gets each message: its subject, the subject for an answer or '', and the payload. */
export type Callback = (subject: string, reply: string, payload: Buffer) => void

/** The members of INFO that are used here. There are more. */
interface Info {
  readonly max_payload: number
}

/** A message whose line has come, but not yet all of its payload. */
interface Announced {
  readonly subject: string
  readonly sid: number
  readonly reply: string
  readonly size: number
}

const LINE_END = '\r\n'

export class Client {
  private socket: Socket | undefined
  /** What was read and not understood yet: at most one cut line, or one cut message. */
  private input: Buffer = Buffer.alloc(0)
  /** The message whose payload is to come next. Undefined: a line comes next. */
  private announced: Announced | undefined
  /** Subscriptions by the number that we chose for them. The server repeats it in each MSG. */
  private readonly subscriptions = new Map<number, Callback>()
  private lastSid = 0
  private payloadMax = 0
  /** What the server said before it closed the connection. */
  private refusal = ''
  /** Called when INFO, or the answer to our first PING, has come. */
  private greeted = (): void => undefined
  private admitted = (): void => undefined
  private failed = (_: Error): void => undefined

  // ── Connect ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Connects to `host:port`. Resolves when the server has let us in; rejects if it does not. */
  async connect(address: string): Promise<void> {
    const [host, port = '4222'] = address.split(':')
    const socket = openSocket({ host, port: Number(port) })
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.read(chunk))
    socket.on('error', (error) => this.failed(error))
    socket.on('close', () => this.failed(new Error(this.refusal || 'the server closed the connection')))

    // The server speaks first: INFO.
    await new Promise<void>((resolve, reject) => {
      this.greeted = resolve
      this.failed = reject
    })

    // Then we introduce ourselves. Without `verbose: false` the server would answer each line with +OK. A PING shows
    // whether it took us: it answers in order, with PONG, or before that with -ERR and the end of the connection.
    const options = { verbose: false, pedantic: false, name: 'example', lang: 'ts', version: '1', protocol: 1 }
    await new Promise<void>((resolve, reject) => {
      this.admitted = resolve
      this.failed = reject
      this.write(`CONNECT ${JSON.stringify(options)}${LINE_END}PING${LINE_END}`)
    })
    this.failed = () => undefined
  }

  // ── Publish ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a message. `reply`: the subject where an answer is expected, or ''. */
  publish(subject: string, reply: string, payload: Buffer | string): void {
    checkWord(subject)
    if (reply !== '') checkWord(reply)
    const bytes = Buffer.from(payload)
    // A server ends the connection for a message that is larger than it said.
    if (bytes.length > this.payloadMax) throw new Error(`the server takes ${this.payloadMax} bytes at most`)
    // PUB subject [reply] size␍␊payload␍␊. As the size is told, a payload may have any bytes in it, line ends too.
    const words = reply === '' ? ['PUB', subject, bytes.length] : ['PUB', subject, reply, bytes.length]
    this.write(Buffer.concat([Buffer.from(words.join(' ') + LINE_END), bytes, Buffer.from(LINE_END)]))
  }

  // ── Subscribe ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Has each message to a subject given to a callback, until unsubscribe. In a subject, `*` stands for one word, and a
   * `>` at its end for one or more. Of all subscriptions of a queue, over all clients, one gets each message; `queue`
   * is '' for none. Returns the number of the subscription.
   */
  subscribe(subject: string, queue: string, callback: Callback): number {
    checkWord(subject)
    if (queue !== '') checkWord(queue)
    const sid = ++this.lastSid
    this.subscriptions.set(sid, callback)
    // SUB subject [queue] number␍␊
    const words = queue === '' ? ['SUB', subject, sid] : ['SUB', subject, queue, sid]
    this.write(words.join(' ') + LINE_END)
    return sid
  }

  /** Ends a subscription. Messages that were on their way are dropped, as nobody is found for their number. */
  unsubscribe(sid: number): void {
    this.subscriptions.delete(sid)
    this.write(`UNSUB ${sid}${LINE_END}`)
  }

  // ── Close ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends what is left, and ends the connection. */
  close(): Promise<void> {
    const { socket } = this
    if (socket === undefined || socket.closed) return Promise.resolve()
    return new Promise((resolve) => {
      socket.once('close', () => resolve())
      socket.end()
    })
  }

  private write(bytes: Buffer | string): void {
    if (this.socket === undefined || this.socket.destroyed) throw new Error('there is no connection')
    this.socket.write(bytes)
  }

  // ── The parser ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A chunk came. TCP carries a stream of bytes and knows nothing of lines: a chunk may have many of them, or end in
   * the middle of one. So what is cut waits for the next chunk.
   */
  private read(chunk: Buffer): void {
    this.input = Buffer.concat([this.input, chunk])
    for (;;) {
      const isMore = this.announced === undefined ? this.readLine() : this.readPayload(this.announced)
      if (!isMore) return
    }
  }

  /** Reads one line; false if it is not whole yet. */
  private readLine(): boolean {
    const end = this.input.indexOf(LINE_END)
    if (end < 0) return false
    const line = this.input.toString('utf8', 0, end)
    this.input = this.input.subarray(end + LINE_END.length)
    const blank = line.indexOf(' ')
    const verb = blank < 0 ? line : line.slice(0, blank)
    this.process(verb.toUpperCase(), blank < 0 ? '' : line.slice(blank + 1))
    return true
  }

  /** Reads the payload of a message, and the line end behind it; false if they are not whole yet. */
  private readPayload({ subject, sid, reply, size }: Announced): boolean {
    if (this.input.length < size + LINE_END.length) return false
    const payload = this.input.subarray(0, size)
    this.input = this.input.subarray(size + LINE_END.length)
    this.announced = undefined
    this.subscriptions.get(sid)?.(subject, reply, payload)
    return true
  }

  /** Everything that a server may say. */
  private process(verb: string, rest: string): void {
    switch (verb) {
      case 'INFO':
        this.processInfo(rest)
        break
      case 'MSG':
        this.processMsg(rest)
        break
      case 'PING':
        // By default every 2 minutes. Who does not answer is told -ERR 'Stale Connection'.
        this.write(`PONG${LINE_END}`)
        break
      case 'PONG':
        this.admitted()
        break
      case '+OK':
        break // only with verbose
      case '-ERR':
        this.processErr(rest)
        break
      default:
        this.socket?.destroy(new Error(`what is ${verb}?`))
    }
  }

  /** At the beginning, and again whenever something changes, such as the servers of a cluster. */
  private processInfo(rest: string): void {
    this.payloadMax = (JSON.parse(rest) as Info).max_payload
    this.greeted()
  }

  /** MSG subject number [reply] size */
  private processMsg(rest: string): void {
    const words = rest.split(' ')
    const [subject, sid] = words
    const reply = words.length > 3 ? words[2] : ''
    this.announced = { subject, sid: Number(sid), reply, size: Number(words.at(-1)) }
  }

  /** The text is in quotation marks. After most errors the server closes the connection. */
  private processErr(rest: string): void {
    this.refusal = rest.replaceAll("'", '')
  }
}

/** A blank would make two words of one, and a line end two lines. */
function checkWord(word: string): void {
  if (word === '' || /\s/.test(word)) throw new Error(`"${word}" is no subject`)
}
