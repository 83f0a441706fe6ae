// The client at work: src/node.sh examples/client/main.ts [HOST:PORT]

import { Client } from './client.ts'

const client = new Client()
await client.connect(process.argv[2] ?? '127.0.0.1:4222')

const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

// Two workers share the questions; each answers those that it gets.
for (const name of ['Ada', 'Grace']) {
  client.subscribe('questions', 'workers', (_, reply, payload) => {
    client.publish(reply, '', `${name} says: ${payload.toString().toUpperCase()}`)
  })
}

// A request is a message with a subject for the answer, which nobody else uses.
const inbox = `_INBOX.${crypto.randomUUID()}`
const answers = new Promise<void>((resolve) => {
  let count = 0
  client.subscribe(inbox, '', (_, __, payload) => {
    print(payload.toString())
    if (++count === 4) resolve()
  })
})
for (const question of ['one', 'two', 'three', 'four']) client.publish('questions', inbox, question)
await answers
await client.close()
