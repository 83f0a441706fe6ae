// A worker: takes jobs from the queue group `workers` and replies with their results. main.ts starts it.

import { pbkdf2Sync } from 'node:crypto'
import { connect } from 'heddle/client'

const nc = await connect({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222' })
nc.subscribe('jobs', {
  queue: 'workers',
  callback: (error, job) => {
    if (error !== null) return console.error(error.message)
    const key = pbkdf2Sync(job.string(), 'salt', 20_000, 16, 'sha256')
    job.respond(JSON.stringify({ key: key.toString('hex'), worker: process.pid }))
  },
})
// The server has the subscription before it gets this message.
nc.publish('workers.ready')

// Finishes the jobs it has, then leaves.
process.once('SIGTERM', () => nc.drain())
