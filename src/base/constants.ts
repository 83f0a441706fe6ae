// Every bound of the server in one place, with the relations between bounds asserted when the file loads. Values that a
// client or a tool can observe follow nats-server; the rest are Heddle's own and give a reason.

import assert from 'node:assert/strict'

/** The nats-server release whose behaviour we follow; clients choose features by it. */
export const NATS_VERSION = '2.15.3'
/** The level of the JetStream API, which is that of this release. */
export const API_LEVEL = 5
/** Protocol number of INFO: 1 = echo and later INFO messages are understood. */
export const PROTOCOL_VERSION = 1
/** What the program is called in its files, in the syslog, and where `--signal` looks for it. */
export const PROGRAM = 'nats-server'
export const HEDDLE_VERSION = '0.1.0'

// ── What a client can observe ───────────────────────────────────────────────────────────────────────────
export const DEFAULT_HOST = '0.0.0.0'
/** The same for a server that is embedded in a program: clients of other machines reach it only if it is asked for. */
export const EMBEDDED_HOST = '127.0.0.1'
export const DEFAULT_PORT = 4222
export const CONTROL_LINE_MAX = 4096
/** The same for lines of other servers, whose names of queue groups are many: as nats-server has it. */
export const LINK_CONTROL_LINE_MAX = 16 * CONTROL_LINE_MAX
/** Other servers may allow larger payloads than this one: nats-server takes whatever they send. */
export const LINK_PAYLOAD_MAX = 64 * 1024 * 1024
/** Bytes that wait for another server, beyond which it is cut: nats-server has no bound. */
export const LINK_PENDING_MAX = 256 * 1024 * 1024
export const PAYLOAD_MAX = 1024 * 1024
export const PENDING_MAX = 64 * 1024 * 1024
export const CONNECTIONS_MAX = 64 * 1024
export const PING_INTERVAL_MS = 2 * 60_000
export const PING_OUT_MAX = 2
/** The early first PING, before up to a fifth more by chance. */
export const FIRST_PING_MS = 2_000
/** Time for a closed peer to read the remaining output. */
export const LINGER_MS = 1_000
/** An RTT older than this is measured again even on a busy connection. */
export const RTT_AGE_MAX_MS = 60 * 60_000
export const WRITE_DEADLINE_MS = 10_000
/** Lame duck mode: how long it takes in all, and before the first client is closed. */
export const LAME_DUCK_DURATION_MS = 2 * 60_000
export const LAME_DUCK_GRACE_PERIOD_MS = 10_000
/** Longest wait between the closing of two clients. */
export const LAME_DUCK_GAP_MAX_MS = 1_000
/** Decimal digits of a size argument; more is refused before any arithmetic. */
export const SIZE_DIGITS_MAX = 9
/** Requests of an account for services of others that wait for their answers, on a shard; the oldest is forgotten. */
export const CALLS_MAX = 128 * 1024
/** Accounts that have a limit of connections and have some, at one time: those of more are not let in. */
export const ACCOUNT_ROWS_MAX = 256 * 1024
/** Connections remembered after they closed, for /connz?state=closed. */
export const CLOSED_CLIENTS_MAX = 10_000
/** Characters that a shard keeps of them: rows; subscriptions and credentials, which the oldest are left without. */
export const CLOSED_ROWS_CHARS_MAX = 4 * 1024 * 1024
export const CLOSED_DETAIL_CHARS_MAX = 4 * 1024 * 1024
/** Of one that had more subscriptions, only the first ones are remembered. */
export const CLOSED_SUBSCRIPTIONS_MAX = 100

