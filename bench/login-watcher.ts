// Of a storm of logins, the client that is in already and waits for its PONGs: in a process of its own, so that the
// storm's own work does not count as the server's.
//
//     src/node.sh bench/login-watcher.ts PORT MEMBERS     started by login-storm.ts

import { setTimeout as pause } from 'node:timers/promises'
import { enter } from './login-clients.ts'

const PING_GAP_MS = 5

const [port, members] = process.argv.slice(2)
const { socket, isIn } = enter(Number(port), JSON.parse(members))
if (!(await isIn)) throw new Error('nobody is let in')

let isOver = false
process.once('message', () => {
  isOver = true
})
process.send?.('in')
const waits: number[] = []
while (!isOver) {
  const fromMs = performance.now()
  socket.write('PING\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  waits.push(performance.now() - fromMs)
  await pause(PING_GAP_MS)
}
process.send?.(waits, () => process.exit(0))
