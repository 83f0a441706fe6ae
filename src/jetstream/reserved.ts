// Subjects of the server's own, under which no stream or consumer sends messages.

const RESERVED = ['$JS.API', '$JS.ACK', '$JS.FC', '$JS.SNAPSHOT', '$JS.EVENT', '_R_.', '_GR_.'] as const

/** Subjects that no stream or consumer may send messages to. */
export function isReservedDestination(subject: string): boolean {
  return RESERVED.some((prefix) => subject.startsWith(prefix)) || /^\$JS\.[^.]+\.API(?:\.|$)/.test(subject)
}