// ── Threads ─────────────────────────────────────────────────────────────────────────────────────────────
/** With the system default of 511 a storm of 2,000 connects overflowed the queue and clients hung. */
export const LISTEN_BACKLOG = 4096
export const SHARDS_MAX = 64
/** … and as many as there are by default: each one has a link to each other one. */
export const SHARDS_DEFAULT_MAX = 16
/** File descriptors reserved for the server: so many, but no larger share of a low limit. */
export const DESCRIPTORS_KEPT_MAX = 64
export const DESCRIPTORS_KEPT_SHARE = 1 / 4
/** Of connections beyond the limit, the log names one in this time. */
export const CROWDED_LOG_MS = 1_000
/** A shard that dies again within SHARD_SETTLED_MS is replaced after a delay, which grows up to a bound. */
export const SHARD_SETTLED_MS = 60_000
export const RESTART_BACKOFF_MIN_MS = 100
export const RESTART_BACKOFF_MAX_MS = 5_000
/** A thread that has not become a shard by then is ended. It takes a third of a second of processor time. */
export const SHARD_START_MS = 60_000
/** With streams, a spare thread is begun so long after the start, and after a replacement. */
export const SPARE_DELAY_MS = 1_000
/** The primary names a shard that has not turned its loop for this long, and stops handing it connections. */
export const SHARD_LATE_MS = 1_000
/** …and replaces it when it has had so much time of its own without a turn of its loop (docs/threads.md) … */
export const SHARD_STUCK_MS = 1_400
/** … or has been silent for this long, where the system does not tell what its time went to. */
export const SHARD_SILENT_MAX_MS = 10_000
export const HEARTBEAT_MS = 250
/**
 * A store thread beats in the midst of long work as well. One without a beat for this much time of its own is replaced;
 * what waits for it is then answered before clients give up, which most do after 5 s.
 */
export const STORE_STUCK_MS = 2_500
/** How often the log says how many TLS handshakes were too many. */
export const THROTTLED_LOG_MS = 1_000
/**
 * Longest wait for a shard's answer to a question. A shard that does not turn its loop is given up as soon as that is
 * noticed; this bound is for one that turns it and is too busy to answer.
 */
export const SHARD_ANSWER_MS = 10_000
/** How long an orderly stop waits for sockets to take what is queued for them. */
export const SHUTDOWN_GRACE_MS = 2_000

// ── The log ─────────────────────────────────────────────────────────────────────────────────────────────
/** Lines that are written in a second of what one connection, or one address, does wrong; the others are counted. */
export const COMPLAINTS_A_SECOND = 10
/** Connections and addresses that are counted each for itself. */
export const COMPLAINTS_SOURCES_MAX = 4_096

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────
/** Word-wise copies may touch this many bytes behind the end of what they copy, so every block has them spare. */
export const BLOCK_SLACK = 8
/** One read buffer a shard. Larger reads mean fewer system calls and fewer split messages at 4 KiB payloads. */
export const READ_BYTES = 256 * 1024
/** Bytes read from one connection before all others get their turn … */
export const READ_TURN_BYTES = 1024 * 1024
/** … or work that these bytes ask for: a turn in units of turns.ts, about a millisecond. */
export const TURN_WORK = 128 * 1024
/** A read may take so much more to its end: where a turn ends within a read, what is left of it has to be copied. */
export const TURN_GRACE = TURN_WORK / 2
/** First piece of a connection's own output; the next ones are CHUNK_BYTES. */
export const SMALL_CHUNK_BYTES = 4 * 1024
export const CHUNK_BYTES = 64 * 1024
/**
 * Young generation of a shard's heap. What a shard makes it either drops at once or keeps for long, so that V8's
 * default, 48, saves no time: 16 took as little, and 8 to 13 % less memory, with 100,000 subscriptions, 10,000
 * connections and random subjects; 6 instead of 8 is 6 MiB less after 24,000 short connections. It fills between two
 * full collections, minutes apart: so much does resident memory go up and down.
 */
export const YOUNG_GENERATION_MIB = 6
/**
 * By how much a heap may grow beyond what lived at its latest full collection, before the next one. V8's own choice, up
 * to four times of it, left 2.2 times the resident memory of before after 60,000 short connections; this 1.5 times,
 * when it was measured alone.
 */
export const HEAP_GROWTH_PERCENT = 25
/**
 * Free memory that a shard's chunk pool keeps, over all size classes: as much as many publishers can make wait for one
 * receiver. Chunks that are made and dropped all the time keep V8's collector busy.
 */
