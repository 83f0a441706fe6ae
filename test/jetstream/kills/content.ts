// What a message says: its subject and its bytes follow from who publishes it and its number, so that whoever gets it
// can tell whether it is as it was sent.

const PADDING = Buffer.alloc(64 * 1024, 'the quick brown fox jumps over the lazy dog. ')

export interface Origin {
  readonly publisher: string
  /** From 1 on. */
  readonly number: number
}

export interface Content {
  readonly subject: string
  readonly body: Buffer
}

/** `stream`: the first token of the subject. */
export function contentOf(stream: string, { publisher, number }: Origin): Content {
  const mixed = Math.imul(number, 0x9e3779b1) >>> 0
  const size = mixed % 97 === 0 ? mixed % PADDING.length : mixed % 700
  const subject = `${stream}.${publisher}.${mixed % 7}`
  return { subject, body: Buffer.concat([Buffer.from(`${publisher} ${number} `), PADDING.subarray(0, size)]) }
}

/** Whose message that is; undefined: it is not as anybody sent it. */
export function originOf(subject: string, body: Uint8Array): Origin | undefined {
  const [stream = '', publisher = ''] = subject.split('.')
  const number = Number(Buffer.from(body.subarray(0, 40)).toString('latin1').split(' ')[1])
  const expected = contentOf(stream, { publisher, number })
  return subject === expected.subject && expected.body.equals(body) ? { publisher, number } : undefined
}
