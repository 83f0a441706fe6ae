// Conversations of one client with a server: what it sends, what it must get back, and whether it is closed. The same
// table is held against Heddle and against the real nats-server.

import { FrameReader, type ServerFrame } from './frame-reader.ts'
import { RawClient, show } from './raw-client.ts'

export interface Conversation {
  readonly name: string
  /** CONNECT's JSON; undefined: none is sent. Default: neither verbose nor pedantic. */
  readonly connect?: string | undefined
  readonly send: string | Buffer
  /** Every INFO is written as `INFO\r\n` here. */
  readonly reply: string | Buffer
  /** The server closes the connection. */
  readonly closes?: true
  /** Where nats-server is known to answer otherwise, and why we do not follow. */
  readonly natsServer?: { readonly reply?: string; readonly closes?: boolean; readonly why: string }
}

export interface Outcome {
  readonly reply: Buffer
  readonly closed: boolean
}

const QUIET = '{"verbose":false,"pedantic":false}'

const long = (bytes: number, fill = 'a'): string => fill.repeat(bytes)

/** `PUB subject` with a message that the next reply shows. */
const echo = 'SUB echo 1\r\nPUB echo 2\r\nhi\r\n'
const echoed = 'MSG echo 1 2\r\nhi\r\n'
const HEADERS = '{"verbose":false,"pedantic":false,"headers":true}'
const RESPONDERS = '{"verbose":false,"pedantic":false,"headers":true,"no_responders":true}'
const VERBOSE = '{"verbose":true,"pedantic":false}'
const PEDANTIC = '{"verbose":false,"pedantic":true}'
const UNKNOWN = "-ERR 'Unknown Protocol Operation'\r\n"