export const POOL_FREE_MAX = 64 * 1024 * 1024
/** … of which so much stays when it is not needed (ChunkPool.trim). */
export const POOL_IDLE_MAX = 2 * 1024 * 1024
/** A message this large travels by reference to the block it was assembled in, not by copy. */
export const BY_REFERENCE_MIN = 16 * 1024
/** Encoded output shorter than this is copied to each receiver: cheaper than one more slice a receiver. */
export const SHARE_MIN = 512
/** Output queued in one turn that makes the shard flush before the turn ends, while the bytes are in cache. */
export const FLUSH_EARLY_BYTES = 256 * 1024
/** A loop that had nothing to do for this long ends its turn with the next read instead of waiting for more. */
export const LOOP_IDLE_MS = 0.05
/** Connections that are written to at a stretch: about a millisecond. */
export const WRITES_A_TURN = 256
/** Memory that a fan-out may take for all its receivers together, where each has to have a copy. */
export const FAN_OUT_BYTES_MAX = 16 * 1024 * 1024
/** Slices handed to one write call. */
export const WRITE_SLICES_MAX = 256
export const WRITE_BATCH_MAX = 1024 * 1024
/** … and to a socket that did not take the latest at once: so small that a slow reader is not taken for a stuck one. */
export const WRITE_BATCH_SLOW_MAX = 128 * 1024

// ── Holding back a fast producer ────────────────────────────────────────────────────────────────────────
/** A receiver with more than this queued, or half of what it may have queued, holds its publishers back … */
export const HOLD_PENDING = 2 * 1024 * 1024
/** … for at most this long for each HOLD_READ_BYTES read, which leaves a publisher 6.4 MB/s as nats-server does. */
export const HOLD_MS = 10
export const HOLD_READ_BYTES = 64 * 1024
/** Share of max_pending from which on a receiver holds back a whole ring, not only the publisher. */
export const NEARLY_FULL = 0.75
/** A receiver that has taken nothing for this long holds no publisher any more. */
export const STUCK_AFTER_MS = 100
/**
 * Where max_pending is so small that it cannot take in what comes during a reader's pause, holding is all that keeps
 * the reader from being cut: there a hold lasts until the reader has caught up, or is stuck for this long.
 */
export const STUCK_AFTER_SMALL_MS = 1_000

// ── Dropping messages ───────────────────────────────────────────────────────────────────────────────────
/** A receiver that drops messages may have this many bytes of protocol lines waiting beyond max_pending. */
export const LINES_PENDING_MAX = 64 * 1024
/** Share of max_pending that is dropped at once where the oldest go: moving a queue up takes time by its length. */
export const DROP_STEP = 1 / 16
/** A receiver that has dropped nothing for this long has caught up: when it drops again, the log says so again. */
export const DROP_QUIET_MS = 10_000

// ── Accounts from a web server ──────────────────────────────────────────────────────────────────────────
/** Time for one, redirections and all, and when the log says that it took long: as nats-server has them. */
export const ACCOUNT_FETCH_MS = 1_900
export const ACCOUNT_FETCH_SLOW_MS = 1_000
export const ACCOUNT_REDIRECTS_MAX = 10
/** Fetches at once; the others wait, as long as one may take. */
export const ACCOUNT_FETCHES_MAX = 64
/** One that was not there is not asked for again for so long, and so many are remembered: strangers ask in floods. */
export const ACCOUNT_MISSING_MS = 1_000
export const ACCOUNT_MISSING_MAX = 1024
export const ACCOUNT_SOCKET_IDLE_MS = 30_000

// ── OCSP ────────────────────────────────────────────────────────────────────────────────────────────────
/** Time for one try, and when to ask again where the answer names no time: as nats-server has them. */
export const OCSP_FETCH_MS = 30_000
export const OCSP_CHECK_MS = 24 * 60 * 60_000
/** … after the time that it named, and as that comes near. */
export const OCSP_CHECK_LATE_MS = 2 * 60_000
export const OCSP_CHECK_MIN_MS = 1_000
export const OCSP_RESPONSE_MAX = 64 * 1024
/** Certificates of clients of which it is remembered whether they are good. */
export const OCSP_CACHED_MAX = 16 * 1024

