// Seed 004: an order service (publisher) and an inventory service (subscriber), as child processes. Their sources
// are run as they were written; only the address localhost:4222 is replaced by the one of the test's server.

import { describe, expect, onTestFinished, test } from 'vitest'
import { ownPrimary, WORKERS } from '../support/harness.ts'
import { connections, Program, ROOT } from '../support/server.ts'
import { until } from '../support/until.ts'

const PUBLISHER = `
const { connect } = require('nats');   // import nats npm package

(async () => {
try {
    // Connect to the NATS server
    const nc = await connect({ servers: ['nats://localhost:4222'] });
    console.log('Publisher connected to NATS');

    // Function => publish a new order message
    const publishOrder = (order) => {
        // nc.publish method to send a message to the specified subject
        nc.publish('order_updates', JSON.stringify(order));
        console.log('Order published:', order);
    };

    // Order need to be published
    const newOrder = { id: 1, item: 'Laptop', quantity: 1 };
    publishOrder(newOrder);

    // Close the connection when done
    await nc.flush();   // ensures that all published messages have been processed
    await nc.close();   // closes the connection to the NATS server
}
catch (err) {
    console.error('Error:', err);
}
})();            // it starts an  asynchronous IIFE (Immediately Invoked Function Expression)
`

const SUBSCRIBER = `
const { connect } = require('nats');     // import nats npm package

(async () => {
try {
    // Connect to the NATS server
    const nc = await connect({ servers: ['nats://localhost:4222'] });
    console.log('Subscriber connected to NATS');

    // nc.subscribe("subject") creates a subscription to the specified subject
    // Subscribe to the 'order_updates' subject
    const sub = nc.subscribe('order_updates');

    // IIFE to handle messages as they are received.
    (async () => {
    for await (const msg of sub) {
        const order = JSON.parse(msg.data);
        console.log('Received new order:', order);
    }
    })();

} catch (err) {
    console.error('Error:', err);
}
})();
`

describe.each(WORKERS)('the order and inventory services with %i workers', (workers) => {
  function start(source: string, port: number): Program {
    const here = source.replace('localhost:4222', `127.0.0.1:${port}`)
    const program = new Program(process.execPath, ['--input-type=commonjs', '-e', here], process.env, ROOT)
    onTestFinished(() => void program.stop('SIGKILL'))
    return program
  }

  test('every order that is published is received', async () => {
    const primary = await ownPrimary({ workers })
    const { port } = primary.identity
    const inventories = [start(SUBSCRIBER, port), start(SUBSCRIBER, port)]
    for (const inventory of inventories) await inventory.until(/Subscriber connected to NATS/)
    // It says that it is connected before its SUB has been sent; the server knows better.
    await until('both subscriptions', async () => {
      const rows = await connections(primary)
      return rows.filter((row) => row.subscriptions.some(({ subject }) => subject === 'order_updates')).length === 2
    })
    const orders = [start(PUBLISHER, port), start(PUBLISHER, port), start(PUBLISHER, port)]
    for (const order of orders) {
      expect(await order.exit()).toEqual({ code: 0, signal: null })
      expect(order.stdout).toContain("Order published: { id: 1, item: 'Laptop', quantity: 1 }")
      expect(order.stderr).toBe('')
    }
    for (const inventory of inventories) {
      await inventory.until(/(?:Received new order: \{ id: 1, item: 'Laptop', quantity: 1 \}\s+){3}/)
      expect(inventory.stderr).toBe('')
    }
  })
})