/** Bad input, docs/reference/errors.md, "Texts that close": with its -ERR, or closed in silence. */
export const BAD_INPUT: readonly Conversation[] = [
  // ── Unknown Protocol Operation ──
  { name: 'an unknown operation', send: 'FOO bar\r\n', reply: UNKNOWN, closes: true },
  { name: 'an unknown operation without its end', send: 'FOO', reply: UNKNOWN, closes: true },
  { name: 'an empty line', send: '\r\n', reply: UNKNOWN, closes: true },
  { name: 'a bare LF', send: '\n', reply: UNKNOWN, closes: true },
  { name: 'a line that begins with a blank', send: ' PING\r\n', reply: UNKNOWN, closes: true },
  { name: 'a NUL byte', send: '\0', reply: UNKNOWN, closes: true },
  { name: 'a TLS hello', send: Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), reply: UNKNOWN, closes: true },
  { name: 'an HTTP request', send: 'GET / HTTP/1.1\r\n\r\n', reply: UNKNOWN, closes: true },
  { name: 'an operation of the server', send: 'MSG a 1 2\r\nhi\r\n', reply: UNKNOWN, closes: true },
  { name: 'a verb that only begins right', send: 'PUT a 2\r\nhi\r\n', reply: UNKNOWN, closes: true },
  { name: 'a verb that only begins right, P', send: 'PX\r\n', reply: UNKNOWN, closes: true },
  { name: 'a verb that only begins right, UN', send: 'UNSUX 1\r\n', reply: UNKNOWN, closes: true },
  { name: 'a verb that only begins right, CO', send: 'CONNEKT {}\r\n', reply: UNKNOWN, closes: true },
  { name: 'PUB glued to its subject', send: 'PUBa 2\r\nhi\r\n', reply: UNKNOWN, closes: true },
  { name: 'SUB glued to its subject', send: 'SUBa 1\r\n', reply: UNKNOWN, closes: true },
  { name: 'UNSUB glued to its sid', send: 'UNSUB1\r\n', reply: UNKNOWN, closes: true },
  { name: 'HPUB glued to its subject', connect: HEADERS, send: 'HPUBa 1 2\r\nhi\r\n', reply: UNKNOWN, closes: true },
  { name: 'SUB without anything', send: 'SUB\r\n', reply: UNKNOWN, closes: true },
  { name: 'PUB without anything', send: 'PUB\r\n', reply: UNKNOWN, closes: true },
  { name: 'a payload longer than declared', send: 'PUB a 2\r\nhiii\r\n', reply: UNKNOWN, closes: true },
  { name: 'a payload shorter than declared', send: 'PUB a 5\r\nhi\r\nPING\r\n', reply: UNKNOWN, closes: true },
  { name: 'a payload that ends in LF only', send: 'PUB a 2\r\nhi\nPING\r\n', reply: UNKNOWN, closes: true },
  { name: 'a payload that ends in CR and something else', send: 'PUB a 2\r\nhi\rx', reply: UNKNOWN, closes: true },
  {
    name: 'a second payload longer than declared, after a good one',
    send: 'PUB a 2\r\nhi\r\nPUB a 2\r\nhiii\r\n',
    reply: UNKNOWN,
    closes: true,
  },
  // ── Limits ──
  {
    name: 'a control line over the limit',
    send: `SUB ${long(4097)} 1\r\n`,
    reply: "-ERR 'maximum control line exceeded'\r\n",
    closes: true,
  },
  {
    name: 'a control line over the limit without its end',
    send: `PUB ${long(5000)}`,
    reply: "-ERR 'maximum control line exceeded'\r\n",
    closes: true,
  },
  {
    name: 'a CONNECT over the limit',
    send: `CONNECT {"name":"${long(5000)}"}\r\n`,
    reply: "-ERR 'maximum control line exceeded'\r\n",
    closes: true,
  },
  {
    name: 'a payload over the limit',
    send: 'PUB a 1048577\r\n',
    reply: "-ERR 'Maximum Payload Violation'\r\n",
    closes: true,
  },
  {
    name: 'a payload over the limit, nine digits',
    send: 'PUB a 999999999\r\n',
    reply: "-ERR 'Maximum Payload Violation'\r\n",
    closes: true,
  },
  {
    name: 'a payload with headers over the limit',
    connect: HEADERS,
    send: 'HPUB a 12 1048577\r\n',
    reply: "-ERR 'Maximum Payload Violation'\r\n",
    closes: true,
  },
  // ── CONNECT ──
  {
    name: 'CONNECT that names an account',
    connect: '{"verbose":false,"account":"A"}',
    send: '',
    reply: "-ERR 'Authorization Violation'\r\n",
    closes: true,
  },
  {
    name: 'CONNECT that asks for a new account',
    connect: '{"verbose":false,"new_account":true}',
    send: '',
    reply: "-ERR 'Authorization Violation'\r\n",
    closes: true,
  },
  {
    name: 'CONNECT with protocol 2',
    connect: '{"verbose":false,"protocol":2}',
    send: '',
    reply: "-ERR 'invalid client protocol'\r\n",
    closes: true,
  },
  {
    name: 'CONNECT with protocol -1',
    connect: '{"verbose":false,"protocol":-1}',
    send: '',
    reply: "-ERR 'invalid client protocol'\r\n",
    closes: true,
  },
  {
    name: 'CONNECT with no_responders but without headers',
    connect: '{"verbose":false,"no_responders":true}',
    send: '',
    reply: "-ERR 'no responders requires headers support'\r\n",
    closes: true,
  },
  { name: 'CONNECT with cut JSON', connect: '{"verbose":', send: '', reply: '', closes: true },
  { name: 'CONNECT with a number', connect: '42', send: '', reply: '', closes: true },
  { name: 'CONNECT with a list', connect: '[]', send: '', reply: '', closes: true },
  { name: 'CONNECT with a text', connect: '"x"', send: '', reply: '', closes: true },
  { name: 'CONNECT with verbose as a text', connect: '{"verbose":"true"}', send: '', reply: '', closes: true },
  { name: 'CONNECT with name as a number', connect: '{"name":1}', send: '', reply: '', closes: true },
  { name: 'CONNECT with protocol as a fraction', connect: '{"protocol":0.5}', send: '', reply: '', closes: true },
  { name: 'CONNECT with protocol as a text', connect: '{"protocol":"1"}', send: '', reply: '', closes: true },
  { name: 'CONNECT with words behind its JSON', connect: '{"verbose":false} x', send: '', reply: '', closes: true },
  { name: 'CONNECT with 400 nested lists', connect: `${long(400, '[')}`, send: '', reply: '', closes: true },
  { name: 'CONNECT without anything', connect: '', send: '', reply: '', closes: true },
  // ── Arguments ──
  { name: 'PUB with a subject only', send: 'PUB a\r\n', reply: '', closes: true },
  { name: 'PUB with a blank only', send: 'PUB \r\n', reply: '', closes: true },
  { name: 'PUB with four arguments', send: 'PUB a b c 2\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a size that is a word', send: 'PUB a two\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a negative size', send: 'PUB a -2\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a size with a plus', send: 'PUB a +2\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a fraction as size', send: 'PUB a 2.0\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a hexadecimal size', send: 'PUB a 0x2\r\nhi\r\n', reply: '', closes: true },
  { name: 'PUB with a size of ten digits', send: 'PUB a 1000000000\r\n', reply: '', closes: true },
  {
    name: 'PUB with a size of ten digits, nine of them 0',
    send: 'PUB a 0000000002\r\nhi\r\n',
    reply: '',
    closes: true,
  },
  { name: 'PUB with a size of twenty digits', send: 'PUB a 18446744073709551618\r\nhi\r\n', reply: '', closes: true },
  {
    name: 'HPUB when headers were not asked for',
    send: 'HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    reply: '',
    closes: true,
  },
  { name: 'HPUB with one size', connect: HEADERS, send: 'HPUB a 12\r\n', reply: '', closes: true },
  { name: 'HPUB with five arguments', connect: HEADERS, send: 'HPUB a b c 12 14\r\n', reply: '', closes: true },
  { name: 'HPUB with headers larger than all', connect: HEADERS, send: 'HPUB a 14 12\r\n', reply: '', closes: true },
  {
    name: 'HPUB with a header size that is a word',
    connect: HEADERS,
    send: 'HPUB a x 12\r\n',
    reply: '',
    closes: true,
  },
  { name: 'HPUB with a negative header size', connect: HEADERS, send: 'HPUB a -1 12\r\n', reply: '', closes: true },
  { name: 'SUB with a subject only', send: 'SUB a\r\n', reply: '', closes: true },
  { name: 'SUB with a blank only', send: 'SUB \r\n', reply: '', closes: true },
  { name: 'SUB with four arguments', send: 'SUB a b c d\r\n', reply: '', closes: true },
  { name: 'UNSUB with a blank only', send: 'UNSUB \r\n', reply: '', closes: true },
  { name: 'UNSUB with three arguments', send: 'UNSUB 1 2 3\r\n', reply: '', closes: true },
  { name: '-ERR glued to its text', send: "-ERR'oh'\r\n", reply: UNKNOWN, closes: true },
  { name: 'SUB with a CR inside and too many words', send: 'SUB a\rb c d 1\r\n', reply: '', closes: true },
  { name: 'a size with a CR inside', send: 'PUB a 1\r2\r\n', reply: '', closes: true },
  {
    name: 'HPUB that turned headers off again',
    connect: HEADERS,
    send: 'CONNECT {"headers":false}\r\nHPUB a 0 0\r\n\r\n',
    reply: '',
    closes: true,
  },
  { name: '-ERR from a client', send: "-ERR 'oh'\r\n", reply: '', closes: true },
  // ── Refusals that leave the connection open ──
  { name: 'SUB with an empty token', send: `SUB a..b 1\r\n${echo}`, reply: `-ERR 'Invalid Subject'\r\n${echoed}` },
  { name: 'SUB that begins with a dot', send: 'SUB .a 1\r\n', reply: "-ERR 'Invalid Subject'\r\n" },
  { name: 'SUB that ends with a dot', send: 'SUB a. 1\r\n', reply: "-ERR 'Invalid Subject'\r\n" },
  { name: 'SUB with > in the middle', send: 'SUB a.>.b 1\r\n', reply: "-ERR 'Invalid Subject'\r\n" },
  { name: 'SUB with a bad subject and a queue', send: 'SUB a..b q 1\r\n', reply: "-ERR 'Invalid Subject'\r\n" },
  {
    name: 'SUB with the reserved queue',
    send: 'SUB a _sys_ 1\r\n',
    reply: '-ERR \'Permissions Violation for Subscription to "a" using queue "_sys_"\'\r\n',
  },
  {
    name: 'PUB to a wildcard, pedantic: refused in words, delivered all the same',
    connect: PEDANTIC,
    send: 'SUB a.> 1\r\nPUB a.* 2\r\nhi\r\n',
    reply: "-ERR 'Invalid Publish Subject'\r\nMSG a.* 1 2\r\nhi\r\n",
  },
  {
    name: 'PUB to an empty token, pedantic',
    connect: PEDANTIC,
    send: 'PUB a..b 2\r\nhi\r\n',
    reply: "-ERR 'Invalid Publish Subject'\r\n",
  },
  {
    name: 'PUB to a subject of server links',
    send: `PUB _GR_.a.b 2\r\nhi\r\n${echo}`,
    reply: `-ERR 'Permissions Violation for Publish to "_GR_.a.b"'\r\n${echoed}`,
  },
  {
    name: 'PUB to a subject of the Raft layer',
    send: 'PUB $NRG.V.x 2\r\nhi\r\n',
    reply: '-ERR \'Permissions Violation for Publish to "$NRG.V.x"\'\r\n',
  },
  {
    name: 'PUB with a reserved reply, _R_',
    send: 'SUB a 1\r\nPUB a _R_.x.y 2\r\nhi\r\n',
    reply: '-ERR \'Permissions Violation for Publish with Reply of "_R_.x.y"\'\r\n',
  },
  {
    name: 'PUB with a reserved reply, $JS.ACK',
    send: 'SUB a 1\r\nPUB a $JS.ACK.x.y 2\r\nhi\r\n',
    reply: '-ERR \'Permissions Violation for Publish with Reply of "$JS.ACK.x.y"\'\r\n',
  },
  {
    name: 'PUB with a reserved reply, _GR_',
    send: 'SUB a 1\r\nPUB a _GR_.x.y 2\r\nhi\r\n',
    reply: '-ERR \'Permissions Violation for Publish with Reply of "_GR_.x.y"\'\r\n',
  },
]

