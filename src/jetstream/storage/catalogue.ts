// What is known of streams and consumers besides messages, in a database of SQLite: which streams there are, where
// their folders lie, their configurations, and the configurations and states of their consumers. Each call is a
// transaction that is on the disk when it returns. Calls wait for the disk: this is work for a store thread.
//
//     streams     id │ account │ name │ config             the id names the folder, and is never given twice
//     consumers   stream │ name │ kept               what its shard wants to know again
//
// With a key, names are as they are; all else is sealed (secrets.ts).
//
// A stream's configuration is also in a file of its folder. Should the database be damaged, a new one is made of these
// files, and the damaged one is kept.

import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { COPIES, Secrets } from './secrets.ts'

/** A stream as it is kept. */
export interface KeptStream {
  readonly id: number
  readonly account: string
  readonly name: string
  /** Text of the caller's. */
  readonly config: string
}

export interface KeptConsumer {
  /** The id of its stream. */
  readonly stream: number
  readonly name: string
  /** Configuration and state: text of the caller's. */
  readonly kept: string
}

export interface CatalogueSettings {
  /** The folder of all that is stored. */
  readonly folder: string
  /** Empty: nothing is encrypted. */
  readonly key?: string
  /** The key before `key`, or empty: what is sealed with it is sealed anew. */
  readonly previousKey?: string
}

