// Seed 002: the client example in Python with nats-py. Its publish, subscribe and request are kept as they were
// written, protobuf messages included; the message classes, which the seed has from its own .proto file, are made
// here at run time. An application server in Python answers the requests.
//
// nats-py writes the PING of a flush at once and other commands a little later, so that the PONG may come before the
// server has seen the SUB (with nats-server as well). The PING of a second flush stands behind the SUB.

import { describe, expect, onTestFinished, test } from 'vitest'
import { useServer, WORKERS } from '../support/harness.ts'
import { missing, peers } from '../support/peers.ts'
import { Program, ROOT } from '../support/server.ts'

/** EchoRequest and EchoResponse: one text each. */
const MESSAGES = `
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

file = descriptor_pb2.FileDescriptorProto(name="echo.proto", package="echo", syntax="proto3")
for name in ("EchoRequest", "EchoResponse"):
    field = file.message_type.add(name=name).field.add(name="message", number=1)
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
    field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
EchoRequest = message_factory.GetMessageClass(pool.FindMessageTypeByName("echo.EchoRequest"))
EchoResponse = message_factory.GetMessageClass(pool.FindMessageTypeByName("echo.EchoResponse"))
`

/** The seed's connection, with the part that differs from mode to mode put in. */
const client = (body: string): string => `
import argparse
import asyncio

import nats
${MESSAGES}
async def run():
    parser = argparse.ArgumentParser()

    parser.add_argument("subject", default="hello", nargs="?")
    parser.add_argument("-d", "--data", default="hello world")
    parser.add_argument("-s", "--servers", default="nats://localhost:4222")
    parser.add_argument("--creds", default="")
    args, unknown = parser.parse_known_args()

    data = args.data
    if len(unknown) > 0:
        data = unknown[0]

    async def error_cb(e):
        print("Error:", e)

    async def reconnected_cb():
        print("Got reconnected to NATS...")

    options = {"error_cb": error_cb, "reconnected_cb": reconnected_cb}

    if len(args.creds) > 0:
        options["user_credentials"] = args.creds

    try:
        if len(args.servers) > 0:
            options["servers"] = args.servers

        nc = await nats.connect(**options)
    except Exception as e:
        print(e)
${body}
asyncio.run(run())
`

const PUBLISH = client(`
    req = EchoRequest()
    req.message = data
    payload = req.SerializeToString()

    await nc.publish(args.subject, payload)
    print(f"Published on [{args.subject}] : '{data}'")
    await nc.drain()
`)

const SUBSCRIBE = client(`
    async def message_handler(msg):
        req = EchoRequest.FromString(msg.data)
        print(f"Received a message on [{msg.subject}]: '{req.message}'", flush=True)

    await nc.subscribe(args.subject, cb=message_handler)
    await nc.flush()
    await nc.flush()
    print(f"Listening for message on [{args.subject}]", flush=True)
    await asyncio.Event().wait()
`)

const REQUEST = client(`
    req = EchoRequest()
    req.message = data
    payload = req.SerializeToString()

    response = await nc.request(args.subject, payload, timeout=10)
    print(f"Requested on [{args.subject}] : '{data}'")
    res = EchoResponse.FromString(response.data)
    print(f"Got response: '{res.message}'")
    await nc.close()
`)

/** The application server that echoes requests. */
const ECHO = client(`
    async def message_handler(msg):
        res = EchoResponse()
        res.message = EchoRequest.FromString(msg.data).message
        await msg.respond(res.SerializeToString())

    await nc.subscribe(args.subject, "echoes", cb=message_handler)
    await nc.flush()
    await nc.flush()
    print("Echoing", flush=True)
    await asyncio.Event().wait()
`)

/** What the client library does beyond the seed: headers, no responders, queue groups, drain, many messages. */
const MORE = `
import asyncio, sys
import nats
from nats.errors import NoRespondersError

async def settle(*connections):
    for connection in connections * 2:
        await connection.flush()

async def run():
    a, b, c = [await nats.connect(sys.argv[1]) for _ in range(3)]
    got = []
    sub = await b.subscribe("h")
    await settle(b)
    await a.publish("h", b"body", headers={"Color": "red"})
    msg = await sub.next_msg(timeout=10)
    assert msg.data == b"body" and msg.headers == {"Color": "red"}, msg

    try:
        await a.request("nobody", b"?", timeout=10)
        assert False
    except NoRespondersError:
        pass

    counts = [0, 0]
    def member(i):
        async def handle(msg):
            counts[i] += 1
        return handle
    await b.subscribe("work", "q", cb=member(0))
    await c.subscribe("work", "q", cb=member(1))
    await settle(b, c)
    for i in range(2000):
        await a.publish("work", b"x" * (i % 100))
    await a.flush()
    while sum(counts) < 2000:
        await asyncio.sleep(0.01)
    assert min(counts) > 500, counts

    numbers = []
    async def number(msg):
        numbers.append(int(msg.data))
    await c.subscribe("numbers.>", cb=number)
    await settle(c)
    for i in range(5000):
        await a.publish(f"numbers.{i % 7}", str(i).encode())
    await a.flush()
    while len(numbers) < 5000:
        await asyncio.sleep(0.01)
    assert numbers == list(range(5000))

    assert sum(counts) == 2000, counts
    for connection in (a, b, c):
        await connection.drain()
    print("all well")

asyncio.run(run())
`

describe.skipIf(missing('python', 'the clients in Python'))('nats-py', () => {
  describe.each(WORKERS)('with %i workers', (workers) => {
    const running = useServer({ workers })

    function python(source: string, ...args: string[]): Program {
      const program = new Program(peers.python as string, ['-c', source, ...args], process.env, ROOT)
      onTestFinished(() => void program.stop('SIGKILL'))
      return program
    }

    const seed = (source: string, ...args: string[]): Program =>
      python(source, '-s', `nats://127.0.0.1:${running.port}`, ...args)

    test('what one client publishes, the others receive', async () => {
      const listeners = [seed(SUBSCRIBE, 'greet'), seed(SUBSCRIBE, 'greet')]
      for (const listener of listeners) await listener.until(/Listening for message on \[greet\]/)
      const publisher = seed(PUBLISH, 'greet', '-d', 'grüß dich')
      expect(await publisher.exit()).toEqual({ code: 0, signal: null })
      expect(publisher.stdout).toBe("Published on [greet] : 'grüß dich'\n")
      for (const listener of listeners) {
        await listener.until(/Received a message on \[greet\]: 'grüß dich'/)
        expect(listener.stderr).toBe('')
      }
    })

    test('what a client requests is answered by the application server', async () => {
      const echo = seed(ECHO, 'router')
      await echo.until(/Echoing/)
      const requester = seed(REQUEST, 'router')
      expect(await requester.exit()).toEqual({ code: 0, signal: null })
      expect(requester.stdout).toBe("Requested on [router] : 'hello world'\nGot response: 'hello world'\n")
      expect(requester.stderr).toBe('')
    })

    test('headers, no responders, queue groups, order and drain', async () => {
      const program = python(MORE, `nats://127.0.0.1:${running.port}`)
      const exit = await program.exit(30_000)
      expect({ ...exit, stderr: program.stderr }).toEqual({ code: 0, signal: null, stderr: '' })
      expect(program.stdout).toBe('all well\n')
    })
  })
})
