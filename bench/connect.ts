// The CONNECT that a load begins with.

/** Members of CONNECT besides the usual ones. */
export type Connect = Readonly<Record<string, unknown>>

/** `account`: also the name and password of its user; '' for none. */
export function connectText(account: string, connect: Connect = {}): string {
  // With protocol 0, servers send no INFO among the messages.
  const usual = { verbose: false, pedantic: false, headers: true, protocol: 0 }
  const login = account === '' ? {} : { user: account, pass: account }
  return `CONNECT ${JSON.stringify({ ...usual, ...login, ...connect })}\r\n`
}