// ── WebSocket ───────────────────────────────────────────────────────────────────────────────────────────
/** Longest head of a handshake's request. */
export const HANDSHAKE_BYTES_MAX = 16 * 1024
/** Time for a TLS handshake where none is configured. */
export const TLS_TIMEOUT_MS = 2_000
/** Time for the header of the PROXY protocol. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000
/** Time for a WebSocket handshake where none is configured. nats-server has no such bound. */
export const HANDSHAKE_MS = 2_000
/** Largest frame to a browser, and output that is not worth compressing: as nats-server has them. */
export const FRAME_BROWSER_MAX = 4096
export const FRAME_COMPRESS_MIN = 64
/** To other servers a longer message is compressed in parts, each a message. */
export const FRAME_COMPRESS_MAX = 64 * 1024
/** Output up to this size is copied behind its frame's head: cheaper than a write of two pieces. */
export const FRAME_JOIN_MAX = 4 * 1024
/** What a compressed message may be larger than the largest payload, before it is inflated. */
export const DEFLATE_SLACK_BYTES = 16 * 1024
/** Largest compressed message of a peer before login. */
export const DEFLATE_STRANGER_MAX = 64 * 1024
/** Bytes inflated for one connection before the others get their turn. */
export const INFLATE_TURN_BYTES = 1024 * 1024
/** A peer that does not read is not answered PONG any more when this much waits for it. */
export const PONG_BACKLOG_MAX = 64 * 1024

// ── Between shards ──────────────────────────────────────────────────────────────────────────────────────
/** One ring for each ordered pair of shards, as large as this … */
export const RING_BYTES_MAX = 1024 * 1024
/** … unless all of them together would be larger than this; then smaller, down to a bound. */
export const RINGS_BYTES_MAX = 64 * 1024 * 1024
export const RING_BYTES_MIN = 128 * 1024
/** Bytes drained from one ring before other work gets its turn. */
export const RING_TURN_BYTES = 512 * 1024
/**
 * Bytes that wait for one ring that is full. From then on, and until none wait, all publishers that have ever sent to
 * that shard are read no further: each is held at its own first frame that waits, and adds what was read with it, so
 * that many of them together would fill memory, and the collector would be busy with it.
 */
export const LINK_BEHIND_MAX = 4 * 1024 * 1024
/** … from which on what the server publishes of its own accord is dropped. */
export const LINK_WAITING_MAX = 64 * 1024 * 1024
/** As much in one turn means that more is coming: the consumer looks again instead of going to sleep. */
export const RING_BUSY_BYTES = 16 * 1024
/** Runs of one read that go to another shard in one frame. */
export const BATCH_RUNS_MAX = 1024
/** Subjects of other shards that a shard knows by number: over all of them, and of one at least. */
export const MEMOS_MAX = 32 * 1024
export const MEMOS_MIN = 512
/** Traced messages of which another shard is to tell what happened; of more than these it does not. */
export const TRACES_AWAITED_MAX = 4_096
/**
 * Longest names of accounts and queue groups, in bytes, and of clusters, which are as those of accounts: they are in
 * the head of each frame. A queue group is refused
 * only where the limit of control lines was raised.
 */
export const ACCOUNT_NAME_MAX = 1024
export const QUEUE_NAME_MAX = 8 * 1024
/** A frame has room for this many bytes of messages at least, whatever the names in its head. */
export const FRAME_ROOM_MIN = 16 * 1024
/** Times a queue-group message may look for another shard after its picked member has gone. */
export const REROUTE_MAX = 32

// ── Monitoring pages ────────────────────────────────────────────────────────────────────────────────────
/** Connections and subscriptions that a shard examines for pages in one turn of its loop; about a millisecond. */
export const PAGE_TURN_WORK = 1_000
/** Long pages that are made at once. The others wait, and equal waiting requests share one page. */
export const PAGES_AT_ONCE = 2
/** A request whose page was not begun within this time is refused. */
export const PAGE_WAIT_MS = 20_000
/** Bytes of answers that all peers together have not taken; beyond it the longest waiting ones are closed. */
export const ANSWERS_UNTAKEN_MAX = 64 * 1024 * 1024

// ── System account ──────────────────────────────────────────────────────────────────────────────────────
/** Longest body of a request to the server itself; requests with tokens may be as long as tokens are. */
export const SYSTEM_REQUEST_BYTES_MAX = 64 * 1024
/** Requests that wait for the primary, a shard, and their bytes: more are refused. */
export const SYSTEM_REQUESTS_MAX = 1024
export const SYSTEM_REQUESTS_BYTES_MAX = 8 * 1024 * 1024
/** … and of those, how many may be of one account that is not the system's own: it is not to crowd out operators. */
export const SYSTEM_REQUESTS_ACCOUNT_MAX = 64
/** Requests that the primary works on at once: a page of thousands of connections takes memory until it is out. */
export const SYSTEM_REQUESTS_AT_ONCE = 8
/**
 * What the server publishes about itself if there is a subscriber: its numbers, and the connections of each account.
 */