/** Odd but good input, and the answers to it. */
export const GOOD_INPUT: readonly Conversation[] = [
  {
    name: 'PUB and SUB before CONNECT, verbose as by default',
    connect: undefined,
    send: echo,
    reply: `+OK\r\n+OK\r\n${echoed}`,
  },
  { name: 'CONNECT {}', connect: '{}', send: echo, reply: `+OK\r\n+OK\r\n+OK\r\n${echoed}` },
  { name: 'CONNECT null', connect: 'null', send: echo, reply: `+OK\r\n+OK\r\n+OK\r\n${echoed}` },
  { name: 'CONNECT with unknown members', connect: '{"verbose":false,"x":{"y":[1]}}', send: echo, reply: echoed },
  { name: 'CONNECT with members in capitals', connect: '{"VERBOSE":false}', send: echo, reply: echoed },
  { name: 'CONNECT with null members', connect: '{"verbose":false,"name":null}', send: echo, reply: echoed },
  { name: 'CONNECT with a member twice', connect: '{"verbose":true,"verbose":false}', send: echo, reply: echoed },
  {
    name: 'CONNECT with credentials that nobody asked for',
    connect: '{"verbose":false,"user":"a","pass":"b"}',
    send: echo,
    reply: echoed,
  },
  {
    name: 'CONNECT with __proto__',
    connect: '{"verbose":false,"__proto__":{"verbose":true}}',
    send: echo,
    reply: echoed,
  },
  {
    name: 'verbs in small letters',
    send: 'sub echo 1\r\npub echo 2\r\nhi\r\nping\r\nunsub 1\r\n',
    reply: `${echoed}PONG\r\n`,
  },
  { name: 'verbs in mixed letters', send: 'Sub echo 1\r\npUb echo 2\r\nhi\r\nuNsUb 1\r\n', reply: echoed },
  { name: 'lines that end in LF', send: 'SUB echo 1\nPUB echo 2\nhi\r\nPING\n', reply: `${echoed}PONG\r\n` },
  { name: 'blanks in numbers', send: 'SUB   echo   1  \r\nPUB  echo   2  \r\nhi\r\n', reply: echoed },
  { name: 'tabs', send: 'SUB\techo\t1\t\r\nPUB\techo\t2\r\nhi\r\n', reply: echoed },
  { name: 'a PING with words behind it', send: 'PING hello\r\n', reply: 'PONG\r\n' },
  { name: 'a PING with words glued to it', send: 'PINGhello\r\n', reply: 'PONG\r\n' },
  { name: 'a PONG that nobody asked for', send: 'PONG\r\n', reply: '' },
  { name: '+OK and INFO from a client', send: '+OK\r\nINFO {}\r\n', reply: '' },
  { name: 'a payload of no bytes', send: 'SUB echo 1\r\nPUB echo 0\r\n\r\n', reply: 'MSG echo 1 0\r\n\r\n' },
  {
    name: 'a size with zeros in front',
    send: 'SUB echo 1\r\nPUB echo 002\r\nhi\r\n',
    reply: echoed,
    natsServer: { reply: 'MSG echo 1 002\r\nhi\r\n', why: 'we write the number anew, nats-server copies its digits' },
  },
  {
    name: 'a payload of protocol lines',
    send: 'SUB echo 1\r\nPUB echo 9\r\nPUB x 1\r\n\r\n',
    reply: 'MSG echo 1 9\r\nPUB x 1\r\n\r\n',
  },
  {
    name: 'a payload of CRLF only',
    send: 'SUB echo 1\r\nPUB echo 4\r\n\r\n\r\n\r\n',
    reply: 'MSG echo 1 4\r\n\r\n\r\n\r\n',
  },
  {
    name: 'a reply subject',
    send: 'SUB echo 1\r\nPUB echo reply.to 2\r\nhi\r\n',
    reply: 'MSG echo 1 reply.to 2\r\nhi\r\n',
  },
  { name: 'a sid of letters', send: 'SUB echo my-sid\r\nPUB echo 2\r\nhi\r\n', reply: 'MSG echo my-sid 2\r\nhi\r\n' },
  { name: 'a subject of UTF-8', send: 'SUB grüße.✓ 1\r\nPUB grüße.✓ 2\r\nhi\r\n', reply: 'MSG grüße.✓ 1 2\r\nhi\r\n' },
  {
    name: 'a subject of bytes that are not UTF-8',
    send: Buffer.from('SUB a\xff\xfe 1\r\nPUB a\xff\xfe 2\r\nhi\r\n', 'latin1'),
    reply: Buffer.from('MSG a\xff\xfe 1 2\r\nhi\r\n', 'latin1'),
  },
  {
    name: 'a sid in use keeps its first subscription',
    send: 'SUB a 1\r\nSUB b 1\r\nPUB b 2\r\nno\r\nPUB a 2\r\nhi\r\n',
    reply: 'MSG a 1 2\r\nhi\r\n',
  },
  { name: 'a sid in use is +OK', connect: VERBOSE, send: 'SUB a 1\r\nSUB b 1\r\n', reply: '+OK\r\n+OK\r\n+OK\r\n' },
  {
    name: 'two sids on one subject get a copy each',
    send: 'SUB a 1\r\nPUB a 1\r\nx\r\nSUB a 2\r\nPUB b 1\r\nx\r\n',
    reply: 'MSG a 1 1\r\nx\r\n',
  },
  { name: 'UNSUB of an unknown sid', connect: VERBOSE, send: 'UNSUB 99\r\n', reply: '+OK\r\n+OK\r\n' },
  { name: 'UNSUB with a max of 0', send: 'SUB a 1\r\nUNSUB 1 0\r\nPUB a 2\r\nhi\r\n', reply: '' },
  { name: 'UNSUB with a max that is no number', send: 'SUB a 1\r\nUNSUB 1 x\r\nPUB a 2\r\nhi\r\n', reply: '' },
  { name: 'UNSUB with a negative max', send: 'SUB a 1\r\nUNSUB 1 -5\r\nPUB a 2\r\nhi\r\n', reply: '' },
  {
    name: 'UNSUB with a max counts from SUB on',
    send: `SUB a 1\r\n${'PUB a 1\r\nx\r\n'.repeat(2)}UNSUB 1 3\r\n${'PUB a 1\r\ny\r\n'.repeat(3)}`,
    reply: `${'MSG a 1 1\r\nx\r\n'.repeat(2)}MSG a 1 1\r\ny\r\n`,
  },
  {
    name: 'UNSUB with a max that is reached already',
    send: `SUB a 1\r\n${'PUB a 1\r\nx\r\n'.repeat(3)}UNSUB 1 3\r\nPUB a 1\r\ny\r\n`,
    reply: 'MSG a 1 1\r\nx\r\n'.repeat(3),
  },
  {
    name: 'a second UNSUB raises the max',
    send: `SUB a 1\r\nUNSUB 1 1\r\nUNSUB 1 2\r\n${'PUB a 1\r\nx\r\n'.repeat(3)}`,
    reply: 'MSG a 1 1\r\nx\r\n'.repeat(2),
  },
  {
    name: '* matches one token',
    send: 'SUB a.* 1\r\nPUB a 1\r\nx\r\nPUB a.b 1\r\ny\r\nPUB a.b.c 1\r\nz\r\n',
    reply: 'MSG a.b 1 1\r\ny\r\n',
  },
  {
    name: '> matches one or more tokens',
    send: 'SUB a.> 1\r\nPUB a 1\r\nx\r\nPUB a.b 1\r\ny\r\nPUB a.b.c 1\r\nz\r\n',
    reply: 'MSG a.b 1 1\r\ny\r\nMSG a.b.c 1 1\r\nz\r\n',
  },
  {
    name: '> alone matches everything',
    send: 'SUB > 1\r\nPUB a 1\r\nx\r\nPUB a.b 1\r\ny\r\n',
    reply: 'MSG a 1 1\r\nx\r\nMSG a.b 1 1\r\ny\r\n',
  },
  {
    name: '* inside a token is literal',
    send: 'SUB a*.b 1\r\nPUB ax.b 1\r\nx\r\nPUB a*.b 1\r\ny\r\n',
    reply: 'MSG a*.b 1 1\r\ny\r\n',
  },
  {
    name: '> inside a token is literal',
    send: 'SUB a> 1\r\nPUB ab 1\r\nx\r\nPUB a> 1\r\ny\r\n',
    reply: 'MSG a> 1 1\r\ny\r\n',
  },
  {
    name: 'subjects are case sensitive',
    send: 'SUB Foo 1\r\nPUB foo 1\r\nx\r\nPUB Foo 1\r\ny\r\n',
    reply: 'MSG Foo 1 1\r\ny\r\n',
  },
  {
    name: 'wildcards in PUB are literal, * to *',
    send: 'SUB a.* 1\r\nPUB a.* 1\r\nx\r\n',
    reply: 'MSG a.* 1 1\r\nx\r\n',
  },
  { name: 'wildcards in PUB are literal, * to a word', send: 'SUB a.b 1\r\nPUB a.* 1\r\nx\r\n', reply: '' },
  {
    name: 'wildcards in PUB are literal, > to >',
    send: 'SUB a.> 1\r\nPUB a.> 1\r\nx\r\n',
    reply: 'MSG a.> 1 1\r\nx\r\n',
  },
  {
    name: 'wildcards in PUB are literal, > to words',
    send: 'SUB a.b.c 1\r\nPUB a.> 1\r\nx\r\nPUB > 1\r\nx\r\n',
    reply: '',
  },
  {
    name: 'PUB to empty tokens',
    send: 'SUB a.> 1\r\nPUB a..b 1\r\nx\r\nPUB .a 1\r\ny\r\nPUB a. 1\r\nz\r\n',
    reply: '',
  },
  {
    name: 'two wildcards',
    send: 'SUB *.*.c 1\r\nPUB a.b.c 1\r\nx\r\nPUB a.b 1\r\ny\r\nPUB a.b.d 1\r\nz\r\n',
    reply: 'MSG a.b.c 1 1\r\nx\r\n',
  },
  {
    name: '* and > together',
    send: 'SUB a.*.> 1\r\nPUB a.b 1\r\nx\r\nPUB a.b.c 1\r\ny\r\nPUB a.b.c.d 1\r\nz\r\n',
    reply: 'MSG a.b.c 1 1\r\ny\r\nMSG a.b.c.d 1 1\r\nz\r\n',
  },
  {
    name: 'a subject of 40 tokens',
    send: `SUB ${long(39, 'a.')}> 1\r\nPUB ${long(39, 'a.')}b 1\r\nx\r\n`,
    reply: `MSG ${long(39, 'a.')}b 1 1\r\nx\r\n`,
  },
  {
    name: 'a subject of 2,000 tokens',
    send: `SUB ${long(1999, 'a.')}b 1\r\nPUB ${long(1999, 'a.')}b 1\r\nx\r\n`,
    reply: `MSG ${long(1999, 'a.')}b 1 1\r\nx\r\n`,
  },
  { name: 'PING with two CRs', send: 'PING\r\r\n', reply: 'PONG\r\n' },
  {
    name: 'SUB with a max of ten digits in UNSUB',
    send: 'SUB a 1\r\nUNSUB 1 1000000000\r\nPUB a 1\r\nx\r\n',
    reply: '',
  },
  {
    name: 'UNSUB with a max of nine digits',
    send: 'SUB a 1\r\nUNSUB 1 999999999\r\nPUB a 1\r\nx\r\n',
    reply: 'MSG a 1 1\r\nx\r\n',
  },
  { name: 'CONNECT glued to its JSON', connect: undefined, send: `CONNECT${QUIET}\r\n${echo}`, reply: echoed },
  {
    name: 'CONNECT with a tab and blanks',
    connect: undefined,
    send: `CONNECT\t  ${QUIET}  \r\n${echo}`,
    reply: echoed,
  },
  { name: 'INFO glued to its JSON', send: `INFO{}\r\n${echo}`, reply: echoed },
  {
    name: 'a CR inside of a SUB line',
    send: 'SUB a\rb 1\r\nPUB a 1\r\nx\r\n',
    reply: '',
    closes: true,
    natsServer: {
      reply: 'MSG a 1 1\r\nx\r\n',
      closes: false,
      why: 'it takes the CR for a blank; we let no stray CR into a line, so that none can come out in one',
    },
  },
  { name: 'a NUL inside of a subject', send: 'SUB a\0b 1\r\nPUB a\0b 1\r\nx\r\n', reply: 'MSG a\0b 1 1\r\nx\r\n' },
  {
    name: 'a form feed inside of a subject',
    send: 'SUB a\fb 1\r\nPUB a\fb 1\r\nx\r\n',
    reply: 'MSG a\fb 1 1\r\nx\r\n',
  },
  {
    name: 'a vertical tab and an escape inside of a subject',
    send: 'SUB a\v\x1bb 1\r\nPUB a\v\x1bb 1\r\nx\r\n',
    reply: 'MSG a\v\x1bb 1 1\r\nx\r\n',
  },
  {
    name: 'an invalid subject with quotes and controls in the text',
    send: 'PUB _GR_."\\\x01é\x7f 0\r\n\r\n',
    reply: `-ERR 'Permissions Violation for Publish to "_GR_.\\"\\\\\\x01é\\x7f"'\r\n`,
  },
  { name: 'a publish to $SYS', send: 'PUB $SYS.x 0\r\n\r\n', reply: '' },
  { name: 'a subscription to $SYS', send: 'SUB $SYS.> 1\r\nPUB $SYS.x 1\r\nx\r\n', reply: 'MSG $SYS.x 1 1\r\nx\r\n' },
  { name: 'a publish to _R_', send: 'SUB _R_.x 1\r\nPUB _R_.x 1\r\nx\r\n', reply: 'MSG _R_.x 1 1\r\nx\r\n' },
  {
    name: 'a reserved prefix without its dot',
    send: 'SUB > 1\r\nPUB $NRGx 1\r\nx\r\nPUB a _R_x 1\r\ny\r\n',
    reply: 'MSG $NRGx 1 1\r\nx\r\nMSG a 1 _R_x 1\r\ny\r\n',
  },
  {
    name: 'a reply that is no valid subject',
    send: 'SUB a 1\r\nPUB a .b.*.. 1\r\nx\r\n',
    reply: 'MSG a 1 .b.*.. 1\r\nx\r\n',
  },
  {
    name: 'both a queue and a plain subscription',
    send: 'SUB a q 1\r\nSUB a q 2\r\nUNSUB 1\r\nPUB a 1\r\nx\r\n',
    reply: 'MSG a 2 1\r\nx\r\n',
  },
  {
    name: 'echo off and a queue subscription of its own',
    connect: '{"verbose":false,"echo":false}',
    send: 'SUB a q 1\r\nPUB a 1\r\nx\r\n',
    reply: '',
  },
  {
    name: 'echo off, no responders, and a subscription of its own',
    connect: '{"verbose":false,"echo":false,"headers":true,"no_responders":true}',
    send: 'SUB r 1\r\nSUB a 2\r\nPUB a r 0\r\n\r\n',
    reply: 'HMSG r 1 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n',
  },
  {
    name: 'no responders after the last one has unsubscribed',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nSUB a 2\r\nUNSUB 2\r\nPUB a r 0\r\n\r\n',
    reply: 'HMSG r 1 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n',
  },
  {
    name: 'no responders with only a queue subscription for the reply',
    connect: RESPONDERS,
    send: 'SUB r q 1\r\nPUB a r 0\r\n\r\n',
    reply: '',
  },
  {
    name: 'no responders to a request that was refused',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nPUB $NRG.a r 0\r\n\r\n',
    reply: '-ERR \'Permissions Violation for Publish to "$NRG.a"\'\r\n',
  },
  {
    name: 'many requests that nobody hears',
    connect: RESPONDERS,
    send: `SUB r 1\r\n${long(50, 'PUB a r 0\r\n\r\n')}`,
    reply: long(50, 'HMSG r 1 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n'),
  },
  {
    name: 'no responders in verbose mode',
    connect: '{"verbose":true,"pedantic":false,"headers":true,"no_responders":true}',
    send: 'SUB r 1\r\nPUB a r 0\r\n\r\n',
    reply: '+OK\r\n+OK\r\n+OK\r\nHMSG r 1 33 33\r\nNATS/1.0 503\r\nNats-Subject: a\r\n\r\n\r\n',
  },
  { name: 'echo off', connect: '{"verbose":false,"echo":false}', send: 'SUB a 1\r\nPUB a 1\r\nx\r\n', reply: '' },
  { name: 'a queue subscription', send: 'SUB a q 1\r\nPUB a 1\r\nx\r\n', reply: 'MSG a 1 1\r\nx\r\n' },
  {
    name: 'HPUB to a client with headers',
    connect: HEADERS,
    send: 'SUB a 1\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    reply: 'HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
  },
  {
    name: 'HPUB with a reply subject',
    connect: HEADERS,
    send: 'SUB a 1\r\nHPUB a r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    reply: 'HMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
  },
  {
    name: 'HPUB with header bytes that are none',
    connect: HEADERS,
    send: 'SUB a 1\r\nHPUB a 2 4\r\nxxhi\r\n',
    reply: 'HMSG a 1 2 4\r\nxxhi\r\n',
  },
  {
    name: 'HPUB with headers only',
    connect: HEADERS,
    send: 'SUB a 1\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n',
    reply: 'HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n',
  },
  {
    name: 'HPUB with no header bytes',
    connect: HEADERS,
    send: 'SUB a 1\r\nHPUB a 0 2\r\nhi\r\n',
    reply: 'MSG a 1 2\r\nhi\r\n',
  },
  {
    name: 'no responders',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nPUB nobody r 0\r\n\r\n',
    reply: 'HMSG r 1 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n',
  },
  {
    name: 'no responders over a wildcard',
    connect: RESPONDERS,
    send: 'SUB r.* 7\r\nPUB nobody r.x 2\r\nhi\r\n',
    reply: 'HMSG r.x 7 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n',
  },
  {
    name: 'no responders to HPUB',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nHPUB nobody r 12 12\r\nNATS/1.0\r\n\r\n\r\n',
    reply: 'HMSG r 1 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\n',
  },
  {
    name: 'no responders without a reply subject',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nPUB nobody 0\r\n\r\n',
    reply: '',
  },
  {
    name: 'no responders without a subscription for it',
    connect: RESPONDERS,
    send: 'PUB nobody r 0\r\n\r\n',
    reply: '',
  },
  { name: 'no responders when not asked for', connect: HEADERS, send: 'SUB r 1\r\nPUB nobody r 0\r\n\r\n', reply: '' },
  {
    name: 'a responder that is the requester itself',
    connect: RESPONDERS,
    send: 'SUB r 1\r\nSUB a 2\r\nPUB a r 0\r\n\r\n',
    reply: 'MSG a 2 r 0\r\n\r\n',
  },
  { name: 'the longest control line', send: `SUB ${long(4094)} 1\r\nPING\r\n`, reply: 'PONG\r\n' },
  {
    name: 'a repeated CONNECT changes verbose',
    send: 'CONNECT {"verbose":true}\r\nPING\r\nCONNECT {"verbose":false}\r\nPING\r\n',
    reply: '+OK\r\nPONG\r\nPONG\r\n',
  },
  {
    name: 'a repeated CONNECT keeps what it does not name',
    connect: '{"verbose":false,"pedantic":false,"echo":false}',
    send: 'CONNECT {"name":"x"}\r\nSUB a 1\r\nPUB a 1\r\nx\r\n',
    reply: '',
  },
  {
    name: 'a repeated CONNECT and subscriptions made before it',
    send: 'SUB a 1\r\nCONNECT {"name":"x"}\r\nPUB a 1\r\nx\r\n',
    reply: '',
  },
  {
    name: 'protocol 1: INFO after the first PONG',
    connect: '{"verbose":false,"protocol":1}',
    send: 'PING\r\nPING\r\n',
    reply: 'PONG\r\nINFO\r\nPONG\r\n',
  },
  { name: 'protocol 0: no INFO after the first PONG', send: 'PING\r\n', reply: 'PONG\r\n' },
  {
    name: 'verbose: +OK for each operation that was accepted',
    connect: VERBOSE,
    send: 'SUB a 1\r\nPUB b 0\r\n\r\nUNSUB 1\r\nSUB a..b 2\r\nPING\r\n',
    reply: "+OK\r\n+OK\r\n+OK\r\n+OK\r\n-ERR 'Invalid Subject'\r\nPONG\r\n",
  },
  {
    name: 'verbose: a refused PUB has no +OK',
    connect: VERBOSE,
    send: 'PUB $NRG.a 0\r\n\r\nPUB a 0\r\n\r\n',
    reply: '+OK\r\n-ERR \'Permissions Violation for Publish to "$NRG.a"\'\r\n+OK\r\n',
  },
  {
    name: 'verbose and pedantic: -ERR, +OK, message',
    connect: '{}',
    send: 'SUB > 1\r\nPUB a.* 2\r\nhi\r\n',
    reply: "+OK\r\n+OK\r\n-ERR 'Invalid Publish Subject'\r\n+OK\r\nMSG a.* 1 2\r\nhi\r\n",
  },
]

