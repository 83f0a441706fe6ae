// The program under test: takes orders, and asks the price service what they cost.

import type { NatsConnection } from 'heddle/client'

/** Serves `orders.create`; each order is announced on `orders.created`. */
export function serveOrders(nc: NatsConnection): void {
  nc.subscribe('orders.create', {
    queue: 'orders',
    callback: async (_, request) => {
      try {
        const item = request.string()
        const price = await nc.request(`price.${item}`, '', { timeout: 200 })
        nc.publish('orders.created', JSON.stringify({ item, price: Number(price.string()) }))
        request.respond('accepted')
      } catch {
        request.respond('try later')
      }
    },
  })
}