export const STATSZ_INTERVAL_MS = 10_000
export const STATSZ_FIRST_MS = 250
export const ACCOUNT_CONNECTIONS_INTERVAL_MS = 30_000
/** Shards count all their connections for it: a storm of connects is announced no more often than this. */
export const ACCOUNT_CONNECTIONS_GAP_MS = 100

// ── Interest ────────────────────────────────────────────────────────────────────────────────────────────
/** A shard's region of the shared index: first size, and the address space reserved for it. */
export const REGION_BYTES = 1024 * 1024
export const REGION_BYTES_MAX = 1024 * 1024 * 1024
/** Counters that tell match caches what is stale; bucket 0 is for filters whose first token is a wildcard. */
export const GENERATION_BUCKETS = 1024
/**
 * Steps through a region from which its owner removes filters meanwhile, over all tries, before it is taken to be
 * interested. A usual try has ten to twenty and takes about a microsecond; an owner that does nothing but remove leaves
 * a gap for one in a few dozen. One that meets thousands of filters is not tried often: it takes milliseconds.
 */
export const REGION_READ_STEPS = 64 * 1024
/** Slots of a shard's plan cache and how many of them one subject may live in. */
export const MATCH_CACHE_SLOTS = 32 * 1024
export const MATCH_CACHE_WAYS = 8
/** What all plans in the cache may name together; each receiver takes 10 to 100 bytes. */
export const MATCH_CACHE_WEIGHT_MAX = 512 * 1024
/** Subscriptions in all the audiences that new plans can share; when there are more, all are forgotten. */
export const AUDIENCES_WEIGHT_MAX = MATCH_CACHE_WEIGHT_MAX
/** Of so many subjects for which there is no room, one takes the place of another. */
export const MATCH_CACHE_DISPLACE = 16
/** Hashes of subjects that were looked up once; if two share a place, neither may ever be seen twice. */
export const MATCH_CACHE_SIGHTED = 4 * MATCH_CACHE_SLOTS
/** Longest subject that is cached. */
export const MATCH_CACHE_KEY_BYTES = 128

assert(PAYLOAD_MAX <= PENDING_MAX, 'a message must fit its receiver')
assert(RING_BYTES_MAX % RING_BYTES_MIN === 0 && Number.isInteger(Math.log2(RING_BYTES_MIN)))
assert(
  2 * ACCOUNT_NAME_MAX + QUEUE_NAME_MAX + FRAME_ROOM_MIN + 256 <= RING_BYTES_MIN / 4,
  'a frame is a quarter of a ring',
)
assert(QUEUE_NAME_MAX >= CONTROL_LINE_MAX)
assert(CHUNK_BYTES > SHARE_MIN && BY_REFERENCE_MIN < CHUNK_BYTES)
assert(HOLD_PENDING < PENDING_MAX, 'a producer is held before its receiver is cut')
assert(SHARD_LATE_MS > 2 * HEARTBEAT_MS && SHARD_STUCK_MS > 2 * HEARTBEAT_MS && SHARD_SILENT_MAX_MS > SHARD_LATE_MS)
assert((GENERATION_BUCKETS & (GENERATION_BUCKETS - 1)) === 0)
assert(MATCH_CACHE_SLOTS % MATCH_CACHE_WAYS === 0)
assert(SYSTEM_REQUESTS_ACCOUNT_MAX < SYSTEM_REQUESTS_MAX)

/** The longest that a timer of Node's can be set for: one beyond that fires at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1

// ── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────
/** Longest head of a request. */
export const HTTP_HEAD_BYTES_MAX = 16 * 1024
/** Time for the first head of a connection, and for each later one from the end of the answer before. */
export const HTTP_FIRST_HEAD_MS = 10_000
export const HTTP_NEXT_HEAD_MS = 60_000
/** Time for a body. */
export const HTTP_BODY_MS = 30_000
/** Requests of a connection that may wait for the answer to the one before. */
export const HTTP_PIPELINED_MAX = 16
/** The rest of a refused request that is read, so that the connection goes on. */
export const HTTP_SHORT_BYTES = 64 * 1024
/** What is read of a longer one before the connection is closed, and for how long. */
export const HTTP_LINGER_BYTES = 1024 * 1024
export const HTTP_LINGER_MS = 1_000