/**
 * Plays a conversation, with a port or over a connection made in another way: INFO, all bytes at once, and a PING
 * behind them where the connection stays open.
 */
export async function play(
  to: number | (() => Promise<RawClient>),
  conversation: Conversation,
  expectClose: boolean,
  byteByByte = false,
): Promise<Outcome> {
  const client = typeof to === 'number' ? await RawClient.connect(to) : await to()
  try {
    await client.readInfo()
    const connect = 'connect' in conversation ? conversation.connect : QUIET
    const hello = connect === undefined ? '' : `CONNECT ${connect}\r\n`
    const sent = Buffer.concat([Buffer.from(hello), Buffer.from(conversation.send)])
    // Behind a conversation that ends in a close nothing may follow: unread bytes at the server turn its close into a
    // reset, which may overtake its last words.
    if (expectClose) {
      client.send(sent)
      return { reply: normalise(await client.readToClose()), closed: true }
    }
    if (byteByByte) {
      for (const byte of sent) {
        client.send(Buffer.of(byte))
        await new Promise(setImmediate)
      }
      client.send('PING\r\n')
    } else client.send(sent, 'PING\r\n')
    const pings = sent.toString('latin1').match(/^ping/gim)?.length ?? 0
    const got = await untilPongs(client, pings + 1)
    const closed = client.isClosed
    // Its subscriptions are not to take part in the next conversation.
    await client.leave()
    return { reply: normalise(got), closed }
  } finally {
    await client.close()
  }
}

