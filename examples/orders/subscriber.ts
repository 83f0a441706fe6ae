// The inventory service: hears of every order. As many of them as are started hear of each; with a queue group
// (`--share`) each order goes to one of them.
//
//     src/node.sh examples/orders/subscriber.ts [--share]

import { connect } from '@nats-io/transport-node'

const connection = await connect({ servers: process.env['NATS_URL'] ?? 'nats://localhost:4222', name: 'inventory' })
const orders = connection.subscribe('order_updates', process.argv.includes('--share') ? { queue: 'inventory' } : {})
await connection.flush()
process.stdout.write('Waiting for orders\n')

// What has come already is still dealt with; then the loop below ends.
process.once('SIGINT', () => void connection.drain())

for await (const message of orders) {
  try {
    process.stdout.write(`Received new order: ${JSON.stringify(message.json())}\n`)
  } catch {
    // Anybody may publish anything: one bad order must not end the service.
    process.stderr.write(`Not an order: ${message.string()}\n`)
  }
}
