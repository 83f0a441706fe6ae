// The order service: publishes an order to `order_updates`, waits until the server has it, and leaves.
//
//     src/node.sh examples/orders/publisher.ts [ITEM] [QUANTITY]

import { connect } from '@nats-io/transport-node'

const [item = 'Laptop', quantity = '1'] = process.argv.slice(2)
const connection = await connect({ servers: process.env['NATS_URL'] ?? 'nats://localhost:4222', name: 'orders' })

const order = { id: Date.now(), item, quantity: Number(quantity) }
connection.publish('order_updates', JSON.stringify(order))
// The answer to a PING that follows the order: the server has carried out what came before.
await connection.flush()
process.stdout.write(`Order published: ${JSON.stringify(order)}\n`)
await connection.close()
