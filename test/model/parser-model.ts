// The client protocol read in the plainest way: one character at a time, one state at a time, strings only. Slow, and
// as close to the wording of the reference (6.1, 6.2, 7.1) as code can be. The real parser must make the same calls.

import { goText } from '../../src/text/utf8.ts'
import { connect, type FaultName, fault, hpub, ping, pong, request, sub, unsub } from './calls.ts'

export interface ModelSettings {
  readonly headers: boolean
  readonly maxControlLine: number
  readonly maxPayload: number
}

const IGNORED_VERBS = ['PING', 'PONG', '+OK']
/** These need a blank before their arguments … */
const SEPARATED_VERBS = ['PUB', 'HPUB', 'SUB', 'UNSUB', '-ERR']
/** … and these do not. */
const JSON_VERBS = ['CONNECT', 'INFO']
const VERBS = [...IGNORED_VERBS, ...SEPARATED_VERBS, ...JSON_VERBS]

export class ParserModel {
  readonly calls: string[] = []
  headers: boolean
  private readonly settings: ModelSettings
  private state: 'verb' | 'separator' | 'arguments' | 'ignored' | 'payload' = 'verb'
  private verb = ''
  /** Arguments or payload as far as they have come. */
  private text = ''
  private message = { subject: '', reply: '', headerSize: 0, size: 0 }
  /** What a CONNECT changes. */
  private readonly onConnect: (json: string, model: ParserModel) => void

  constructor(settings: ModelSettings, onConnect: (json: string, model: ParserModel) => void = () => undefined) {
    this.settings = settings
    this.headers = settings.headers
    this.onConnect = onConnect
  }

  /** `input`: one char a byte. */
  read(input: string): string[] {
    for (const char of input) {
      const name = this.readChar(char)
      if (name === undefined) continue
      this.calls.push(fault(name))
      break // Nothing that follows counts.
    }
    return this.calls
  }

  private readChar(char: string): FaultName | undefined {
    switch (this.state) {
      case 'verb':
        return this.readVerb(char)
      case 'separator':
        if (!isBlank(char)) return 'unknownOperation'
        this.state = 'arguments'
        return undefined
      case 'ignored':
        if (char !== '\n') return undefined
        if (this.verb === 'PING') this.calls.push(ping)
        if (this.verb === 'PONG') this.calls.push(pong)
        this.nextOperation()
        return undefined
      case 'arguments':
        if (this.text === '' && isBlank(char)) return undefined
        if (char === '\n') return this.readLine(this.text.endsWith('\r') ? this.text.slice(0, -1) : this.text)
        this.text += char
        // One more than allowed may be the CR.
        return this.text.length > this.settings.maxControlLine + 1 ? 'controlLine' : undefined
      case 'payload':
        this.text += char
        return this.readPayload()
    }
  }

  private readVerb(char: string): FaultName | undefined {
    this.verb += upperCase(char)
    if (IGNORED_VERBS.includes(this.verb)) this.state = 'ignored'
    else if (SEPARATED_VERBS.includes(this.verb)) this.state = 'separator'
    else if (JSON_VERBS.includes(this.verb)) this.state = 'arguments'
    else if (!VERBS.some((verb) => verb.startsWith(this.verb))) return 'unknownOperation'
    return undefined
  }

  private readLine(line: string): FaultName | undefined {
    if (line.length > this.settings.maxControlLine) return 'controlLine'
    if (line.includes('\r')) return 'badArguments'
    const args = line.split(/[ \t]+/).filter((argument) => argument !== '')
    switch (this.verb) {
      case 'CONNECT': {
        const json = goText(Buffer.from(line, 'latin1'))
        this.calls.push(connect(json))
        this.onConnect(json, this)
        break
      }
      case 'INFO':
        break
      case '-ERR':
        return 'errorFromClient'
      case 'SUB':
        if (args.length === 2) this.calls.push(sub(args[0], args[1]))
        else if (args.length === 3) this.calls.push(sub(args[0], args[2], args[1]))
        else return 'badArguments'
        break
      case 'UNSUB':
        if (args.length === 1) this.calls.push(unsub(args[0]))
        else if (args.length === 2) this.calls.push(unsub(args[0], Math.max(0, sizeOf(args[1]))))
        else return 'badArguments'
        break
      case 'PUB':
        if (args.length === 2) return this.beginMessage(args[0], '', '0', args[1])
        if (args.length === 3) return this.beginMessage(args[0], args[1], '0', args[2])
        return 'badArguments'
      case 'HPUB':
        if (!this.headers) return 'headersOff'
        if (args.length === 3) return this.beginMessage(args[0], '', args[1], args[2])
        if (args.length === 4) return this.beginMessage(args[0], args[1], args[2], args[3])
        return 'badArguments'
    }
    this.nextOperation()
    return undefined
  }

  private beginMessage(subject: string, reply: string, headerText: string, sizeText: string): FaultName | undefined {
    const headerSize = sizeOf(headerText)
    const size = sizeOf(sizeText)
    if (headerSize < 0 || size < 0 || headerSize > size) return 'badArguments'
    if (size > this.settings.maxPayload) return 'payload'
    this.message = { subject, reply, headerSize, size }
    this.text = ''
    this.state = 'payload'
    return undefined
  }

  private readPayload(): FaultName | undefined {
    const { subject, reply, headerSize, size } = this.message
    if (this.text.length <= size) return undefined
    if (this.text[size] !== '\r') return 'unknownOperation'
    if (this.text.length === size + 1) return undefined
    if (this.text[size + 1] !== '\n') return 'unknownOperation'
    const payload = this.text.slice(0, size)
    this.calls.push(this.verb === 'HPUB' ? hpub(subject, reply, headerSize, payload) : request(subject, reply, payload))
    this.nextOperation()
    return undefined
  }

  private nextOperation(): void {
    this.state = 'verb'
    this.verb = ''
    this.text = ''
  }
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t'
}

/** Of ASCII letters only. */
function upperCase(char: string): string {
  return char >= 'a' && char <= 'z' ? char.toUpperCase() : char
}

/** One to nine decimal digits; -1 for anything else. */
function sizeOf(text: string): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : -1
}
