// Which folder of src/ may import which: the architecture as data. Types and lazy imports count. A folder that is named
// stands for all that is in it, unless a folder in it is named as well. A new folder begins with what it needs least.

/** In words: what the files of a folder are, and on which thread they run. */
export interface Room {
  /** The thread that runs it: any, a shard's, or the primary. */
  readonly thread: 'any' | 'shard' | 'primary'
  readonly is: string
  readonly imports: readonly string[]
}

export const ROOMS: Readonly<Record<string, Room>> = {
  // ── What every thread has ─────────────────────────────────────────────────────────────────────────────
  base: { thread: 'any', is: 'bounds, errors, clocks, timers, turns, texts in Go’s format', imports: [] },
  text: { thread: 'any', is: 'input of peers, read in linear time', imports: [] },
  options: { thread: 'any', is: 'the options in force, as types', imports: [] },
  memory: { thread: 'any', is: 'blocks, chunk pools, the ring between two shards', imports: ['base'] },
  subjects: { thread: 'any', is: 'what subjects and filters are, cover and become', imports: ['text'] },
  'jetstream/storage': {
    thread: 'any',
    is: 'the messages of streams, in memory and on the disk',
    imports: ['base', 'memory'],
  },
  s2: { thread: 'any', is: 'the compression of links between servers', imports: ['base', 'memory'] },
  log: { thread: 'any', is: 'log lines and their sinks', imports: ['base', 'text', 'options'] },
  tls: {
    thread: 'any',
    is: 'TLS negotiation, certificates, OCSP',
    imports: ['base', 'options', 'text'],
  },
  protocol: {
    thread: 'any',
    is: 'the wire format: bytes to calls, values to bytes',
    imports: ['base', 'text', 'memory'],
  },
  interest: { thread: 'any', is: 'the subscription index in shared memory', imports: ['base', 'memory'] },
  net: {
    thread: 'any',
    is: 'the bytes of one socket, and backpressure',
    imports: ['base', 'options', 'memory'],
  },
  accounts: {
    thread: 'any',
    is: 'accounts, their imports, exports, mappings and limits',
    imports: ['base', 'options', 'subjects', 'interest'],
  },
  auth: {
    thread: 'any',
    is: 'authentication and permissions, without sockets',
    imports: ['base', 'text', 'options', 'subjects', 'tls', 'accounts'],
  },
  config: {
    thread: 'primary',
    is: 'flags, file and embedded options to Options',
    imports: ['base', 'options', 'subjects', 'auth'],
  },
  websocket: {
    thread: 'shard',
    is: 'WebSocket handshakes and frames, as a transport',
    imports: ['base', 'text', 'options', 'memory', 'log', 'net', 'tls'],
  },

  // ── What is published beside the server ──────────────────────────────────────────────────────────────────
  // Few imports, none of Node but in one file of its own: browsers load it too.
  client: { thread: 'any', is: 'a NATS client for Node and browsers', imports: ['base', 'text'] },

  'nats-core': { thread: 'any', is: 'the client under the packages of nats.js', imports: ['client'] },

  http: {
    thread: 'shard',
    is: 'requests and streams of events by HTTP, as clients of the shard',
    imports: ['base', 'text', 'options', 'subjects', 'log', 'net', 'tls', 'client'],
  },

  // ── A shard ───────────────────────────────────────────────────────────────────────────────────────────
  routing: {
    thread: 'shard',
    is: 'the router: match, plan, deliver. It declares the interfaces of receivers, publishers, peers and handlers',
    imports: ['base', 'options', 'memory', 'subjects', 'protocol', 'interest', 'net', 'accounts'],
  },
  connection: {
    thread: 'shard',
    is: 'a client: its verbs, login and permissions, over any transport',
    imports: [
      'base',
      'options',
      'memory',
      'subjects',
      'log',
      'tls',
      'protocol',
      'interest',
      'net',
      'accounts',
      'auth',
      'websocket',
      'routing',
    ],
  },
  remote: {
    thread: 'shard',
    is: 'links to other servers: what routes and leaf nodes share',
    imports: ['base', 'options', 'memory', 's2', 'log', 'tls', 'protocol', 'net', 'accounts', 'routing'],
  },
  routes: {
    thread: 'shard',
    is: 'routes: connections between two servers of a cluster',
    imports: ['base', 'text', 'options', 'subjects', 'tls', 'protocol', 'net', 'accounts', 'remote'],
  },
  'routes/primary': {
    thread: 'primary',
    is: 'which servers of the cluster there are, and which routes are missing',
    imports: ['base', 'text', 'options', 'log', 'protocol', 'net', 'routes'],
  },
  leaf: {
    thread: 'shard',
    is: 'leaf nodes: links between one account here and one of another server',
    imports: [
      'base',
      'options',
      'memory',
      'subjects',
      'tls',
      'protocol',
      'net',
      'accounts',
      'auth',
      'websocket',
      'routing',
      'remote',
    ],
  },
  'leaf/primary': {
    thread: 'primary',
    is: 'all leaf links of the server, and which ones are to be dialled',
    imports: ['base', 'text', 'options', 'log', 'tls', 'net', 'websocket', 'remote', 'leaf'],
  },
  services: {
    thread: 'shard',
    is: 'requests into other accounts and back',
    imports: ['base', 'options', 'memory', 'protocol', 'accounts', 'routing'],
  },
  jetstream: {
    thread: 'shard',
    is: 'streams on the shards that own them, and the requests about them',
    imports: [
      'base',
      'text',
      'options',
      'memory',
      'subjects',
      's2',
      'protocol',
      'accounts',
      'routing',
      'jetstream/storage',
    ],
  },
  'jetstream/primary': {
    thread: 'primary',
    is: 'the list of all streams, and what is reserved for them',
    imports: ['base', 'options', 'subjects', 'jetstream', 'jetstream/storage'],
  },
  system: {
    thread: 'any',
    is: 'the system account: its subjects and the description of the server',
    imports: ['base', 'options', 'subjects', 'protocol'],
  },
  'system/shard': {
    thread: 'shard',
    is: 'takes requests to the server, publishes events of connections',
    imports: [
      'base',
      'options',
      'memory',
      'subjects',
      'protocol',
      'accounts',
      'auth',
      'routing',
      'connection',
      'leaf',
      'system',
    ],
  },
  tracing: {
    thread: 'shard',
    is: 'message tracing',
    imports: ['base', 'memory', 'subjects', 'protocol', 'accounts', 'routing', 'system'],
  },
  mesh: {
    thread: 'shard',
    is: 'between shards: runs as frames in rings, in the order of publication',
    imports: ['base', 'memory', 'log', 'protocol', 'interest', 'net', 'routing', 'tracing'],
  },
  reports: {
    thread: 'shard',
    is: 'reports of a shard about itself',
    imports: ['base', 'options', 'memory', 'subjects', 'tls', 'accounts', 'routing', 'connection', 'routes', 'leaf'],
  },

  // ── What crosses threads ──────────────────────────────────────────────────────────────────────────────
  threads: {
    thread: 'any',
    is: 'every message between the primary and shards',
    imports: [
      'base',
      'options',
      'log',
      'tls',
      'protocol',
      'net',
      'auth',
      'jetstream',
      'system',
      'routes',
      'leaf',
      'mesh',
      'reports',
    ],
  },
  shard: {
    thread: 'shard',
    is: 'one event loop with everything that a shard consists of',
    imports: [
      'base',
      'options',
      'memory',
      'subjects',
      'log',
      'tls',
      'protocol',
      'interest',
      'net',
      'accounts',
      'auth',
      'http',
      'websocket',
      'routing',
      'connection',
      'remote',
      'routes',
      'leaf',
      'services',
      'jetstream',
      'jetstream/storage',
      'system',
      'system/shard',
      'tracing',
      'mesh',
      'reports',
      'threads',
    ],
  },

  // ── The primary ───────────────────────────────────────────────────────────────────────────────────────
  monitor: {
    thread: 'primary',
    is: 'pages over HTTP and their sources',
    imports: [
      'base',
      'options',
      'subjects',
      'log',
      'tls',
      'protocol',
      'interest',
      'net',
      'accounts',
      'auth',
      'system',
      'routes',
      'reports',
      'leaf',
    ],
  },
  'system/primary': {
    thread: 'primary',
    is: 'answers requests of the system account, announces the server',
    imports: [
      'base',
      'text',
      'options',
      'subjects',
      's2',
      'log',
      'tls',
      'interest',
      'auth',
      'system',
      'reports',
      'monitor',
    ],
  },
  primary: {
    thread: 'primary',
    is: 'listens, starts and replaces shards, hands connections over, reloads, ends',
    // A shard on the primary's own thread (`workers: 0`) is loaded by shard/create-shard.ts alone.
    imports: [
      'base',
      'options',
      'memory',
      'log',
      'tls',
      'protocol',
      'interest',
      'net',
      'accounts',
      'auth',
      'config',
      'jetstream',
      'jetstream/primary',
      'jetstream/storage',
      'system',
      'system/primary',
      'routes',
      'routes/primary',
      'leaf',
      'leaf/primary',
      'mesh',
      'reports',
      'threads',
      'monitor',
      'shard',
    ],
  },

  // ── The program ───────────────────────────────────────────────────────────────────────────────────────
  embedding: {
    thread: 'primary',
    is: 'a server inside another program',
    imports: ['base', 'options', 'log', 'auth', 'config', 'client', 'primary'],
  },
  'test-kit': {
    thread: 'primary',
    is: 'a server for tests, published beside the server',
    imports: ['subjects', 'tls', 'client', 'embedding'],
  },
  process: {
    thread: 'primary',
    is: 'the process around a primary: signals, reloads, the end',
    imports: ['base', 'options', 'log', 'primary'],
  },
  '': {
    thread: 'primary',
    is: 'the command, and the API of embedding programs',
    imports: ['base', 'options', 'log', 'auth', 'config', 'embedding', 'process'],
  },
}

/** Single files, where a folder as a whole would be too much: who may import them, and what. */
export const ONLY: readonly { readonly from: string; readonly to: string; readonly files: readonly string[] }[] = [
  { from: 'primary', to: 'shard', files: ['src/shard/create-shard.ts'] },
  {
    from: 'primary',
    to: 'config',
    files: ['src/config/changes.ts', 'src/config/normalise.ts', 'src/config/table/settings-server.ts'],
  },
]

/** Files that hold a world together: only these folders take one as a whole, all others say what they need of it. */
export const WHOLE: Readonly<Record<string, readonly string[]>> = {
  'src/shard/shard.ts': ['shard'],
  'src/primary/primary.ts': ['embedding', 'process'],
  'src/connection/client.ts': ['connection', 'shard'],
}
