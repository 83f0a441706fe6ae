// Request and reply: a service in two instances, and a client that sends it requests.
//
//     src/node.sh examples/request-reply/main.ts

import { createServer } from 'heddle'
import { connect, headers, type NatsConnection, RequestError } from 'heddle/client'

const PRICES = new Map([
  ['lamp', 30],
  ['chair', 80],
])

const server = createServer({ port: 0 })
await server.ready()

/** Starts one instance. Each request goes to one member of the queue group. */
async function startInstance(name: string): Promise<NatsConnection> {
  const nc = await connect({ servers: server.url, name })
  nc.subscribe('price.*', {
    queue: 'prices',
    callback: (error, request) => {
      if (error !== null) return console.error(error.message)
      const price = PRICES.get(request.subject.slice('price.'.length))
      if (price !== undefined) return request.respond(JSON.stringify({ price, by: name }))
      // The header by which NATS services report errors.
      const status = headers()
      status.set('Nats-Service-Error-Code', '404')
      status.set('Nats-Service-Error', 'no such item')
      request.respond('', { headers: status })
    },
  })
  await nc.flush() // the server has the subscription
  return nc
}

const [first, second] = [await startInstance('first'), await startInstance('second')]
const client = await connect({ servers: server.url, name: 'client' })

for (const item of ['lamp', 'chair', 'sofa']) {
  const reply = await client.request(`price.${item}`, '', { timeout: 5_000 })
  const failure = reply.headers?.get('Nats-Service-Error')
  console.log(`${item}: ${failure || reply.json<{ price: number }>().price}`)
}

// drain() ends the subscription, and lets the instance answer what it has received. No request is lost.
const requests = Array.from({ length: 1_000 }, () => client.request('price.lamp', '', { timeout: 5_000 }))
await first.drain()
console.log(`${(await Promise.all(requests)).length} of 1000 requests answered while one instance left`)

await second.drain()
try {
  await client.request('price.lamp')
} catch (error) {
  if (!(error instanceof RequestError && error.isNoResponders())) throw error
  console.log('no instance left: the request fails at once')
}

await client.close()
await server.close()