const FILE = 'catalogue.sqlite'
const STREAMS = 'streams'
const CONFIG = 'stream.json'
const SECRETS = ['secret', 'secret.copy']
assert.equal(SECRETS.length, COPIES)
const DELETED = '.deleted'
/** What a value begins with. */
const PLAIN = 0
const SEALED = 1
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, name TEXT NOT NULL, config BLOB NOT NULL,
    UNIQUE (account, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS consumers (
    stream INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE, name TEXT NOT NULL,
    kept BLOB NOT NULL,
    PRIMARY KEY (stream, name)
  ) STRICT, WITHOUT ROWID;
`

export class Catalogue {
  /** What operators should know of how it was found. */
  readonly notes: string[] = []
  private readonly folder: string
  private readonly secrets: Secrets | undefined
  private readonly database: DatabaseSync
  private readonly statements = new Map<string, StatementSync>()

  /** Throws if it cannot be opened, or if the keys are wrong. */
  constructor({ folder, key = '', previousKey = '' }: CatalogueSettings) {
    this.folder = folder
    mkdirSync(join(folder, STREAMS), { recursive: true, mode: 0o750 })
    this.database = this.openDatabase()
    this.secrets = Secrets.open(key, previousKey, {
      get: () => this.copiesOfSecret(),
      set: (sealed) => {
        for (const name of SECRETS) this.replaceFile(folder, name, sealed)
      },
    })
    this.restoreStreams()
    this.removeDeleted()
    if (this.secrets !== undefined) this.sealPlain()
  }

  close(): void {
    this.database.close()
  }

  // ── Streams ───────────────────────────────────────────────────────────────────────────────────────────

  streams(): KeptStream[] {
    return this.rows('SELECT id, account, name, config FROM streams ORDER BY id').map(
      ({ id, account, name, config }) => ({
        id: id as number,
        account: account as string,
        name: name as string,
        config: this.opened(config as Uint8Array),
      }),
    )
  }

  /** Keeps a stream's configuration. Answers its id: a new one, or the one that the stream of this name has. */
  putStream(account: string, name: string, config: string): number {
    const sealed = this.sealed(config)
    this.run(
      `INSERT INTO streams (account, name, config) VALUES (?, ?, ?)
       ON CONFLICT (account, name) DO UPDATE SET config = excluded.config`,
      account,
      name,
      sealed,
    )
    const id = this.row('SELECT id FROM streams WHERE account = ? AND name = ?', account, name)?.['id'] as number
    this.writeConfig(id, account, name, sealed)
    return id
  }

  /** A stream has another name and another configuration from now on. */
  moveStream(id: number, account: string, name: string, config: string): void {
    const sealed = this.sealed(config)
    this.run('UPDATE streams SET account = ?, name = ?, config = ? WHERE id = ?', account, name, sealed, id)
    this.writeConfig(id, account, name, sealed)
  }

  /** Forgets a stream and its consumers, and removes its folder. */
  async deleteStream(id: number): Promise<void> {
    const folder = this.folderOf(id)
    // From here on it is a deleted stream, whatever happens.
    if (existsSync(folder)) renameSync(folder, folder + DELETED)
    syncFolder(join(this.folder, STREAMS))
    this.run('DELETE FROM streams WHERE id = ?', id)
    // Of a large stream this takes long.
    await rm(folder + DELETED, { recursive: true, force: true })
  }

  /** Where the blocks of a stream lie. */
  folderOf(id: number): string {
    return join(this.folder, STREAMS, String(id))
  }

  /** The key of a stream's blocks; undefined: they are not encrypted. */
  keyOf(id: number): Uint8Array | undefined {
    return this.secrets?.keyFor(`stream ${id}`)
  }

  // ── Consumers ─────────────────────────────────────────────────────────────────────────────────────────

  consumers(stream: number): KeptConsumer[] {
    return this.rows('SELECT name, kept FROM consumers WHERE stream = ? ORDER BY name', stream).map(
      ({ name, kept }) => ({ stream, name: name as string, kept: this.opened(kept as Uint8Array) }),
    )
  }

  /** Keeps consumers, all of them or none. Those of streams that are gone are left out. */
  putConsumers(consumers: readonly KeptConsumer[]): void {
    this.run('BEGIN')
    try {
      for (const { stream, name, kept } of consumers) {
        this.run(
          `INSERT INTO consumers (stream, name, kept) SELECT id, ?2, ?3 FROM streams WHERE id = ?1
           ON CONFLICT (stream, name) DO UPDATE SET kept = excluded.kept`,
          stream,
          name,
          this.sealed(kept),
        )
      }
      this.run('COMMIT')
    } catch (error) {
      this.run('ROLLBACK')
      throw error
    }
  }

  deleteConsumer(stream: number, name: string): void {
    this.run('DELETE FROM consumers WHERE stream = ? AND name = ?', stream, name)
  }

  // ── The database ──────────────────────────────────────────────────────────────────────────────────────

  private openDatabase(): DatabaseSync {
    const path = join(this.folder, FILE)
    try {
      return openChecked(path)
    } catch (error) {
      if (!isDamage(error)) throw error
      const kept = `${path}.damaged-${Date.now()}`
      for (const suffix of ['', '-wal', '-shm']) {
        if (existsSync(path + suffix)) renameSync(path + suffix, kept + suffix)
      }
      const text = error instanceof Error ? error.message : String(error)
      this.notes.push(`${path} is damaged (${text}); it is kept as ${kept}, consumers have to be created again`)
      return openChecked(path)
    }
  }

  /** Streams whose folders are there, and that the database does not have. */
  private restoreStreams(): void {
    const known = new Set(this.rows('SELECT id FROM streams').map(({ id }) => id as number))
    for (const name of readdirSync(join(this.folder, STREAMS))) {
      const id = Number(name)
      if (!Number.isSafeInteger(id) || known.has(id)) continue
      const found = this.readConfig(id)
      if (found === undefined) {
        this.notes.push(`${this.folderOf(id)} is of no stream that is known; it is left as it is`)
        continue
      }
      const { account, stream, config } = found
      this.run('INSERT OR IGNORE INTO streams VALUES (?, ?, ?, ?)', id, account, stream, Buffer.from(config, 'base64'))
      this.notes.push(`stream ${stream} was restored from ${this.folderOf(id)}`)
    }
  }

  /** Folders of streams that were deleted when something interrupted it. */
  private removeDeleted(): void {
    for (const name of readdirSync(join(this.folder, STREAMS))) {
      if (!name.endsWith(DELETED)) continue
      this.run('DELETE FROM streams WHERE id = ?', Number(name.slice(0, -DELETED.length)))
      rmSync(join(this.folder, STREAMS, name), { recursive: true, force: true })
    }
  }

  private writeConfig(id: number, account: string, stream: string, config: Uint8Array): void {
    const folder = this.folderOf(id)
    if (mkdirSync(folder, { recursive: true, mode: 0o750 }) !== undefined) syncFolder(join(this.folder, STREAMS))
    const text = JSON.stringify({ account, stream, config: Buffer.from(config).toString('base64') })
    this.replaceFile(folder, CONFIG, Buffer.from(text))
  }

  /** All of the new content is there, or all of the old. */
  private replaceFile(folder: string, name: string, content: Uint8Array): void {
    const path = join(folder, name)
    const fd = openSync(`${path}.new`, 'w', 0o640)
    try {
      writeSync(fd, content)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(`${path}.new`, path)
    syncFolder(folder)
  }

  /** Beside the database: were it damaged, nothing could be read without it. */
  private copiesOfSecret(): Uint8Array[] {
    return SECRETS.map((name) => join(this.folder, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path))
  }

  private readConfig(id: number): { account: string; stream: string; config: string } | undefined {
    try {
      const { account, stream, config } = JSON.parse(readFileSync(join(this.folderOf(id), CONFIG), 'utf8'))
      return { account: String(account), stream: String(stream), config: String(config) }
    } catch {
      return undefined
    }
  }

  /** What was kept while there was no key. */
  private sealPlain(): void {
    for (const { id, account, name, config } of this.rows('SELECT id, account, name, config FROM streams')) {
      if ((config as Uint8Array)[0] === PLAIN) {
        this.putStream(account as string, name as string, this.opened(config as Uint8Array))
      }
      const consumers = this.rows('SELECT name, kept FROM consumers WHERE stream = ?', id as number)
      if (consumers.some(({ kept }) => (kept as Uint8Array)[0] === PLAIN))
        this.putConsumers(this.consumers(id as number))
    }
  }

  private sealed(text: string): Uint8Array {
    const bytes = Buffer.from(text)
    const { secrets } = this
    return Buffer.concat(
      secrets === undefined ? [Uint8Array.of(PLAIN), bytes] : [Uint8Array.of(SEALED), secrets.seal(bytes)],
    )
  }

  private opened(bytes: Uint8Array): string {
    const content = bytes.subarray(1)
    if (bytes[0] === PLAIN) return Buffer.from(content).toString()
    if (this.secrets === undefined) throw new Error('what is stored is encrypted, and there is no key')
    return Buffer.from(this.secrets.open(content)).toString()
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }

  private run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.statement(sql).run(...values)
  }

  private row(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.statement(sql).get(...values)
  }

  private rows(sql: string, ...values: (string | number)[]): Record<string, unknown>[] {
    return this.statement(sql).all(...values)
  }
}

function openChecked(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    database.exec(SCHEMA)
    const [verdict] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[]
    if (verdict.quick_check !== 'ok') throw new DamagedError(verdict.quick_check)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

class DamagedError extends Error {}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED = new Set([11, 26])

function isDamage(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return error instanceof DamagedError || (errcode !== undefined && DAMAGED.has(errcode & 0xff))
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