/** Everything up to the PONG number `count`, or up to the close; the last PONG is left out. */
async function untilPongs(client: RawClient, count: number): Promise<Buffer> {
  const pongs = new RegExp(`^(?:[^]*?PONG\\r\\n){${count}}`)
  try {
    const [text] = await client.expectMatch(pongs)
    return Buffer.concat([Buffer.from(text.slice(0, -6), 'latin1'), client.received()])
  } catch (error) {
    if (client.isClosed) return client.readToClose()
    throw error
  }
}

/** INFO differs from server to server: only its place counts here. */
function normalise(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  const reader = new FrameReader(({ line, raw }: ServerFrame) => {
    pieces.push(line.startsWith('INFO ') ? Buffer.from('INFO\r\n') : raw)
  })
  reader.push(bytes)
  return Buffer.concat([...pieces, reader.rest])
}

/** What a conversation should come to, and what it came to, in a form that a failing test shows well. */
export function expected(conversation: Conversation): { reply: string; closed: boolean } {
  return { reply: show(Buffer.from(conversation.reply)), closed: conversation.closes ?? false }
}

export function expectedOfNatsServer(conversation: Conversation): { reply: string; closed: boolean } {
  const { natsServer } = conversation
  const ours = expected(conversation)
  return {
    reply: natsServer?.reply === undefined ? ours.reply : show(Buffer.from(natsServer.reply)),
    closed: natsServer?.closes ?? ours.closed,
  }
}

export function shown(outcome: Outcome): { reply: string; closed: boolean } {
  return { reply: show(outcome.reply), closed: outcome.closed }
}
