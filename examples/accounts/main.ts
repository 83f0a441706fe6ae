// Two accounts of server.conf: messages and requests that pass from one to the other.
//
//     src/node.sh examples/accounts/main.ts

import { connect } from 'heddle/client'

const servers = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222'
const shop = await connect({ servers, user: 'shop', pass: 'change-me' })
const reports = await connect({ servers, user: 'reports', pass: 'change-me' })

// Everything that the account REPORTS can see.
const seen = reports.subscribe('>', { max: 1 })
shop.subscribe('price.*', { callback: (_, request) => request.respond('30') })
await Promise.all([reports.flush(), shop.flush()])

shop.publish('secrets.margin', '0.4') // stays in SHOP
shop.publish('orders.new', 'one lamp')
for await (const message of seen) console.log(`REPORTS got ${message.subject}: ${message.string()}`)

const reply = await reports.request('shop.price.lamp', '', { timeout: 5_000 })
console.log(`REPORTS asked SHOP for a price: ${reply.string()}`)

await Promise.all([shop.close(), reports.close()])
